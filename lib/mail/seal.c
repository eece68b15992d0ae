#include "mail/seal.h"

#include <sodium.h>
#include <string.h>
#include "base/err.h"
#include "base/secret.h"
#include "crypto/sign.h"
#include "mail/ustar.h"

struct vz_seal {
	struct vz_manifest manifest;
	vz_seal_sign_fn *sign;
	void *sign_arg;
	struct vz_age_writer *age;
	crypto_hash_sha512_state sum;
	uint64_t left; /* of the body */
	bool over;
	bool summed;        /* and nothing may be put any more: */
	struct vz_buf text; /* the manifest */
};

int
vz_seal_sign_secret(
    void *arg, const uint8_t digest[static VZ_MANIFEST_HASH], uint8_t sig[static 64])
{
	vz_sshsig_sign_digest(arg, VZ_NS_MESSAGE, digest, sig);
	return 0;
}

static int
put_header(struct vz_seal *s, enum vz_ustar_member member, uint64_t size, struct vz_buf *to)
{
	uint8_t header[VZ_USTAR_BLOCK];

	vz_ustar_header(member, size, header);
	return vz_age_writer_put(s->age, header, sizeof(header), to);
}

static int
put_padding(struct vz_seal *s, enum vz_ustar_member member, uint64_t size, struct vz_buf *to)
{
	struct vz_buf zeros;
	int err;

	vz_buf_init(&zeros, 4 * VZ_USTAR_BLOCK);
	err = vz_ustar_padding(member, size, &zeros);
	if (!err)
		err = vz_age_writer_put(s->age, vz_buf_ptr(&zeros), zeros.len, to);
	vz_buf_free(&zeros);
	return err;
}

static int
put_member(
    struct vz_seal *s, enum vz_ustar_member member, const struct vz_buf *content, struct vz_buf *to)
{
	int err = put_header(s, member, content->len, to);

	if (!err)
		err = vz_age_writer_put(s->age, vz_buf_ptr(content), content->len, to);
	return err ? err : put_padding(s, member, content->len, to);
}

/* Is there a manifest for it, once the body is known? */
static int
check(const struct vz_seal_config *c)
{
	uint64_t max = c->body_max ? c->body_max : VZ_SEAL_BODY_MAX, size;

	if (c->manifest.size > max || c->manifest.size > VZ_USTAR_SIZE_MAX)
		return VZ_ELIMIT;
	return vz_seal_size(&c->manifest, &size);
}

int
vz_seal_new(struct vz_seal **out, const struct vz_seal_config *config, struct vz_buf *to)
{
	size_t before = to->len;
	struct vz_seal *s;
	int err;

	*out = NULL;
	if ((err = check(config)))
		return err;
	s = vz_secret_small(sizeof(*s));
	if (s == NULL)
		return VZ_ENOMEM;
	s->manifest = config->manifest;
	s->sign = config->sign;
	s->sign_arg = config->sign_arg;
	s->left = config->manifest.size;
	crypto_hash_sha512_init(&s->sum);
	vz_buf_init(&s->text, VZ_MANIFEST_MAX);
	err = vz_age_writer_new(&s->age, &config->recipient, 1, config->random, to);
	if (!err)
		err = put_header(s, VZ_USTAR_BODY, s->left, to);
	if (err) {
		vz_buf_truncate(to, before);
		vz_seal_free(s);
		return err;
	}
	*out = s;
	return 0;
}

void
vz_seal_free(struct vz_seal *s)
{
	if (s == NULL)
		return;
	vz_age_writer_free(s->age);
	vz_buf_free(&s->text);
	vz_secret_small_free(s, sizeof(*s));
}

int
vz_seal_put(struct vz_seal *s, const void *p, size_t n, struct vz_buf *to)
{
	int err;

	if (s->over || s->summed)
		return VZ_EINVAL;
	if (n > s->left) {
		s->over = true;
		return VZ_ECHANGED;
	}
	if (n > 0)
		crypto_hash_sha512_update(&s->sum, p, n);
	s->left -= n;
	err = vz_age_writer_put(s->age, p, n, to);
	s->over = err != 0;
	return err;
}

/* Once, however often the signature is asked for. */
static int
sum_up(struct vz_seal *s)
{
	if (s->summed)
		return 0;
	s->summed = true;
	crypto_hash_sha512_final(&s->sum, s->manifest.sha512);
	return vz_manifest_encode(&s->manifest, &s->text);
}

static int
finish(struct vz_seal *s, struct vz_buf *to)
{
	struct vz_buf sig;
	int err = sum_up(s);

	vz_buf_init(&sig, VZ_MANIFEST_SIG_MAX);
	if (!err)
		err = vz_manifest_sign(&s->manifest.from, vz_buf_ptr(&s->text), s->text.len,
		    s->sign, s->sign_arg, &sig);
	if (!err)
		err = put_padding(s, VZ_USTAR_BODY, s->manifest.size, to);
	if (!err)
		err = put_member(s, VZ_USTAR_MANIFEST, &s->text, to);
	if (!err)
		err = put_member(s, VZ_USTAR_SIG, &sig, to);
	if (!err)
		err = vz_age_writer_end(s->age, to);
	vz_buf_free(&sig);
	return err;
}

int
vz_seal_end(struct vz_seal *s, struct vz_buf *to)
{
	int err;

	if (s->over)
		return VZ_EINVAL;
	err = s->left > 0 ? VZ_ECHANGED : finish(s, to);
	s->over = err != VZ_EPENDING;
	return err;
}

const char *
vz_seal_manifest(const struct vz_seal *s, size_t *len)
{
	*len = s->text.len;
	return (const char *)vz_buf_ptr(&s->text);
}

int
vz_seal_size(const struct vz_manifest *m, uint64_t *size)
{
	static const uint8_t any[VZ_SIGN_LEN];
	uint64_t members[VZ_USTAR_MEMBERS] = {m->size};
	struct vz_buf text;
	int err;

	/* All signatures are equally long. */
	vz_buf_init(&text, VZ_MANIFEST_MAX + VZ_MANIFEST_SIG_MAX);
	err = vz_manifest_encode(m, &text);
	members[VZ_USTAR_MANIFEST] = text.len;
	if (!err)
		err = vz_sshsig_armor(m->from.b, VZ_NS_MESSAGE, any, &text);
	members[VZ_USTAR_SIG] = text.len - members[VZ_USTAR_MANIFEST];
	vz_buf_free(&text);
	*size = err ? 0 : vz_age_size(1, vz_ustar_size(members));
	return err;
}
