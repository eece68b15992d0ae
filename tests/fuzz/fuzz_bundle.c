/*
 * Bundles: of the bytes near a good one, only the good one itself is taken.
 *
 * Aims at: lib/id/identity.c
 *
 * Before authentication.
 */
#include "base/err.h"
#include "tests/fuzz/curves.h"

static uint8_t good[VZ_BUNDLE_LEN];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct vz_identity *id;

	(void)argc;
	(void)argv;
	PROMISE(vz_secret_init() == 0);
	id = fuzz_identity(1);
	vz_bundle_encode(&id->bundle, good);
	vz_identity_free(id);
	return 0;
}

/* The input as it is. */
static void
decode(const uint8_t *p, size_t len)
{
	uint8_t again[VZ_BUNDLE_LEN];
	struct vz_bundle b;
	int r = vz_bundle_decode(p, len, &b);

	if (r < 0) {
		PROMISE(r == VZ_EFORMAT || r == VZ_EAUTH);
		return;
	}
	PROMISE(b.serial >= 1 && b.serial <= VZ_SERIAL_MAX);
	vz_bundle_encode(&b, again);
	PROMISE(len == sizeof(again) && memcmp(p, again, len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t near[VZ_BUNDLE_LEN];
	struct vz_bundle b;

	decode(data, size);
	/* The input as changes to a bundle that verifies. */
	memcpy(near, good, sizeof(near));
	for (size_t i = 0; i < size && i < sizeof(near); i++)
		near[i] ^= data[i];
	if (memcmp(near, good, sizeof(near)) == 0)
		PROMISE(vz_bundle_decode(near, sizeof(near), &b) == 0);
	else
		PROMISE(vz_bundle_decode(near, sizeof(near), &b) < 0);
	return 0;
}
