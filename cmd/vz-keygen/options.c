#include "cmd/vz-keygen/options.h"

#include <string.h>
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/vz-keygen/table.h"
#include "guard/audit_verify.h"

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
	case OPT_OPEN:
		set_mode(k, KEYGEN_OPEN);
		k->sealed = optarg;
		return;
	case OPT_VERIFY_AUDIT:
		set_mode(k, KEYGEN_AUDIT);
		k->audit = optarg;
		return;
	default:
		if (!common_option(&k->common, opt, optarg, &keygen_table))
			common_unhandled(opt);
	}
}

/* An option that means nothing in this mode was meant for another. */
static void
check_options(const struct keygen *k)
{
	enum keygen_mode mode = k->mode;
	bool makes = mode == KEYGEN_MAKE || mode == KEYGEN_IMPORT;
	const char *bad = NULL;

	if (k->comment && !makes)
		bad = "-C";
	else if (k->force && !makes && mode != KEYGEN_PSK)
		bad = "--force";
	else if (k->want_passphrase && !makes)
		bad = "--passphrase";
	else if (k->common.passphrase_fd >= 0 && !makes && mode != KEYGEN_PASSPHRASE &&
	    mode != KEYGEN_ROTATE && mode != KEYGEN_OPEN)
		bad = "--passphrase-fd";
	else if (k->ssh && mode != KEYGEN_SHOW)
		bad = "--ssh";
	else if (k->head && mode != KEYGEN_AUDIT)
		bad = "--head";
	if (bad)
		diag_usage("%s has no meaning when %s%s", bad,
		    mode == KEYGEN_MAKE ? "" : "given with ", names[mode]);
	if (k->comment && (!*k->comment || !vz_name_ok(k->comment, strlen(k->comment))))
		diag_usage("-C: a comment is 1 to 255 bytes of UTF-8 without control characters");
	if (k->common.identity && !*k->common.identity)
		diag_usage("-f: the file's name is empty");
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
	if (optind < argc && k->mode != KEYGEN_AUDIT)
		diag_usage("no operands are taken: '%s'",
		    diag_escape(shown, sizeof(shown), argv[optind], strlen(argv[optind])));
	check_options(k);
	if (!k->comment)
		k->comment = "";
	k->from.fd = k->common.passphrase_fd;
	k->want_passphrase = k->want_passphrase || k->from.fd >= 0;
}
