/*
 * The command line of vz-keygen: one mode and only options that mean something in it, values that
 * can be used, and what is refused is refused in words that can be shown.
 *
 * Aims at: cmd/vz-keygen/options.c cmd/common/options.c
 */
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool makes;

	if (!fuzz_argv(data, size, parse))
		return 0;
	PROMISE(k.mode >= KEYGEN_MAKE && k.mode <= KEYGEN_IMPORT);
	makes = k.mode == KEYGEN_MAKE || k.mode == KEYGEN_IMPORT;
	PROMISE(k.common.level >= -1 && k.common.level <= 2 && k.common.passphrase_fd >= -1);
	PROMISE(k.common.identity == NULL || k.common.identity[0] != '\0');
	PROMISE(k.comment != NULL && (k.comment[0] == '\0' || makes));
	PROMISE(k.comment[0] == '\0' || vz_name_ok(k.comment, strlen(k.comment)));
	PROMISE(!k.force || makes || k.mode == KEYGEN_PSK);
	/* A passphrase is for a file that is written, or opens one. */
	PROMISE(k.from.fd == k.common.passphrase_fd && (k.from.fd < 0 || k.want_passphrase));
	PROMISE(!k.want_passphrase || makes || k.mode == KEYGEN_PASSPHRASE ||
	    k.mode == KEYGEN_ROTATE || k.mode == KEYGEN_OPEN);
	PROMISE(!k.ssh || k.mode == KEYGEN_SHOW);
	PROMISE((k.sealed != NULL) == (k.mode == KEYGEN_OPEN));
	PROMISE((k.imported != NULL) == (k.mode == KEYGEN_IMPORT));
	PROMISE((k.audit != NULL) == (k.mode == KEYGEN_AUDIT));
	PROMISE(k.head == NULL || (k.audit != NULL && vz_audit_hash_ok(k.head)));
	PROMISE(k.more != NULL && (k.audit != NULL || k.more[0] == NULL));
	return 0;
}
