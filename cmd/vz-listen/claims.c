#include "cmd/vz-listen/claims.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/serve/shortage.h"
#include "cmd/vz-listen/post_words.h"
#include "cmd/vz-listen/server.h"
#include "net/rlink.h"

struct claim {
	LIST_ENTRY(claim) list;
	struct post *post;
	struct vz_rlink *link;
	struct lent *lent; /* until its handshake is over */
	uint8_t match[VZ_MATCH_LEN];
	struct post_ending ending;
};

static void
forget(struct claim *c)
{
	LIST_REMOVE(c, list);
	c->post->n_claims--;
	lent_give_back(c->lent);
	free(c);
}

static int
on_peer(void *arg, struct vz_rlink *k, const struct vz_bundle *relay)
{
	struct claim *c = arg;

	lent_give_back(c->lent);
	c->lent = NULL; /* moved */
	if (post_judge(c->post->srv, relay, &c->ending) < 0)
		return VZ_EDENIED;
	c->ending.authenticated = true;
	return vz_relay_client_claim(vz_rlink_client(k), c->match);
}

static void
on_event(void *arg, struct vz_rlink *k, const struct vz_relay_event *ev)
{
	struct claim *c = arg;

	(void)k;
	if (ev->type == VZ_RELAY_EVENT_CLOSE)
		post_heard_close(&c->ending, ev);
}

/* From here on it is a connection like one that was accepted. */
static void
on_ready(void *arg, struct vz_rlink *k, const struct vz_rlink_ready *r)
{
	struct claim *c = arg;
	struct gate *g = &c->post->srv->gate;
	struct arrival a = {.fd = r->fd,
	    .first = r->first,
	    .first_len = r->first_len,
	    .through = vz_rlink_client(k),
	    .relay = &c->post->at->relay_key};

	forget(c);
	gate_take_relayed(g, &a);
}

static void
on_ended(void *arg, struct vz_rlink *k, int err, int sys_errno, enum vz_dial_step step)
{
	struct claim *c = arg;

	(void)k;
	c->ending.err = err;
	c->ending.sys_errno = sys_errno;
	c->ending.step = step;
	post_say_unclaimed(c->post, &c->ending);
	forget(c);
}

static const struct vz_rlink_handler handler = {
    .peer = on_peer, .event = on_event, .ready = on_ready, .ended = on_ended};

static int
claim(struct claim *c)
{
	struct server *srv = c->post->srv;
	struct vz_rlink_config config;
	struct vz_relay_limits limits;
	int r;

	gate_refresh_identity(&srv->gate);
	post_config(c->post, &config, &limits);
	config.at = c->post->place;
	config.handler = &handler;
	config.arg = c;
	r = vz_rlink_new(srv->loop, &config, &c->link);
	if (r == 0)
		c->lent = lent_take(srv->gate.lent);
	return r;
}

void
claims_offer(struct post *p, const uint8_t match[static VZ_MATCH_LEN])
{
	struct claim *c;
	int r;

	if (p->srv->posts.left)
		return;
	if (p->n_claims >= CLAIMS_MAX || !shortage_allows(&p->srv->gate)) {
		post_say_crowded(p);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return; /* the relay tells the sender to try again */
	c->post = p;
	memcpy(c->match, match, VZ_MATCH_LEN);
	LIST_INSERT_HEAD(&p->claims, c, list);
	p->n_claims++;
	r = claim(c);
	if (r < 0)
		on_ended(c, NULL, r, errno, VZ_DIAL_RESOLVE);
}

void
claims_free(struct post *p)
{
	struct claim *c;

	while ((c = LIST_FIRST(&p->claims)) != NULL) {
		vz_rlink_drop(c->link);
		forget(c);
	}
}
