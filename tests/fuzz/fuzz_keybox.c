/*
 * The encrypted part of an identity file: only the box that was sealed opens, whatever is changed
 * in it, its cost or what stands before it; and the cost that a file asks for is bounded before it
 * is paid.
 *
 * Aims at: lib/keep/keybox.c lib/id/identity_text.c
 *
 * The first byte of an input: the rest edits a good file (network.h), or is one. Argon2id itself
 * is replaced by a hash of the same arguments, so that a file costs what its reading costs.
 */
#include <sodium.h>
#include "base/err.h"
#include "id/identity_text.h"
#include "keep/keybox.h"
#include "tests/fuzz/network.h"

#define FILE_MAX 4096

static struct vz_buf file, secrets;
static size_t box_at;

int
crypto_pwhash(unsigned char *const out, unsigned long long out_len, const char *const passphrase,
    unsigned long long passphrase_len, const unsigned char *const salt, unsigned long long ops,
    size_t mem, int alg)
{
	crypto_generichash_state st;

	PROMISE(ops >= 1 && ops <= VZ_KEYBOX_OPS_MAX && alg == crypto_pwhash_ALG_ARGON2ID13);
	PROMISE(mem >= crypto_pwhash_MEMLIMIT_MIN && mem <= VZ_KEYBOX_MEM_MAX);
	crypto_generichash_init(&st, salt, crypto_pwhash_SALTBYTES, (size_t)out_len);
	crypto_generichash_update(&st, (const uint8_t *)passphrase, passphrase_len);
	crypto_generichash_update(&st, (const uint8_t *)&ops, sizeof(ops));
	crypto_generichash_update(&st, (const uint8_t *)&mem, sizeof(mem));
	crypto_generichash_final(&st, out, (size_t)out_len);
	return 0;
}

/* The same file in every run: what libsodium asks for is not random here. */
static uint32_t
no_random(void)
{
	static uint32_t n;

	return ++n;
}

static const char *
no_random_name(void)
{
	return "fuzz";
}

static void
no_random_bytes(void *const out, const size_t n)
{
	memset(out, 7, n);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static randombytes_implementation same = {
	    .implementation_name = no_random_name, .random = no_random, .buf = no_random_bytes};
	struct vz_identity *id;

	(void)argc;
	(void)argv;
	PROMISE(randombytes_set_implementation(&same) == 0 && vz_secret_init() == 0);
	id = fuzz_identity(1);
	vz_buf_init(&file, FILE_MAX);
	vz_buf_init(&secrets, FILE_MAX);
	PROMISE(vz_identity_encode_public(id, &file) == 0);
	PROMISE(vz_identity_encode_secrets(id, &secrets) == 0);
	box_at = file.len;
	PROMISE(vz_keybox_seal(&file, &secrets, "pass", 4, 3, 65536) == 0);
	vz_identity_free(id);
	return 0;
}

static bool
is_good(const char *text, size_t len)
{
	return len == file.len && memcmp(text, vz_buf_ptr(&file), len) == 0;
}

/* Behind a good public part only: where the box begins is known by reading that. */
static void
open_box(const char *text, size_t len)
{
	struct vz_bundle bundle;
	struct vz_buf out;
	char comment[256];
	size_t at = 0;
	bool held;
	int r;

	if (vz_identity_parse_public(text, len, &bundle, comment, &held, &at) < 0)
		return;
	PROMISE(at <= len);
	vz_buf_init(&out, VZ_IDENTITY_SECRETS_MAX);
	r = vz_keybox_open(text, len, at, "pass", 4, &out);
	PROMISE((r == 0) == is_good(text, len));
	if (r == 0) {
		PROMISE(vz_keybox_is(text + at, len - at) && at == box_at);
		PROMISE(out.len == secrets.len);
		PROMISE(memcmp(vz_buf_ptr(&out), vz_buf_ptr(&secrets), out.len) == 0);
		vz_buf_clear(&out);
		PROMISE(vz_keybox_open(text, len, at, "pasS", 4, &out) == VZ_ELOCKED);
	} else {
		PROMISE(r == VZ_EFORMAT || r == VZ_ELIMIT || r == VZ_ELOCKED);
	}
	PROMISE(out.len == (r == 0 ? 0 : out.len) && (r == 0 || out.len == 0));
	vz_buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vz_rd in = vz_rd_of(data, size);
	uint8_t how = vz_rd_u8(&in);
	uint8_t text[FILE_MAX];
	size_t len = file.len;

	memcpy(text, vz_buf_ptr(&file), len);
	if ((how & 1) == 0) {
		len = network_tamper(&in, text, len, sizeof(text));
	} else { /* a box in the input's own words */
		size_t n = in.len < sizeof(text) - box_at ? in.len : sizeof(text) - box_at;

		if (n > 0)
			memcpy(text + box_at, in.p, n);
		len = box_at + n;
	}
	open_box((const char *)text, len);
	return 0;
}
