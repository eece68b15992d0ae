#include "cmd/vz-keygen/table.h"

#define GROUP_MAKE  "Make an identity, without other tasks"
#define GROUP_TASK  "Other tasks"
#define GROUP_PROVE "Read and verify"
#define GROUP_SIGN  "Sign, as ssh-keygen does"

static const struct option_row rows[] = {
    {'f', .arg = "FILE", .kind = KIND_FILE, .group = GROUP_MAKE, .help = "where it is",
	.both = "where it is"},
    {'i', "identity", "FILE", KIND_FILE, .group = GROUP_MAKE, .help = "where it is"},
    {'C', "comment", "COMMENT", KIND_TEXT, .group = GROUP_MAKE, .help = "kept in clear"},
    {OPT_PASSPHRASE, "passphrase", .group = GROUP_MAKE, .help = "ask for one"},
    {OPT_PASSPHRASE_FD, "passphrase-fd", "N", KIND_NUMBER, .group = GROUP_MAKE,
	.help = "read it there"},
    {OPT_FORCE, "force", .group = GROUP_MAKE, .help = "replace the file"},
    {OPT_IMPORT_SSH, "import-ssh", "KEYFILE", KIND_FILE, .group = GROUP_MAKE,
	.help = "from OpenSSH"},
    {OPT_AGENT, "agent", "KEY", KIND_FILE, .group = GROUP_MAKE, .help = "in ssh-agent"},
    {'y', .group = GROUP_TASK, .help = "print its public key: vz1..."},
    {OPT_SSH, "ssh", .group = GROUP_TASK, .help = "with -y: ssh-ed25519 AAAA..."},
    {'l', .group = GROUP_TASK, .help = "fingerprint; -v: and picture"},
    {'p', .group = GROUP_TASK, .help = "change its passphrase"},
    {OPT_ROTATE, "rotate", .group = GROUP_TASK, .help = "renew all keys but vz1..."},
    {OPT_PSK, "psk", .group = GROUP_TASK, .help = "make a pre-shared key"},
    {OPT_OPEN, "open", "FILE", KIND_FILE, .group = GROUP_PROVE, .help = "print a sealed message"},
    {OPT_VERIFY_AUDIT, "verify-audit", "FILE", KIND_FILE, .group = GROUP_PROVE,
	.help = "is it whole?"},
    {OPT_HEAD, "head", "HASH", KIND_TEXT, .group = GROUP_PROVE, .help = "that it must have"},
    {'Y', .arg = "VERB", .kind = KIND_WORD, .words = "sign verify find-principals check-novalidate",
	.group = GROUP_SIGN, .help = "sign, verify, ..."},
    {'n', .arg = "NAMESPACE", .kind = KIND_TEXT, .group = GROUP_SIGN, .help = "what for"},
    {'I', .arg = "PRINCIPAL", .kind = KIND_TEXT, .group = GROUP_SIGN, .help = "as whom"},
    {'s', .arg = "FILE", .kind = KIND_FILE, .group = GROUP_SIGN, .help = "the signature",
	.both = "signature, revoked keys"},
    {'r', .arg = "FILE", .kind = KIND_FILE, .group = GROUP_SIGN, .help = "revoked keys"},
    {'O', .arg = "DETAIL", .kind = KIND_WORD, .words = "print-pubkey verify-time= hashalg=sha512",
	.group = GROUP_SIGN, .help = "see the manual"},
    {0},
};

const struct option_table keygen_table = {
    .program = "vz-keygen",
    .usage = "usage: vz-keygen [-f FILE] [-C COMMENT] [--passphrase] [--force]\n"
	     "       vz-keygen --import-ssh KEYFILE | --agent KEY  [the same]\n"
	     "       vz-keygen -y [--ssh] | -l [-v] | -p | --rotate | --psk | --open FILE\n"
	     "       vz-keygen [--head HASH] --verify-audit FILE [FILE...]\n"
	     "       vz-keygen -Y sign -n NAMESPACE [FILE...]\n"
	     "       vz-keygen -Y verify -f SIGNERS -I PRINCIPAL -n NAMESPACE -s FILE\n"
	     "The first makes this host's identity, and prints its public key: vz1...\n"
	     "Without -f FILE it is the file ~/.config/vz/identity.\n",
    .groups =
	(const char *const[]){GROUP_MAKE, GROUP_SIGN, GROUP_TASK, GROUP_PROVE, GROUP_SAID, NULL},
    .rows = (const struct option_row *const[]){rows, rows_of_all, NULL},
    .rest = KIND_FILE,
};
