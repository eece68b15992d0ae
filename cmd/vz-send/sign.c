#include "cmd/vz-send/sign.h"

#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "cmd/common/agent.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/send.h"
#include "mail/proof.h"
#include "wire/frame.h"

struct signing {
	struct vz_proof *proof; /* NULL once the manifest is made: */
	struct vz_buf bytes;    /* it, and its signature */
	size_t text_len;
};

#define SILENCE_MS 1000 /* until it is said what is waited for */

/* Of one lane or another. */
static void
on_signed(void *arg)
{
	struct run *r = arg;

	for (size_t i = 0; i < r->n_lanes; i++)
		if (r->lanes[i].started && !r->lanes[i].over)
			lane_kick(&r->lanes[i]);
}

int
sign_prepare(struct run *r)
{
	const struct send_options *o = r->options;
	int err;

	if (o->sign || o->store == STORE_ONLY)
		return self_agent(&r->me);
	/* Whether there is anything to be signed is not known yet. */
	if (o->store != STORE_AUTO || !r->me.identity->held_elsewhere)
		return 0;
	err = vz_agent_new(&r->me.agent, env_agent());
	if (err)
		diag_error("%s", diag_words(err));
	return vz_exit_of(err);
}

int
sign_watch(struct run *r)
{
	return r->me.agent ? vz_agent_watch(r->me.agent, r->loop, on_signed, r) : 0;
}

static void
on_silence(struct vz_loop *l, struct vz_timer *t)
{
	const struct run *r = t->arg;

	(void)l;
	if (vz_agent_is_asked(r->me.agent))
		diag_verbose(0, "waiting for ssh-agent: it may be asking somebody to confirm");
}

void
sign_awaited(struct run *r)
{
	if (r->silence.fn)
		return;
	r->silence = (struct vz_timer){.fn = on_silence, .arg = r};
	(void)vz_timer_set(r->loop, &r->silence, SILENCE_MS);
}

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

	if (err == VZ_EPENDING)
		sign_awaited(l->run);
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
