/*
 * The command line of vz-keygen: one mode and only options that mean something in it, values that
 * can be used, and what is refused is refused in words that can be shown.
 *
 * Aims at: cmd/vz-keygen/options.c cmd/common/options.c
 */
#include <strings.h>
#include "cmd/vz-keygen/options.h"
#include "guard/audit_verify.h"
#include "tests/fuzz/argv.h"

static struct keygen k;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_argv_quiet();
	return 0;
}

static void
parse(int argc, char **argv)
{
	keygen_options_parse(&k, argc, argv);
}

/* What belongs to -Y: nothing that it needs is missing, and nobody signs as vz itself does. */
static void
signature(void)
{
	const struct keygen_signature *s = &k.signature;
	size_t n = s->ns ? strlen(s->ns) : 0;
	bool signs = k.mode == KEYGEN_SIGN, verifies = k.mode == KEYGEN_VERIFY;
	bool checks = k.mode == KEYGEN_CHECK, finds = k.mode == KEYGEN_FIND;

	PROMISE((s->ns != NULL) == (signs || verifies || checks));
	PROMISE(s->ns == NULL || (n > 0 && n <= VZ_NS_MAX));
	PROMISE(!signs || n < 3 || strcasecmp(s->ns + n - 3, "@vz") != 0);
	PROMISE((s->principal != NULL) == verifies);
	PROMISE((s->file != NULL) == (verifies || checks || finds));
	PROMISE(s->revoked == NULL || verifies);
	PROMISE(s->at >= 0 && (s->at == 0 || verifies || checks || finds));
	PROMISE(!s->print_key || verifies || checks);
	PROMISE(k.common.identity != NULL || !(verifies || finds));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool makes;

	if (!fuzz_argv(data, size, parse))
		return 0;
	PROMISE(k.mode >= KEYGEN_MAKE && k.mode <= KEYGEN_FIND);
	makes = k.mode == KEYGEN_MAKE || k.mode == KEYGEN_IMPORT || k.mode == KEYGEN_HELD;
	PROMISE(k.common.level >= -1 && k.common.level <= 2 && k.common.passphrase_fd >= -1);
	PROMISE(k.common.identity == NULL || k.common.identity[0] != '\0');
	PROMISE(k.comment != NULL && (k.comment[0] == '\0' || makes));
	PROMISE(k.comment[0] == '\0' || vz_name_ok(k.comment, strlen(k.comment)));
	PROMISE(!k.force || makes || k.mode == KEYGEN_PSK || k.mode == KEYGEN_SIGN);
	/* A passphrase is for a file that is written, or opens one. */
	PROMISE(k.from.fd == k.common.passphrase_fd && (k.from.fd < 0 || k.want_passphrase));
	PROMISE(!k.want_passphrase || makes || k.mode == KEYGEN_PASSPHRASE ||
	    k.mode == KEYGEN_ROTATE || k.mode == KEYGEN_OPEN || k.mode == KEYGEN_SIGN);
	PROMISE(!k.ssh || k.mode == KEYGEN_SHOW);
	PROMISE((k.sealed != NULL) == (k.mode == KEYGEN_OPEN));
	PROMISE((k.imported != NULL) == (k.mode == KEYGEN_IMPORT));
	PROMISE((k.held != NULL) == (k.mode == KEYGEN_HELD));
	PROMISE((k.audit != NULL) == (k.mode == KEYGEN_AUDIT));
	PROMISE(k.head == NULL || (k.audit != NULL && vz_audit_hash_ok(k.head)));
	PROMISE(k.more != NULL && (k.audit != NULL || k.mode == KEYGEN_SIGN || k.more[0] == NULL));
	signature();
	return 0;
}
