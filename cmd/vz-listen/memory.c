#include "cmd/vz-listen/memory.h"

#include "cmd/common/exit.h"
#include "cmd/vz-listen/deliver.h"
#include "cmd/vz-listen/limits.h"

/* What a message costs beside its bytes. */
#define OVERHEAD 512

static size_t
need_of(const struct visit *v, const struct vz_event *ev)
{
	uint64_t max = limits_max_size(v);

	/* A longer one was refused already. */
	return OVERHEAD + (size_t)(ev->length < max ? ev->length : max);
}

static bool
fits(const struct visit *v, size_t need)
{
	const struct server *srv = v->srv;

	if (srv->reserved > 0 &&
	    (srv->reserved >= MEMORY_BUDGET || need > MEMORY_BUDGET - srv->reserved))
		return false;
	return v->reserved == 0 ||
	    (v->reserved < MEMORY_SHARE && need <= MEMORY_SHARE - v->reserved);
}

static void
give_way(struct server *srv)
{
	static const char words[] = "it stood still while others waited for memory";
	uint64_t now = vz_loop_now(srv->loop);
	struct visit *v;
	struct incoming *in, *next;

	TAILQ_FOREACH(v, &srv->visits, all)
	LIST_FOREACH_SAFE(in, &v->incoming, list, next)
	if (!in->whole && in->reserved > 0 && now - in->moved_at >= MEMORY_STALL_MS)
		deliver_failed(v, in, VZ_EXIT_TEMPFAIL, words, VZ_EXIT_TEMPFAIL, words);
}

uint8_t
memory_may_begin(struct visit *v, const struct vz_event *ev, const char **words)
{
	if (fits(v, need_of(v, ev)))
		return 0;
	give_way(v->srv);
	if (fits(v, need_of(v, ev)))
		return 0;
	if (v->n_partial == 0 && TAILQ_EMPTY(&v->answers)) {
		server_wake_later(v->srv);
		return TAKER_WAIT;
	}
	*words = "too much of this session waits here already";
	return VZ_EXIT_TEMPFAIL;
}

void
memory_reserve(struct visit *v, struct incoming *in, const struct vz_event *ev)
{
	in->reserved = need_of(v, ev);
	v->reserved += in->reserved;
	v->srv->reserved += in->reserved;
}

void
memory_release(struct incoming *in)
{
	struct visit *v = in->visit;

	if (in->reserved == 0)
		return;
	v->reserved -= in->reserved;
	v->srv->reserved -= in->reserved;
	in->reserved = 0;
	server_wake(v->srv);
}
