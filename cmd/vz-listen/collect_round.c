/* Rounds of collecting, each over a connection of its own: what is there is asked for one by one.
 */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/collect_impl.h"

/* After a round in which something failed: this, doubled up to the most, and 50 % more or less. */
#define AGAIN_FIRST_MS 5000
#define AGAIN_MOST_MS  300000

void
collect_soon(struct collect *c, uint64_t ms)
{
	struct vz_loop *loop = c->post->srv->loop;

	if (vz_timer_set(loop, &c->due, ms) < 0)
		vz_loop_stop(loop, VZ_ENOMEM);
}

/* Rounds. */

static void
try_again(struct collect *c)
{
	uint64_t ms = AGAIN_FIRST_MS;

	c->failed = false;
	if (c->all_at != 0) {
		collect_soon(c, 0);
		return;
	}
	for (unsigned i = 0; i < c->rounds && ms < AGAIN_MOST_MS; i++)
		ms *= 2;
	if (ms > AGAIN_MOST_MS)
		ms = AGAIN_MOST_MS;
	ms = ms / 2 + randombytes_uniform((uint32_t)ms);
	c->rounds++;
	c->all_at = vz_loop_now(c->post->srv->loop) + ms;
	collect_soon(c, ms);
}

void
collect_let_go(struct collect *c)
{
	lent_give_back(c->lent);
	c->lent = NULL; /* moved */
	vz_rlink_drop(c->link);
	c->link = NULL;
}

/* All that was there has been looked at. */
static void
round_over(struct collect *c)
{
	struct vz_rlink *k = c->link;

	if (c->after > c->high)
		c->high = c->after;
	if (c->failed)
		try_again(c);
	else if (c->all_at == 0)
		c->rounds = 0;
	if (k)
		vz_rlink_close(k, 0, "");
}

static void
ask(struct collect *c)
{
	struct server *srv = c->post->srv;
	int r;

	/* One that is for one session has it. */
	if (srv->posts.left || srv->stopping || srv->served) {
		vz_rlink_close(c->link, 0, "this listener is stopping");
		return;
	}
	c->news = false;
	r = vz_relay_client_collect(vz_rlink_client(c->link), c->after);
	if (r < 0) {
		c->failed = true;
		round_over(c);
		return;
	}
	vz_rlink_kick(c->link);
}

/* The message at hand is dealt with. */
static void
next(struct collect *c)
{
	if (c->seq > c->after)
		c->after = c->seq;
	c->seq = 0;
	collect_mail_drop(c);
	if (c->link)
		ask(c);
	else if (c->failed)
		try_again(c);
	else
		collect_soon(c, 0);
}

void
collect_taken(struct collect *c)
{
	if (!c->link || vz_relay_client_taken(vz_rlink_client(c->link), c->seq) < 0) {
		/* It is offered again, and known then. */
		c->failed = true;
		next(c);
		return;
	}
	c->telling = true;
	vz_rlink_kick(c->link);
}

void
collect_left(struct collect *c)
{
	c->failed = true;
	next(c);
}

void
collect_later(struct collect *c)
{
	c->failed = true;
	c->seq = 0;
	collect_mail_drop(c);
	round_over(c);
}

/* The connection. */

static int
on_peer(void *arg, struct vz_rlink *k, const struct vz_bundle *relay)
{
	struct collect *c = arg;

	(void)k;
	lent_give_back(c->lent);
	c->lent = NULL; /* moved */
	if (post_judge(c->post->srv, relay, &c->ending) < 0)
		return VZ_EDENIED;
	c->ending.authenticated = true;
	ask(c);
	return 0;
}

static void
on_refused(struct collect *c, const struct vz_relay_event *ev)
{
	if (ev->of == VZ_RELAY_TAKEN && ev->status != VZ_EXIT_UNAVAILABLE) {
		collect_left(c);
		return;
	}
	if (ev->of == VZ_RELAY_TAKEN) {
		next(c); /* it has gone already */
		return;
	}
	/* 69: somebody else has taken it meanwhile. */
	if (ev->status != VZ_EXIT_UNAVAILABLE) {
		collect_say_kept_back(c, ev->status, ev->bytes, ev->bytes_len);
		c->failed = true;
	}
	if (c->seq != 0)
		next(c);
	else
		round_over(c);
}

static void
on_event(void *arg, struct vz_rlink *k, const struct vz_relay_event *ev)
{
	struct collect *c = arg;

	(void)k;
	if (ev->type != VZ_RELAY_EVENT_CLOSE)
		c->told = false;
	switch (ev->type) {
	case VZ_RELAY_EVENT_ENTRY:
		if (!collect_mail_begin(c, ev)) {
			c->failed = true;
			c->seq = 0;
			round_over(c);
		}
		break;
	case VZ_RELAY_EVENT_PIECE: collect_mail_piece(c, ev); break;
	case VZ_RELAY_EVENT_REMOVED: next(c); break;
	case VZ_RELAY_EVENT_REFUSED: on_refused(c, ev); break;
	case VZ_RELAY_EVENT_NOTHING:
		if (c->news)
			ask(c);
		else
			round_over(c);
		break;
	case VZ_RELAY_EVENT_CLOSE: post_heard_close(&c->ending, ev); break;
	default: break;
	}
}

static void
on_ready(void *arg, struct vz_rlink *k, const struct vz_rlink_ready *r)
{
	(void)arg;
	(void)k;
	(void)r; /* a mailbox has none: wire/relay_frame.h */
}

/* What is being delivered goes on; the rest comes again. */
static void
on_ended(void *arg, struct vz_rlink *k, int err, int sys_errno, enum vz_dial_step step)
{
	struct collect *c = arg;
	bool bad = err != 0 || c->ending.closed;

	(void)k;
	c->link = NULL; /* freed by its owner after this */
	lent_give_back(c->lent);
	c->lent = NULL; /* moved */
	c->ending.err = err;
	c->ending.sys_errno = sys_errno;
	c->ending.step = step;
	collect_mail_cut(c);
	if (bad) {
		collect_say_unreached(c);
		c->news = false; /* all is looked at then */
		try_again(c);
	} else {
		collect_soon(c, 0);
	}
}

static const struct vz_rlink_handler handler = {
    .peer = on_peer, .event = on_event, .ready = on_ready, .ended = on_ended};

static void
call(struct collect *c)
{
	struct post *p = c->post;
	struct vz_rlink_config config;
	struct vz_relay_limits limits;
	int r;

	gate_refresh_identity(&p->srv->gate);
	memset(&c->ending, 0, sizeof(c->ending));
	post_config(p, &config, &limits);
	config.handler = &handler;
	config.arg = c;
	r = vz_rlink_new(p->srv->loop, &config, &c->link);
	if (r == 0)
		c->lent = lent_take(p->srv->gate.lent);
	else
		on_ended(c, NULL, r, errno, VZ_DIAL_RESOLVE);
}

void
collect_due(struct vz_loop *l, struct vz_timer *t)
{
	struct collect *c = t->arg;
	struct server *srv = c->post->srv;
	bool all;

	if (c->marking) {
		collect_mark(c);
		return;
	}
	/* Without its registration nobody knows whether the relay is there: it will be said. */
	if (c->link || c->seq != 0 || srv->posts.left || srv->stopping || !c->post->link)
		return;
	all = c->all_at != 0 && vz_loop_now(l) >= c->all_at;
	if (!all && (!c->news || c->told)) {
		if (c->all_at != 0)
			collect_soon(c, c->all_at - vz_loop_now(l));
		return;
	}
	c->after = all ? 0 : c->high;
	if (all)
		c->all_at = 0;
	call(c);
}
