#include "mail/proof.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "base/err.h"

struct vz_proof {
	crypto_hash_sha512_state sum;
	uint64_t fed;
};

int
vz_proof_new(struct vz_proof **out)
{
	struct vz_proof *p = calloc(1, sizeof(*p));

	*out = p;
	if (p == NULL)
		return VZ_ENOMEM;
	crypto_hash_sha512_init(&p->sum);
	return 0;
}

void
vz_proof_free(struct vz_proof *p)
{
	free(p);
}

void
vz_proof_feed(struct vz_proof *p, const void *bytes, size_t n)
{
	if (n == 0)
		return;
	crypto_hash_sha512_update(&p->sum, bytes, n);
	p->fed += n;
}

uint64_t
vz_proof_fed(const struct vz_proof *p)
{
	return p->fed;
}

/* More may be fed after it. */
static void
hash_so_far(const struct vz_proof *p, uint8_t out[static VZ_MANIFEST_HASH])
{
	crypto_hash_sha512_state sum = p->sum;

	crypto_hash_sha512_final(&sum, out);
}

int
vz_proof_make(const struct vz_proof *p, struct vz_manifest *m, vz_manifest_sign_fn *sign,
    void *sign_arg, struct vz_buf *out, size_t *text_len)
{
	struct vz_buf text, sig;
	size_t before = out->len;
	int err;

	*text_len = 0;
	m->size = p->fed;
	hash_so_far(p, m->sha512);
	vz_buf_init(&text, VZ_MANIFEST_MAX);
	vz_buf_init(&sig, VZ_MANIFEST_SIG_MAX);
	err = vz_manifest_encode(m, &text);
	if (!err)
		err = vz_manifest_sign(&m->from, vz_buf_ptr(&text), text.len, sign, sign_arg, &sig);
	if (!err)
		err = vz_buf_put(out, vz_buf_ptr(&text), text.len);
	if (!err)
		err = vz_buf_put(out, vz_buf_ptr(&sig), sig.len);
	if (err)
		vz_buf_truncate(out, before);
	else
		*text_len = text.len;
	vz_buf_free(&text);
	vz_buf_free(&sig);
	return err;
}

/* A verdict on what the manifest says, which is signed. */
static enum vz_proof_verdict
compare(const struct vz_proof *p, const struct vz_manifest *want, const struct vz_manifest *m)
{
	uint8_t hash[VZ_MANIFEST_HASH];

	if (!vz_key_equal(&m->from, &want->from))
		return VZ_PROOF_SENDER;
	if (!vz_key_equal(&m->to, &want->to))
		return VZ_PROOF_RECIPIENT;
	if (memcmp(m->stream, want->stream, sizeof(m->stream)) != 0 ||
	    m->sequence != want->sequence || strcmp(m->name, want->name) != 0 || m->expires != 0)
		return VZ_PROOF_MESSAGE;
	hash_so_far(p, hash);
	if (m->size != p->fed || memcmp(m->sha512, hash, sizeof(hash)) != 0)
		return VZ_PROOF_BODY;
	return VZ_PROOF_GOOD;
}

int
vz_proof_check(const struct vz_proof *p, const struct vz_manifest *want, const uint8_t *bytes,
    size_t text_len, size_t len)
{
	struct vz_manifest m;
	int err = VZ_EFORMAT;

	if (text_len <= len)
		err = vz_manifest_verify((const char *)bytes, text_len,
		    (const char *)bytes + text_len, len - text_len, &m);
	switch (err) {
	case 0: return (int)compare(p, want, &m);
	case VZ_ENOMEM: return err;
	case VZ_EFORMAT: return VZ_PROOF_MALFORMED;
	default: return VZ_PROOF_SIGNATURE;
	}
}
