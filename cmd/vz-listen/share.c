#include "cmd/vz-listen/share.h"

#include "cmd/common/exit.h"
#include "cmd/vz-listen/deliver.h"

#define SHARE_LOOK_MS 1000

static bool
wants(const struct visit *v)
{
	return v->running > 0 || v->has_queue;
}

static unsigned
runs_of(const struct server *srv, const struct vz_key *key)
{
	const struct visit *v;
	unsigned n = 0;

	TAILQ_FOREACH(v, &srv->visits, all)
	if (v->running > 0 && vz_key_equal(&v->who.key, key))
		n += v->running;
	return n;
}

static unsigned
keys(const struct server *srv)
{
	const struct visit *v, *before;
	unsigned n = 0;

	TAILQ_FOREACH(v, &srv->visits, all)
	{
		if (!wants(v))
			continue;
		TAILQ_FOREACH(before, &srv->visits, all)
		if (before == v || (wants(before) && vz_key_equal(&before->who.key, &v->who.key)))
			break;
		n += before == v;
	}
	return n;
}

/* Somebody waits who runs less than that. */
static bool
owed(const struct server *srv, unsigned share)
{
	const struct visit *v;

	TAILQ_FOREACH(v, &srv->in_queue, in_queue)
	if (runs_of(srv, &v->who.key) < share)
		return true;
	return false;
}

/* It runs, and waits for its sender. */
static bool
stands(const struct incoming *in)
{
	return in->own && (in->replying || (!in->whole && in->body.len == 0));
}

static struct incoming *
longest(const struct server *srv, unsigned share)
{
	struct incoming *in, *found = NULL;
	const struct visit *v;

	TAILQ_FOREACH(v, &srv->visits, all)
	{
		if (v->running == 0 || runs_of(srv, &v->who.key) <= share)
			continue;
		LIST_FOREACH(in, &v->incoming, list)
		if (stands(in) && (!found || in->moved_at < found->moved_at))
			found = in;
	}
	return found;
}

static void
look(struct server *srv, uint64_t now)
{
	static const char words[] = "it stood still while others waited for a handler";
	unsigned n = keys(srv), share;
	struct incoming *in;

	if (n < 2)
		return;
	share = srv->options->max_handlers / n;
	if (share == 0)
		share = 1;
	if (!owed(srv, share))
		return;
	in = longest(srv, share);
	if (!in || now - in->moved_at < SHARE_STALL_MS)
		return;
	srv->share_due = now; /* another may be owed one */
	deliver_failed(in->visit, in, VZ_EXIT_TEMPFAIL, words, VZ_EXIT_TEMPFAIL, words);
}

void
share_give_way(struct server *srv)
{
	uint64_t now = vz_loop_now(srv->loop);

	if (now >= srv->share_due) {
		srv->share_due = now + SHARE_LOOK_MS;
		look(srv, now);
	}
	server_wake_later(srv);
}
