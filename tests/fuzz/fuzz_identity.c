/*
 * The text of identity files: one identity has one text, and a file refused leaves no secrets.
 *
 * Aims at: lib/id/identity_text.c lib/keep/keyfile.c
 */
#include "base/buf.h"
#include "base/err.h"
#include "id/identity_text.h"
#include "keep/keyfile.h"
#include "tests/fuzz/fuzz.h"

static struct vz_identity *identity;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	PROMISE(vz_secret_init() == 0 && (identity = vz_identity_new()) != NULL);
	fuzz_make_folder();
	return 0;
}

static void
public_part(const uint8_t *data, size_t size)
{
	struct vz_bundle bundle;
	char comment[256];
	bool encrypted;
	int r = vz_keyfile_public(fuzz_file("file", data, size), &bundle, comment, &encrypted);

	PROMISE(r == 0 || r == VZ_EFORMAT || r == VZ_ELIMIT);
	PROMISE(memchr(comment, 0, sizeof(comment)) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t zeros[64];
	struct vz_buf out;

	public_part(data, size);
	if (vz_identity_decode((const char *)data, size, identity) < 0) {
		PROMISE(memcmp(identity->sign_secret, zeros, 64) == 0);
		PROMISE(memcmp(identity->noise_secret, zeros, 32) == 0);
		PROMISE(memcmp(identity->age_secret, zeros, 32) == 0);
		PROMISE(identity->retired_len == 0);
		for (unsigned i = 0; i < VZ_RETIRED_MAX; i++)
			PROMISE(memcmp(identity->retired[i].secret, zeros, 32) == 0);
		return 0;
	}
	vz_buf_init(&out, VZ_IDENTITY_PUBLIC_MAX + VZ_IDENTITY_SECRETS_MAX);
	PROMISE(vz_identity_encode(identity, &out) == 0);
	PROMISE(out.len == size && memcmp(vz_buf_ptr(&out), data, size) == 0);
	vz_buf_free(&out);
	return 0;
}
