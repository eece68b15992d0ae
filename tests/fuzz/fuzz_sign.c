/*
 * OpenSSH's text forms: signatures and public keys. What is read writes to the same key.
 *
 * Aims at: lib/crypto/sign.c lib/base/base64.c
 */
#include "base/buf.h"
#include "base/err.h"
#include "crypto/sign.h"
#include "tests/fuzz/fuzz.h"

#define KEY_BASE64 68 /* characters behind "ssh-ed25519 " */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return vz_secret_init();
}

static void
signature(const char *s, size_t len)
{
	uint8_t public[VZ_SIGN_PUBLIC], again[VZ_SIGN_PUBLIC];
	uint8_t sig[VZ_SIGN_LEN], sig_again[VZ_SIGN_LEN];
	struct vz_buf out;
	struct vz_sshsig read;
	bool is = vz_sshsig_read(s, len, &read);
	int bits, r = vz_sshsig_unarmor(s, len, VZ_NS_BUNDLE, public, sig, &bits);

	PROMISE(is == (r == 0 || r == VZ_EDENIED));
	PROMISE(is ? read.ns_len > 0 && read.ns_len <= VZ_NS_MAX && read.ns[read.ns_len] == '\0'
		   : read.hash_bits == 0);
	PROMISE(r == 0 || r == VZ_EFORMAT || r == VZ_EDENIED || r == VZ_EAUTH);
	if (r < 0)
		return;
	PROMISE(bits == 512 || bits == 256);
	vz_buf_init(&out, 4096);
	PROMISE(vz_sshsig_armor(public, VZ_NS_BUNDLE, sig, &out) == 0);
	PROMISE(vz_sshsig_unarmor((const char *)vz_buf_ptr(&out), out.len, VZ_NS_BUNDLE, again,
		    sig_again, &bits) == 0);
	PROMISE(memcmp(public, again, sizeof(again)) == 0 && memcmp(sig, sig_again, 64) == 0);
	vz_buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t public[VZ_SIGN_PUBLIC];
	struct vz_buf out;
	size_t used = 0;

	signature((const char *)data, size);
	if (vz_ssh_public_parse((const char *)data, size, public, &used) < 0)
		return 0;
	PROMISE(used <= size && vz_sign_point_ok(public));
	vz_buf_init(&out, 1024);
	PROMISE(vz_ssh_public_format(public, &out) == 0);
	PROMISE(out.len <= used);
	/* One key has one base64. */
	PROMISE(memcmp(vz_buf_ptr(&out) + out.len - KEY_BASE64, data + used - KEY_BASE64,
		    KEY_BASE64) == 0);
	vz_buf_free(&out);
	return 0;
}
