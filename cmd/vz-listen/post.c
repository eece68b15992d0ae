/*
 * One registration: calling the relay, and what comes over that connection.
 */
#include "cmd/common/talk.h"
#include "cmd/vz-listen/posts.h"

#include <errno.h>
#include <netdb.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/common/trust.h"
#include "cmd/vz-listen/claims.h"
#include "cmd/vz-listen/post_words.h"
#include "cmd/vz-listen/server.h"
#include "crypto/aead.h"
#include "net/rlink.h"
#include "net/sockaddr.h"

/* A relay in a crowd ends a connection within so long (guard/pool.h). */
#define AT_ONCE_MS 1000
/* Lines about claims that come to nothing: so many a second, and at once. */
#define CLAIM_WORDS_RATE  1
#define CLAIM_WORDS_BURST 10

/* -w bounds every wait; the keepalive goes so often that a living relay is never taken for dead. */
static void
limits_of(const struct common *options, struct vz_relay_limits *l)
{
	uint64_t w = options->wait_ms;

	vz_relay_limits_default(l);
	if (w == 0)
		return;
	l->handshake_ms = w;
	l->ready_ms = w;
	l->record_ms = w;
	l->dead_ms = w;
	l->stall_ms = w;
	if (l->keepalive_ms > w / 3)
		l->keepalive_ms = w / 3 + 1;
}

void
post_config(struct post *p, struct vz_rlink_config *c, struct vz_relay_limits *limits)
{
	struct server *srv = p->srv;
	const struct common *options = &srv->options->common;

	memset(c, 0, sizeof(*c));
	limits_of(options, limits);
	c->at = p->at->at;
	c->family = options->family;
	c->resolve_ms = c->connect_ms = c->stall_ms = options->wait_ms;
	c->limits = limits;
	self_channel_to_relay(&srv->me, &p->at->relay_key, &c->channel);
	if (!p->talk)
		p->talk = talk_new(p->shown);
	c->channel.observer = talk_observer(p->talk);
}

int
post_judge(struct server *srv, const struct vz_bundle *relay, struct post_ending *e)
{
	e->unwanted = trust_judge(&srv->me, relay);
	e->why_errno = errno;
	return e->unwanted;
}

void
post_heard_close(struct post_ending *e, const struct vz_relay_event *ev)
{
	e->closed = true;
	e->status = ev->status;
	diag_escape(e->text, sizeof(e->text), ev->bytes, ev->bytes_len);
}

void
post_end(struct post *p, int status, bool successor)
{
	struct server *srv = p->srv;

	vz_timer_stop(srv->loop, &p->due);
	if (!p->stay.was_registered)
		server_stop(srv, status);
	else
		server_deserted(srv, status, successor);
}

/* Calls and registrations. */

void
post_let_go(struct post *p)
{
	lent_give_back(p->lent);
	p->lent = NULL; /* moved */
	vz_rlink_drop(p->link);
	p->link = NULL;
}

static void
failed(struct post *p)
{
	const struct post_ending *e = &p->ending;
	struct stay_failure f = post_failure(e);
	enum stay_next next =
	    stay_failed(&p->stay, &f, vz_loop_now(p->srv->loop), randombytes_random());

	if (next == STAY_END) {
		post_say_over(p, e, &f);
		post_end(p, f.status, e->closed && e->status == VZ_EXIT_REFUSED);
		return;
	}
	post_say_again(p, e, &f, next == STAY_AGAIN);
	post_set_due(p);
}

static int
on_peer(void *arg, struct vz_rlink *k, const struct vz_bundle *relay)
{
	struct post *p = arg;

	lent_give_back(p->lent);
	p->lent = NULL; /* moved */
	/* Nobody is trusted anew while it is not known who is revoked. */
	if (p->srv->rights.locked)
		p->ending.unwanted = VZ_EDENIED;
	if (p->ending.unwanted != 0 || post_judge(p->srv, relay, &p->ending) < 0)
		return VZ_EDENIED;
	p->ending.authenticated = true;
	return vz_relay_client_register(vz_rlink_client(k), p->stay.number);
}

static void
note_place(struct post *p)
{
	struct vz_sockaddr at = {.len = sizeof(at.u)};
	char host[sizeof(p->place.host)];

	p->place = p->at->at;
	if (p->place.kind != VZ_ADDRESS_TCP || p->place.numeric ||
	    getpeername(vz_rlink_fd(p->link), &at.u.sa, &at.len) != 0)
		return;
	vz_sockaddr_unmap(&at);
	if (getnameinfo(&at.u.sa, at.len, host, sizeof(host), NULL, 0, NI_NUMERICHOST) != 0)
		return;
	strlcpy(p->place.host, host, sizeof(p->place.host));
	p->place.numeric = true;
}

static void
on_registered(struct post *p, const struct vz_relay_event *ev)
{
	bool news = stay_registered(&p->stay, ev->number, vz_loop_now(p->srv->loop));

	note_place(p);
	if (news || p->announce)
		post_say_registered(p);
	p->announce = false;
	server_opened(p->srv);
}

static void
on_event(void *arg, struct vz_rlink *k, const struct vz_relay_event *ev)
{
	struct post *p = arg;
	struct posts *all = &p->srv->posts;

	(void)k;
	switch (ev->type) {
	case VZ_RELAY_EVENT_REGISTERED: on_registered(p, ev); break;
	case VZ_RELAY_EVENT_OFFER: claims_offer(p, ev->match); return;
	case VZ_RELAY_EVENT_CLOSE: post_heard_close(&p->ending, ev); return;
	default: break;
	}
	if (all->also && p->link)
		all->also(p, ev);
}

static void
on_ready(void *arg, struct vz_rlink *k, const struct vz_rlink_ready *r)
{
	(void)arg;
	(void)k;
	/* A registration has none: wire/relay_frame.h. */
	close(r->fd);
}

static void
on_ended(void *arg, struct vz_rlink *k, int err, int sys_errno, enum vz_dial_step step)
{
	struct post *p = arg;

	(void)k;
	p->link = NULL; /* freed by its owner after this */
	lent_give_back(p->lent);
	p->lent = NULL; /* moved */
	p->ending.err = err;
	p->ending.sys_errno = sys_errno;
	p->ending.step = step;
	p->ending.at_once = vz_loop_now(p->srv->loop) - p->called_at < AT_ONCE_MS;
	if (p->stay.state != STAY_OVER)
		failed(p);
}

static const struct vz_rlink_handler handler = {
    .peer = on_peer, .event = on_event, .ready = on_ready, .ended = on_ended};

static void
call(struct post *p)
{
	struct vz_rlink_config c;
	struct vz_relay_limits limits;
	int r;

	gate_refresh_identity(&p->srv->gate);
	stay_call(&p->stay);
	memset(&p->ending, 0, sizeof(p->ending));
	p->called_at = vz_loop_now(p->srv->loop);
	p->as = p->srv->me.identity->bundle;
	post_config(p, &c, &limits);
	c.handler = &handler;
	c.arg = p;
	r = vz_rlink_new(p->srv->loop, &c, &p->link);
	if (r == 0) {
		p->lent = lent_take(p->srv->gate.lent);
		return;
	}
	p->ending.err = r;
	p->ending.sys_errno = errno;
	failed(p);
}

static void
on_due(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	call(t->arg);
}

/* Without memory for the timer: nothing would ever come of it. */
void
post_set_due(struct post *p)
{
	uint64_t now = vz_loop_now(p->srv->loop);

	if (vz_timer_set(p->srv->loop, &p->due, p->stay.due > now ? p->stay.due - now : 0) < 0)
		vz_loop_stop(p->srv->loop, VZ_ENOMEM);
}

void
post_begin(struct post *p, struct server *srv, int i)
{
	const struct listen_options *o = srv->options;
	const struct vz_listen_address *at = &srv->sockets.addresses[i];
	const char *given = o->serve.addresses[i];
	struct vz_address relay = {.key = at->relay_key, .at = at->at};

	p->srv = srv;
	p->at = at;
	/* What was parsed can be written. */
	(void)vz_address_format(&relay, p->text, sizeof(p->text));
	diag_escape(p->shown, sizeof(p->shown), given, strlen(given));
	vz_bucket_init(&p->claim_words, CLAIM_WORDS_RATE, CLAIM_WORDS_BURST);
	LIST_INIT(&p->claims);
	p->due = (struct vz_timer){.fn = on_due, .arg = p};
	stay_init(&p->stay, o->keep, o->resume_ms, vz_loop_now(srv->loop));
	post_set_due(p);
}
