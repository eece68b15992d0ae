#include "cmd/vz-listen/quota.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/serve/rates.h"
#include "cmd/vz-listen/audit_log.h"
#include "cmd/vz-listen/deliver.h"
#include "cmd/vz-listen/report.h"

/* That a key is slowed is said and recorded no oftener than this. */
#define SAY_EVERY_MS 60000

/* At most one for each line that has rates: --allow-any grants none. */
struct quota {
	LIST_ENTRY(quota) list;
	struct vz_key key;
	struct rates rates;
	unsigned users;
	bool said;
	uint64_t said_at;
	TAILQ_HEAD(, visit) queue; /* those who wait, in their order */
};

/* Who has one. */

static struct quota *
find(const struct server *srv, const struct vz_key *key)
{
	struct quota *q;

	LIST_FOREACH(q, &srv->quotas, list)
	if (vz_key_equal(&q->key, key))
		return q;
	return NULL;
}

static void
drop(struct quota *q)
{
	LIST_REMOVE(q, list);
	free(q);
}

static struct quota *
add(struct server *srv, const struct vz_key *key)
{
	struct quota *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->key = *key;
	TAILQ_INIT(&q->queue);
	LIST_INSERT_HEAD(&srv->quotas, q, list);
	return q;
}

int
quota_join(struct visit *v)
{
	struct quota *q = find(v->srv, &v->who.key);

	if (!q && !rates_granted(&v->who.grant))
		return 0;
	if (!q)
		q = add(v->srv, &v->who.key);
	if (!q)
		return VZ_ENOMEM;
	(void)rates_set(&q->rates, &v->who.grant);
	if (!v->quota.quota)
		q->users++;
	v->quota.quota = q;
	return 0;
}

/* Whoever stands behind v may be the next. */
static void
leave_queue(struct visit *v)
{
	struct quota *q = v->quota.quota;

	if (!v->quota.queued)
		return;
	v->quota.queued = false;
	TAILQ_REMOVE(&q->queue, v, quota.turn);
	if (!TAILQ_EMPTY(&q->queue))
		server_wake(v->srv);
}

void
quota_leave(struct visit *v)
{
	if (!v->quota.quota)
		return;
	leave_queue(v);
	v->quota.quota->users--;
	v->quota.quota = NULL; /* stays for the key's next session */
}

void
quota_prune(struct server *srv)
{
	struct quota *q, *next;
	struct vz_grant now;

	LIST_FOREACH_SAFE(q, &srv->quotas, list, next)
	{
		bool granted = vz_acl_check(srv->me.acl, &q->key, &now) == 0;

		if (granted && !rates_set(&q->rates, &now))
			granted = false;
		if (!granted && q->users == 0)
			drop(q);
		vz_grant_release(&now);
	}
}

void
quota_free(struct server *srv)
{
	vz_timer_stop(srv->loop, &srv->quota_timer);
	while (!LIST_EMPTY(&srv->quotas))
		drop(LIST_FIRST(&srv->quotas));
}

/* What it costs. */

static bool
begins_message(const struct vz_event *ev)
{
	return ev->type == VZ_EVENT_OPEN || ev->type == VZ_EVENT_WHOLE;
}

static bool
costs(const struct vz_event *ev)
{
	return begins_message(ev) || ev->type == VZ_EVENT_DATA;
}

static uint64_t
most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Takes what ev costs and returns 0, or takes nothing and returns the milliseconds until it can. */
static uint64_t
pay(struct quota *q, const struct vz_event *ev, uint64_t now)
{
	struct vz_bucket messages = q->rates.messages, bytes = q->rates.bytes;
	/* The bytes of an OPEN are its name. It may begin when nothing is owed. */
	size_t len = ev->type == VZ_EVENT_OPEN ? 0 : ev->bytes_len;
	uint64_t wait = 0;

	if (q->rates.counts_messages && begins_message(ev))
		wait = vz_bucket_take(&messages, 1, now);
	if (q->rates.counts_bytes)
		wait = most(wait, vz_bucket_take(&bytes, len, now));
	if (wait == 0) {
		q->rates.messages = messages;
		q->rates.bytes = bytes;
	}
	return wait;
}

/* Those who leave wait for nothing. */
static bool
is_turn_of(const struct quota *q, const struct visit *v)
{
	const struct visit *first = TAILQ_FIRST(&q->queue);

	while (first && first->leaving)
		first = TAILQ_NEXT(first, quota.turn);
	return !first || first == v;
}

/* Waiting. */

static void
on_worth_asking(struct vz_loop *l, struct vz_timer *t)
{
	struct server *srv = t->arg;

	(void)l;
	srv->quota_due = 0;
	server_wake(srv);
}

static void
wake_in(struct server *srv, uint64_t ms)
{
	uint64_t due = vz_loop_now(srv->loop) + ms;

	if (srv->quota_due != 0 && srv->quota_due <= due)
		return;
	srv->quota_timer.fn = on_worth_asking;
	srv->quota_timer.arg = srv;
	/* Without memory for a timer the events of others will have to do. */
	if (vz_timer_set(srv->loop, &srv->quota_timer, ms) == 0)
		srv->quota_due = due;
}

static void
say_slowed(const struct visit *v, uint64_t now)
{
	struct quota *q = v->quota.quota;

	if (q->said && now - q->said_at < SAY_EVERY_MS)
		return;
	q->said = true;
	q->said_at = now;
	report_limited(&v->who, "over its rate: slowed");
	audit_log_session(v, "limited", 0, "over its rate: slowed");
}

static enum quota_answer
refuse(struct visit *v, struct vz_event *ev, uint64_t wait)
{
	char words[100];

	leave_queue(v);
	snprintf(words, sizeof(words), "this key is over its rate: try again in %llu s",
	    (unsigned long long)((wait + 999) / 1000));
	deliver_refuse(v, ev, VZ_EXIT_TEMPFAIL, words);
	return QUOTA_REFUSED;
}

static enum quota_answer
slow(struct visit *v, struct vz_event *ev, uint64_t wait)
{
	struct quota_place *p = &v->quota;
	uint64_t now = vz_loop_now(v->srv->loop), left;

	if (!p->queued) {
		p->queued = true;
		p->since = now;
		TAILQ_INSERT_TAIL(&p->quota->queue, v, quota.turn);
	}
	left = now - p->since < QUOTA_WAIT_MAX_MS ? QUOTA_WAIT_MAX_MS - (now - p->since) : 0;
	if (begins_message(ev) && wait > left)
		return refuse(v, ev, wait);
	say_slowed(v, now);
	wake_in(v->srv, wait);
	return QUOTA_LATER;
}

enum quota_answer
quota_ask(struct visit *v, struct vz_event *ev)
{
	struct quota *q = v->quota.quota;
	uint64_t wait;

	if (!q || v->quota.paid || !costs(ev))
		return QUOTA_PASS;
	/* Who stands behind others is asked again when they have passed, and now and then. */
	wait = is_turn_of(q, v) ? pay(q, ev, vz_loop_now(v->srv->loop)) : 1000;
	if (wait > 0)
		return slow(v, ev, wait);
	leave_queue(v);
	v->quota.paid = true;
	return QUOTA_PASS;
}

void
quota_handled(struct visit *v)
{
	v->quota.paid = false;
}
