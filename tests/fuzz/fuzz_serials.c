/*
 * A damaged memory of serials: an error or an answer, and never another one on the second look.
 *
 * Aims at: lib/keep/serials.c
 */
#include "base/err.h"
#include "keep/serials.h"
#include "tests/fuzz/fuzz.h"

static struct vz_bundle bundle;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct vz_identity *id;

	(void)argc;
	(void)argv;
	PROMISE(vz_secret_init() == 0);
	id = fuzz_identity(1);
	bundle = id->bundle;
	vz_identity_free(id);
	fuzz_make_folder();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int r;

	fuzz_file("serials", data, size);
	r = vz_serials_check(fuzz_folder, &bundle);
	PROMISE(r == 0 || r == VZ_EFORMAT || r == VZ_EROLLBACK || r == VZ_ECLASH);
	PROMISE(vz_serials_check(fuzz_folder, &bundle) == r);
	return 0;
}
