#include "cmd/vz-keygen/keygen.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/exit.h"
#include "guard/audit_verify.h"
#include "guard/sandbox.h"

#define PROGRAM "vz-keygen"

static const char help[] =
    "usage: vz-keygen [-f FILE] [-C COMMENT] [--passphrase] [--force]\n"
    "                               make an identity, print its key: vz1...\n"
    "       vz-keygen -y [-f FILE] [--ssh]\n"
    "                               print the key of an identity\n"
    "       vz-keygen -l [-f FILE]  print its fingerprint as ssh-keygen does\n"
    "       vz-keygen -p [-f FILE]  change its passphrase; an empty one removes it\n"
    "       vz-keygen --psk [-f FILE] [--force]\n"
    "                               make a pre-shared key: vzpsk1...\n"
    "       vz-keygen [-f FILE] --open FILE\n"
    "                               print a sealed message if all of it verifies\n"
    "       vz-keygen [-f FILE] [--head HASH] --verify-audit FILE [FILE...]\n"
    "                               prove that an audit file is whole\n"
    "\n"
    "  -f, -i, --identity FILE   the identity (default ~/.config/vz/identity)\n"
    "  -C, --comment TEXT        a comment, kept in the clear in the file\n"
    "      --passphrase          ask twice for a passphrase to encrypt the file with\n"
    "      --passphrase-fd N     read passphrases from descriptor N, one a line\n"
    "      --force               replace a file that exists\n"
    "      --ssh                 print ssh-ed25519 AAAA...\n"
    "      --head HASH           which a line of the audit file must have\n"
    "  -v, --verbose             say more\n"
    "  -q, --quiet               say nothing but errors\n"
    "      --log-json            events on stderr, one JSON object a line\n"
    "  -h, --help                print this\n"
    "  -V, --version             print the version\n";

enum {
	OPT_FORCE = OPT_PROGRAM,
	OPT_HEAD,
	OPT_OPEN,
	OPT_PASSPHRASE,
	OPT_PSK,
	OPT_SSH,
	OPT_VERIFY_AUDIT,
};

static const char shorts[] = "+:hVvqi:f:C:ylp";
static const struct option longs[] = {
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"identity", required_argument, NULL, 'i'},
    {"passphrase-fd", required_argument, NULL, OPT_PASSPHRASE_FD},
    {"log-json", no_argument, NULL, OPT_LOG_JSON},
    {"comment", required_argument, NULL, 'C'},
    {"force", no_argument, NULL, OPT_FORCE},
    {"head", required_argument, NULL, OPT_HEAD},
    {"open", required_argument, NULL, OPT_OPEN},
    {"passphrase", no_argument, NULL, OPT_PASSPHRASE},
    {"psk", no_argument, NULL, OPT_PSK},
    {"ssh", no_argument, NULL, OPT_SSH},
    {"verify-audit", required_argument, NULL, OPT_VERIFY_AUDIT},
    {NULL, 0, NULL, 0},
};

enum mode {
	MODE_MAKE,
	MODE_SHOW,
	MODE_FINGERPRINT,
	MODE_PASSPHRASE,
	MODE_PSK,
	MODE_OPEN,
	MODE_AUDIT,
};

static const struct {
	const char *name;
	int (*run)(const struct keygen *k);
} modes[] = {
    [MODE_MAKE] = {"making an identity", keygen_make},
    [MODE_SHOW] = {"-y", keygen_show},
    [MODE_FINGERPRINT] = {"-l", keygen_fingerprint},
    [MODE_PASSPHRASE] = {"-p", keygen_passphrase},
    [MODE_PSK] = {"--psk", keygen_psk},
    [MODE_OPEN] = {"--open", keygen_open},
    [MODE_AUDIT] = {"--verify-audit", keygen_verify_audit},
};

static void
set_mode(enum mode *mode, enum mode to)
{
	if (*mode != MODE_MAKE && *mode != to)
		diag_usage("%s and %s exclude each other", modes[*mode].name, modes[to].name);
	*mode = to;
}

/* A hash as sha256sum(1) prints it, or with capitals. */
static const char *
head_of(const char *value)
{
	static char head[VZ_AUDIT_HASH];
	char shown[128];

	if (strlcpy(head, value, sizeof(head)) < sizeof(head))
		for (char *c = head; *c; c++)
			if (*c >= 'A' && *c <= 'F')
				*c += 'a' - 'A';
	if (strlen(value) != strlen(head) || !vz_audit_hash_ok(head))
		diag_usage("--head: not 64 digits of hex: '%s'",
		    diag_escape(shown, sizeof(shown), value, strlen(value)));
	return head;
}

static void
take_option(struct keygen *k, enum mode *mode, int opt)
{
	switch (opt) {
	case 'f': k->common.identity = optarg; return;
	case 'C': k->comment = optarg; return;
	case 'y': set_mode(mode, MODE_SHOW); return;
	case 'l': set_mode(mode, MODE_FINGERPRINT); return;
	case 'p': set_mode(mode, MODE_PASSPHRASE); return;
	case OPT_PSK: set_mode(mode, MODE_PSK); return;
	case OPT_FORCE: k->force = true; return;
	case OPT_PASSPHRASE: k->want_passphrase = true; return;
	case OPT_SSH: k->ssh = true; return;
	case OPT_HEAD: k->head = head_of(optarg); return;
	case OPT_OPEN:
		set_mode(mode, MODE_OPEN);
		k->sealed = optarg;
		return;
	case OPT_VERIFY_AUDIT:
		set_mode(mode, MODE_AUDIT);
		k->audit = optarg;
		return;
	default: common_option(&k->common, opt, optarg, PROGRAM, help);
	}
}

/* An option that means nothing in this mode was meant for another. */
static void
check_options(const struct keygen *k, enum mode mode)
{
	const char *bad = NULL;

	if (k->comment && mode != MODE_MAKE)
		bad = "-C";
	else if (k->force && mode != MODE_MAKE && mode != MODE_PSK)
		bad = "--force";
	else if (k->want_passphrase && mode != MODE_MAKE)
		bad = "--passphrase";
	else if (k->common.passphrase_fd >= 0 && mode != MODE_MAKE && mode != MODE_PASSPHRASE &&
	    mode != MODE_OPEN)
		bad = "--passphrase-fd";
	else if (k->ssh && mode != MODE_SHOW)
		bad = "--ssh";
	else if (k->head && mode != MODE_AUDIT)
		bad = "--head";
	if (bad)
		diag_usage("%s has no meaning when %s%s", bad,
		    mode == MODE_MAKE ? "" : "given with ", modes[mode].name);
	if (k->comment && (!*k->comment || !vz_name_ok(k->comment, strlen(k->comment))))
		diag_usage("-C: a comment is 1 to 255 bytes of UTF-8 without control characters");
	if (k->common.identity && !*k->common.identity)
		diag_usage("-f: the file's name is empty");
}

static enum mode
parse(int argc, char **argv, struct keygen *k)
{
	enum mode mode = MODE_MAKE;
	char shown[256];
	int opt;

	common_defaults(&k->common);
	while ((opt = common_next(argc, argv, shorts, longs)) != -1)
		take_option(k, &mode, opt);
	k->more = argv + optind;
	if (optind < argc && mode != MODE_AUDIT)
		diag_usage("no operands are taken: '%s'",
		    diag_escape(shown, sizeof(shown), argv[optind], strlen(argv[optind])));
	check_options(k, mode);
	if (!k->comment)
		k->comment = "";
	k->from.fd = k->common.passphrase_fd;
	k->from.askpass = env_askpass();
	k->want_passphrase = k->want_passphrase || k->from.fd >= 0;
	return mode;
}

/* Which file it is about. 0, or the status of what was reported. */
static int
find_path(struct keygen *k, enum mode mode)
{
	const char *option = k->common.identity;
	int err = 0;

	if (mode == MODE_PSK || mode == MODE_AUDIT)
		err = strlcpy(k->path, option ? option : "", sizeof(k->path)) < sizeof(k->path)
		    ? 0
		    : VZ_ELIMIT;
	else if (mode == MODE_MAKE)
		err = vz_paths_new_identity(env_paths(), option, k->path, sizeof(k->path));
	else
		err = vz_paths_identity(env_paths(), option, k->path, sizeof(k->path));
	if (err == VZ_ENOTFOUND) {
		diag_error("no place for an identity: HOME is not set");
		diag_hint("name a file with -f");
	} else if (err) {
		diag_error("the identity's path is too long");
	}
	return vz_exit_of(err);
}

int
main(int argc, char **argv)
{
	static struct keygen k;
	struct vz_sandbox_state layers;
	enum mode mode;
	int status;

	env_open_std();
	diag_init(PROGRAM, 0, false);
	/* A reader that is gone shows as EPIPE when stdout is closed, with a status of its own. */
	signal(SIGPIPE, SIG_IGN);
	mode = parse(argc, argv, &k);
	if (vz_secret_init() != 0) {
		diag_error("no randomness to be had");
		return VZ_EXIT_OSERR;
	}
	vz_sandbox_begin(&layers); /* all that is of use here: it meets no stranger */
	status = find_path(&k, mode);
	if (!status)
		status = modes[mode].run(&k);
	return diag_close_stdout(status);
}
