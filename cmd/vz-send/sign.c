#include "cmd/vz-send/sign.h"

#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "cmd/vz-send/send.h"
#include "mail/proof.h"
#include "wire/frame.h"

struct signing {
	struct vz_proof *proof; /* NULL once the manifest is made: */
	struct vz_buf bytes;    /* it, and its signature */
	size_t text_len;
};

int
sign_begin(struct lane *l, struct item *it)
{
	int err;

	if (!l->run->options->sign || it->signing)
		return 0;
	it->signing = calloc(1, sizeof(*it->signing));
	if (!it->signing)
		return VZ_ENOMEM;
	vz_buf_init(&it->signing->bytes, VZ_SIGNED_MAX);
	err = vz_proof_new(&it->signing->proof);
	if (err)
		sign_over(it);
	return err;
}

void
sign_bytes(struct item *it, const uint8_t *p, size_t n)
{
	struct vz_proof *proof = it->signing->proof;
	uint64_t fed = proof ? vz_proof_fed(proof) : UINT64_MAX;

	if (it->sent <= fed && fed - it->sent < n)
		vz_proof_feed(proof, p + (fed - it->sent), n - (size_t)(fed - it->sent));
}

static int
make(struct lane *l, struct item *it)
{
	struct signing *s = it->signing;
	const char *name = l->run->inputs[it - l->items].name;
	struct vz_manifest m = {.from = l->run->me.identity->bundle.identity,
	    .to = l->link.to.key,
	    .sequence = it->number + 1,
	    .has_previous = l->has_previous};
	int err;

	/* What was hashed is what was sent. */
	if (vz_proof_fed(s->proof) != it->sent)
		return VZ_EINVAL;
	memcpy(m.stream, vz_session_stream(link_session(&l->link)), sizeof(m.stream));
	memcpy(m.previous, l->previous, sizeof(m.previous));
	if (name)
		strlcpy(m.name, name, sizeof(m.name));
	err = vz_proof_make(s->proof, &m, self_sign_message, &l->run->me, &s->bytes, &s->text_len);
	if (err)
		return err;
	vz_manifest_hash((const char *)vz_buf_ptr(&s->bytes), s->text_len, l->previous);
	l->has_previous = true;
	vz_proof_free(s->proof);
	s->proof = NULL;
	return 0;
}

int
sign_say(struct lane *l, struct item *it)
{
	struct signing *s = it->signing;
	int err = s->proof ? make(l, it) : 0;

	if (err)
		return err;
	return vz_session_sign(
	    link_session(&l->link), it->number, vz_buf_ptr(&s->bytes), s->text_len, s->bytes.len);
}

void
sign_over(struct item *it)
{
	if (!it->signing)
		return;
	vz_proof_free(it->signing->proof);
	vz_buf_free(&it->signing->bytes);
	free(it->signing);
	it->signing = NULL;
}
