#include "cmd/vz-keygen/options.h"

#include <string.h>
#include <strings.h>
#include <time.h>
#include "base/text.h"
#include "base/timestamp.h"
#include "cmd/common/diag.h"
#include "cmd/vz-keygen/table.h"
#include "guard/audit_verify.h"

#define PRINCIPAL_MAX 1024 /* as long as ssh-keygen's patterns may be */

/* What each is called when it meets another. */
static const char *const names[] = {
    [KEYGEN_MAKE] = "making an identity",
    [KEYGEN_SHOW] = "-y",
    [KEYGEN_FINGERPRINT] = "-l",
    [KEYGEN_PASSPHRASE] = "-p",
    [KEYGEN_PSK] = "--psk",
    [KEYGEN_ROTATE] = "--rotate",
    [KEYGEN_OPEN] = "--open",
    [KEYGEN_AUDIT] = "--verify-audit",
    [KEYGEN_IMPORT] = "--import-ssh",
    [KEYGEN_HELD] = "--agent",
    [KEYGEN_SIGN] = "-Y sign",
    [KEYGEN_VERIFY] = "-Y verify",
    [KEYGEN_CHECK] = "-Y check-novalidate",
    [KEYGEN_FIND] = "-Y find-principals",
};

static void
set_mode(struct keygen *k, enum keygen_mode to)
{
	if (k->mode != KEYGEN_MAKE && k->mode != to)
		diag_usage("%s and %s exclude each other", names[k->mode], names[to]);
	k->mode = to;
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

/* -Y VERB, of those that ssh-keygen has. */
static enum keygen_mode
mode_of(const char *verb)
{
	char shown[64];

	for (enum keygen_mode m = KEYGEN_SIGN; m <= KEYGEN_FIND; m++)
		if (strcmp(names[m] + strlen("-Y "), verb) == 0)
			return m;
	diag_usage("-Y: not sign, verify, find-principals or check-novalidate: '%s'",
	    diag_escape(shown, sizeof(shown), verb, strlen(verb)));
}

static void
take_time(struct keygen_signature *s, const char *value)
{
	char shown[64];

	if (vz_timestamp_parse(value, strlen(value), mktime, &s->at) != 0)
		diag_usage("-O verify-time: not YYYYMMDD[HHMM[SS]][Z]: '%s'",
		    diag_escape(shown, sizeof(shown), value, strlen(value)));
}

/* -O NAME[=VALUE], of those that ssh-keygen has for -Y. */
static void
take_detail(struct keygen_signature *s, const char *value)
{
	static const char time[] = "verify-time=";
	char shown[64];

	if (strcmp(value, "print-pubkey") == 0)
		s->print_key = true;
	else if (strncmp(value, time, strlen(time)) == 0)
		take_time(s, value + strlen(time));
	else if (strcmp(value, "hashalg=sha512") != 0)
		diag_usage("-O: not verify-time=TIME, print-pubkey or hashalg=sha512: '%s'",
		    diag_escape(shown, sizeof(shown), value, strlen(value)));
}

/* What belongs to -Y; false for any other option. */
static bool
take_signature_option(struct keygen *k, int opt)
{
	struct keygen_signature *s = &k->signature;

	switch (opt) {
	case 'Y': set_mode(k, mode_of(optarg)); return true;
	case 'n': s->ns = optarg; return true;
	case 'I': s->principal = optarg; return true;
	case 's': s->file = optarg; return true;
	case 'r': s->revoked = optarg; return true;
	case 'O': take_detail(s, optarg); return true;
	default: return false;
	}
}

static void
take_option(struct keygen *k, int opt)
{
	switch (opt) {
	case 'f': k->common.identity = optarg; return;
	case 'C': k->comment = optarg; return;
	case 'y': set_mode(k, KEYGEN_SHOW); return;
	case 'l': set_mode(k, KEYGEN_FINGERPRINT); return;
	case 'p': set_mode(k, KEYGEN_PASSPHRASE); return;
	case OPT_PSK: set_mode(k, KEYGEN_PSK); return;
	case OPT_ROTATE: set_mode(k, KEYGEN_ROTATE); return;
	case OPT_FORCE: k->force = true; return;
	case OPT_PASSPHRASE: k->want_passphrase = true; return;
	case OPT_SSH: k->ssh = true; return;
	case OPT_HEAD: k->head = head_of(optarg); return;
	case OPT_IMPORT_SSH:
		set_mode(k, KEYGEN_IMPORT);
		k->imported = optarg;
		return;
	case OPT_AGENT:
		set_mode(k, KEYGEN_HELD);
		k->held = optarg;
		return;
	case OPT_OPEN:
		set_mode(k, KEYGEN_OPEN);
		k->sealed = optarg;
		return;
	case OPT_VERIFY_AUDIT:
		set_mode(k, KEYGEN_AUDIT);
		k->audit = optarg;
		return;
	default:
		if (!take_signature_option(k, opt) &&
		    !common_option(&k->common, opt, optarg, &keygen_table))
			common_unhandled(opt);
	}
}

#define IN(mode) (1u << (mode))
#define MAKES    (IN(KEYGEN_MAKE) | IN(KEYGEN_IMPORT) | IN(KEYGEN_HELD))
#define PROVES   (IN(KEYGEN_VERIFY) | IN(KEYGEN_CHECK))

/* An option that means nothing in this mode was meant for another. */
static void
check_options(const struct keygen *k)
{
	const struct keygen_signature *s = &k->signature;
	const struct {
		const char *name;
		bool given;
		unsigned modes;
	} rules[] = {
	    {"-C", k->comment, MAKES},
	    {"--force", k->force, MAKES | IN(KEYGEN_PSK) | IN(KEYGEN_SIGN)},
	    {"--passphrase", k->want_passphrase, MAKES},
	    {"--passphrase-fd", k->common.passphrase_fd >= 0,
		MAKES | IN(KEYGEN_PASSPHRASE) | IN(KEYGEN_ROTATE) | IN(KEYGEN_OPEN) |
		    IN(KEYGEN_SIGN)},
	    {"--ssh", k->ssh, IN(KEYGEN_SHOW)},
	    {"--head", k->head, IN(KEYGEN_AUDIT)},
	    {"-n", s->ns, IN(KEYGEN_SIGN) | PROVES},
	    {"-I", s->principal, IN(KEYGEN_VERIFY)},
	    {"-s", s->file, PROVES | IN(KEYGEN_FIND)},
	    {"-r", s->revoked, IN(KEYGEN_VERIFY)},
	    {"-O verify-time", s->at != 0, PROVES | IN(KEYGEN_FIND)},
	    {"-O print-pubkey", s->print_key, PROVES},
	    {"-f", k->common.identity, ~IN(KEYGEN_CHECK)},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].given && (rules[i].modes & IN(k->mode)) == 0)
			diag_usage("%s has no meaning when %s%s", rules[i].name,
			    k->mode == KEYGEN_MAKE ? "" : "given with ", names[k->mode]);
	if (k->comment && (!*k->comment || !vz_name_ok(k->comment, strlen(k->comment))))
		diag_usage("-C: a comment is 1 to 255 bytes of UTF-8 without control characters");
	if (k->common.identity && !*k->common.identity)
		diag_usage("-f: the file's name is empty");
}

static void
need(const struct keygen *k, const char *name, const void *given)
{
	if (!given)
		diag_usage("%s needs %s", names[k->mode], name);
}

/* A namespace that ends so belongs to vz itself: who signs in it vouches for keys and messages. */
static bool
is_ours(const char *ns)
{
	size_t n = strlen(ns), own = strlen("@vz");

	return n >= own && strcasecmp(ns + n - own, "@vz") == 0;
}

static void
check_signature(const struct keygen *k)
{
	const struct keygen_signature *s = &k->signature;

	if (k->mode < KEYGEN_SIGN)
		return;
	if (k->mode == KEYGEN_VERIFY || k->mode == KEYGEN_FIND)
		need(k, "-f, the file of allowed signers", k->common.identity);
	if (k->mode == KEYGEN_VERIFY)
		need(k, "-I, a principal", s->principal);
	if (k->mode != KEYGEN_FIND)
		need(k, "-n, a namespace", s->ns);
	if (k->mode != KEYGEN_SIGN)
		need(k, "-s, the file of the signature", s->file);
	if (s->ns && (!*s->ns || strlen(s->ns) > VZ_NS_MAX))
		diag_usage("-n: a namespace is 1 to %d bytes", VZ_NS_MAX);
	if (k->mode == KEYGEN_SIGN && is_ours(s->ns))
		diag_usage("-n: what ends in @vz is signed by vz itself, and by nobody for others");
	if (s->principal && (!*s->principal || strlen(s->principal) > PRINCIPAL_MAX))
		diag_usage("-I: a principal is 1 to %d bytes", PRINCIPAL_MAX);
}

void
keygen_options_parse(struct keygen *k, int argc, char **argv)
{
	char shown[256];
	struct option_lists lists;
	int opt;

	memset(k, 0, sizeof(*k));
	common_defaults(&k->common);
	table_lists(&keygen_table, &lists);
	while ((opt = common_next(argc, argv, &lists)) != -1)
		take_option(k, opt);
	k->more = argv + optind;
	if (optind < argc && k->mode != KEYGEN_AUDIT && k->mode != KEYGEN_SIGN)
		diag_usage(k->mode == KEYGEN_VERIFY || k->mode == KEYGEN_CHECK
			? "-Y verify and check-novalidate read the message from standard input: "
			  "'%s'"
			: "no operands are taken: '%s'",
		    diag_escape(shown, sizeof(shown), argv[optind], strlen(argv[optind])));
	check_options(k);
	check_signature(k);
	if (!k->comment)
		k->comment = "";
	k->from.fd = k->common.passphrase_fd;
	k->want_passphrase = k->want_passphrase || k->from.fd >= 0;
}
