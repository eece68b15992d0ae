#include "cmd/serve/gate.h"

#include <stdio.h>

#include "base/err.h"
#include "cmd/serve/report.h"
#include "net/sockopt.h"

/* Handshakes under way keep the identity that they began with (DESIGN 4: re-read before the next).
 */
void
gate_refresh_identity(struct gate *g)
{
	struct sockets *s = g->sockets;

	if (!lent_refresh(g->me, &g->lent))
		return;
	for (size_t i = 0; i < s->n_listeners; i++)
		if (s->listeners[i].fd >= 0)
			report_listening(g->me, &s->listeners[i]);
}

/* Callers. */

static void
delist(struct gate *g, struct caller *c)
{
	if (c->listed)
		TAILQ_REMOVE(&g->callers, c, list);
	c->listed = false;
}

void
gate_settle(struct caller *c)
{
	lent_give_back(c->lent);
	c->lent = NULL; /* moved */
}

void
gate_begun(struct gate *g, struct caller *c)
{
	(void)vz_pool_call(&g->pool, c);
}

void
gate_admit(struct gate *g, struct caller *c)
{
	delist(g, c);
	vz_pool_leave(&g->pool, c);
	vz_penalty_succeeded(&g->penalties, &c->source, vz_loop_now(g->loop));
}

void
gate_forget(struct gate *g, struct caller *c)
{
	gate_settle(c);
	delist(g, c);
	vz_pool_leave(&g->pool, c);
}

static void
push_out(struct gate *g, struct caller *out)
{
	g->pushed_out++;
	report_pushed_out(out);
	g->handler->drop(out);
}

/* Those that failed after they were callers hold nobody up. */
static void
disown_silent(struct gate *g)
{
	struct caller *c, *next, *out;

	TAILQ_FOREACH_SAFE(c, &g->callers, list, next)
	{
		if (!g->handler->silent(c))
			continue;
		out = vz_pool_disown(&g->pool, vz_loop_now(g->loop), c);
		if (!out)
			continue;
		if (out == next)
			next = TAILQ_NEXT(next, list);
		push_out(g, out);
	}
}

static void
failed(struct gate *g, const struct caller *c)
{
	uint64_t now = vz_loop_now(g->loop);
	unsigned before = vz_penalty_level(&g->penalties, &c->source, now);
	unsigned level = vz_penalty_failed(&g->penalties, &c->source, now);

	if (level > before && vz_bucket_take(&g->penalty_words, 1, now) == 0)
		report_penalised(c, VZ_POOL_PER_SOURCE >> level);
}

/* Before it proved a key. One that merely goes away has not failed. */
static bool
is_their_failure(int err)
{
	switch (err) {
	case VZ_EAUTH:
	case VZ_EFORMAT:
	case VZ_EMISMATCH:
	case VZ_EPROTO:
	case VZ_ELIMIT:
	case VZ_ETIMEOUT: return true;
	default: return false;
	}
}

void
gate_ended(struct gate *g, const struct caller *c, int err)
{
	if (!c->key_text[0] && is_their_failure(err))
		failed(g, c);
}

/* Who is pushed out by others of its source had too many, and who failed already has failed. */
void
gate_push_out(struct gate *g, struct caller *out, const struct vz_source *by)
{
	if ((by && vz_source_equal(&out->source, by)) || g->handler->silent(out))
		failed(g, out);
	push_out(g, out);
}

/*
 * Who has to go may have spoken since it was last looked at, most of all where this process is kept
 * busy by a crowd: then it stays, as a caller. True also when it has gone by itself.
 */
static bool
has_spoken(struct gate *g, struct caller *out)
{
	if (g->handler->silent(out))
		return false;
	if (!g->handler->look(out) || !out->listed)
		return true;
	return !g->handler->silent(out) && g->handler->begun(out) &&
	    vz_pool_save(&g->pool, &out->source, 0, vz_loop_now(g->loop), out);
}

/* c is new; its source and remote are set. It may be gone afterwards. */
static void
enter(struct gate *g, struct caller *c)
{
	uint64_t now = vz_loop_now(g->loop);
	struct vz_source source = c->source;
	struct caller *out;

	c->lent = lent_take(g->lent);
	TAILQ_INSERT_TAIL(&g->callers, c, list);
	c->listed = true;
	g->accepted++;
	report_accepted(c);
	if (g->pool.n_callers == VZ_POOL_CALLERS)
		disown_silent(g);
	out = vz_pool_arrive(
	    &g->pool, &source, vz_penalty_level(&g->penalties, &source, now), now, c);
	if (out && !has_spoken(g, out))
		gate_push_out(g, out, &source);
	/* Who knows us has spoken by now, and is heard before the next one can push it out. */
	(void)g->handler->look(c);
}

void
gate_take_in(struct gate *g, int fd, const struct sockaddr_storage *from, bool late)
{
	struct caller *c;
	uid_t uid = (uid_t)-1;

	gate_refresh_identity(g);
	c = g->handler->arrived(g->arg, fd);
	if (!c)
		return;
	if (from->ss_family == AF_UNIX)
		(void)vz_peer_uid(fd, &uid);
	vz_source_of((const struct sockaddr *)from, uid, &c->source);
	vz_listen_remote(fd, c->remote, sizeof(c->remote));
	c->late = late;
	enter(g, c);
}

/* Whose socket it comes over is of no interest: the relay's address is not the sender's. */
void
gate_take_relayed(struct gate *g, const struct arrival *a)
{
	char relay[VZ_KEY_TEXT];
	struct caller *c;

	gate_refresh_identity(g);
	c = g->handler->relayed(g->arg, a);
	if (!c)
		return;
	c->relayed = true;
	c->relay = *a->relay;
	vz_source_of_relay(a->relay, &c->source);
	vz_key_format(a->relay, relay);
	snprintf(c->remote, sizeof(c->remote), "relay:%s", relay);
	c->late = g->ending && !g->handing;
	enter(g, c);
}
