/*
 * Manifests: what is read is written again to the same bytes, and with a signature nothing is
 * believed but what was signed.
 *
 * The first byte of an input: the rest is a manifest, edits a good one and its signature
 * (network.h), or is a signature of the good one.
 *
 * Aims at: lib/mail/manifest.c lib/mail/manifest_read.c
 *
 * Before authentication.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/sign.h"
#include "mail/manifest.h"
#include "tests/fuzz/curves.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/network.h"

#define ROOM 4096

static struct vz_buf text, sig;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct vz_manifest m = {.sequence = 7, .name = "a name", .expires = 1896091200, .size = 6};
	struct vz_identity *from, *to;
	uint8_t raw[64];

	(void)argc;
	(void)argv;
	PROMISE(vz_secret_init() == 0);
	from = fuzz_identity(1);
	to = fuzz_identity(11);
	m.from = from->bundle.identity;
	m.to = to->bundle.identity;
	m.has_previous = true;
	vz_buf_init(&text, ROOM);
	vz_buf_init(&sig, ROOM);
	PROMISE(vz_manifest_encode(&m, &text) == 0);
	vz_sshsig_sign(from->sign_secret, VZ_NS_MESSAGE, vz_buf_ptr(&text), text.len, raw);
	PROMISE(vz_sshsig_armor(m.from.b, VZ_NS_MESSAGE, raw, &sig) == 0);
	vz_identity_free(from);
	vz_identity_free(to);
	return 0;
}

static void
manifest(const char *s, size_t len)
{
	struct vz_manifest m;
	struct vz_buf again;
	int err = vz_manifest_parse(s, len, &m);

	PROMISE(err == 0 || err == VZ_EFORMAT);
	if (err)
		return;
	PROMISE(vz_name_ok(m.name, strlen(m.name)) && m.sequence >= 1 && m.size <= INT64_MAX);
	vz_buf_init(&again, VZ_MANIFEST_MAX);
	PROMISE(vz_manifest_encode(&m, &again) == 0);
	PROMISE(again.len == len && memcmp(vz_buf_ptr(&again), s, len) == 0);
	vz_buf_free(&again);
}

static void
signature(const uint8_t *t, size_t t_len, const uint8_t *s, size_t s_len)
{
	struct vz_manifest m;
	int err = vz_manifest_verify((const char *)t, t_len, (const char *)s, s_len, &m);
	bool same = t_len == text.len && memcmp(t, vz_buf_ptr(&text), t_len) == 0 &&
	    s_len == sig.len && memcmp(s, vz_buf_ptr(&sig), s_len) == 0;

	PROMISE(err == 0 || err == VZ_EFORMAT || err == VZ_EDENIED || err == VZ_EMISMATCH ||
	    err == VZ_EAUTH);
	PROMISE((err == 0) == same);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t a[ROOM], b[ROOM];
	struct vz_rd in = vz_rd_of(data, size);
	uint8_t how = vz_rd_u8(&in);
	size_t a_len, b_len;

	if (size == 0)
		return 0;
	if (how % 4 == 0) {
		manifest((const char *)in.p, in.len);
	} else if (how % 4 == 1) {
		signature(vz_buf_ptr(&text), text.len, in.p, in.len);
	} else {
		memcpy(a, vz_buf_ptr(&text), text.len);
		memcpy(b, vz_buf_ptr(&sig), sig.len);
		a_len = network_tamper(&in, a, text.len, ROOM);
		b_len = network_tamper(&in, b, sig.len, ROOM);
		manifest((const char *)a, a_len);
		signature(a, a_len, b, b_len);
	}
	return 0;
}
