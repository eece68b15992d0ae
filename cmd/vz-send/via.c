#include "cmd/vz-send/via.h"

#include <sodium.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/link.h"
#include "cmd/vz-send/peer.h"
#include "cmd/vz-send/renew.h"
#include "cmd/vz-send/words.h"
#include "crypto/aead.h"

static void
on_connected(void *arg, struct vz_rlink *rlink)
{
	struct link *k = arg;

	(void)rlink;
	k->via.step = VIA_HANDSHAKE;
	words_connected(k);
	if (k->user->connected && !k->conn)
		k->user->connected(k->arg);
}

/*
 * A new session's first message goes with the request, and so is there with READY: a round trip
 * less. One that goes on begins when there is a connection to go on with.
 */
static int
ask(struct link *k, struct vz_relay_client *client)
{
	struct vz_session_config c = k->config;
	struct vz_channel_config *ch = &c.channel;
	const uint8_t *first;
	size_t n;
	int r;

	if (k->session || k->conn)
		return vz_relay_client_connect(client, &k->to.key);
	ch->relayed = true;
	ch->relay = k->to.relay_key;
	randombytes_buf(ch->match, sizeof(ch->match));
	randombytes_buf(ch->random, sizeof(ch->random));
	c.age_ms = renew_after(c.age_ms);
	c.now = vz_loop_now(k->loop);
	r = vz_session_new(&k->via.begun, &c);
	if (r)
		return r;
	first = vz_session_out(k->via.begun, &n);
	r = vz_relay_client_open(client, &k->to.key, ch->match, first, n);
	if (r == 0)
		vz_session_sent(k->via.begun, n, c.now);
	return r;
}

/* The relay proved its key; whether we still want it is ours, as with any peer. */
static int
on_peer(void *arg, struct vz_rlink *rlink, const struct vz_bundle *relay)
{
	struct link *k = arg;
	char shown[sizeof(k->shown) + 16];
	int status, err;

	snprintf(shown, sizeof(shown), "%s: the relay", k->shown);
	status = peer_check(k, relay, shown);
	if (status != 0) {
		/* A connection that is only to be renewed goes on without it. */
		if (!k->conn)
			link_decide(k, status);
		return -1;
	}
	k->via.step = VIA_MATCH;
	words_relay(k);
	if (k->user->relay && !k->conn)
		k->user->relay(k->arg);
	err = ask(k, vz_rlink_client(rlink));
	if (err && !k->conn) {
		diag_error("%s: %s", k->shown, diag_words(err));
		link_decide(k, vz_exit_of(err));
	}
	return err;
}

static void
on_event(void *arg, struct vz_rlink *rlink, const struct vz_relay_event *ev)
{
	struct link *k = arg;

	(void)rlink;
	if (ev->type != VZ_RELAY_EVENT_CLOSE)
		return;
	k->via.status = ev->status;
	diag_escape(k->via.text, sizeof(k->via.text), ev->bytes, ev->bytes_len);
}

static void
on_ready(void *arg, struct vz_rlink *rlink, const struct vz_rlink_ready *r)
{
	struct link *k = arg;
	struct vz_conn_config c = {
	    .session = k->config, .first = r->first, .first_len = r->first_len};
	bool renews = k->conn != NULL;

	k->via.rlink = NULL;
	k->via.step = VIA_NONE;
	c.begun = k->via.begun;
	(void)vz_relay_client_path(vz_rlink_client(rlink), &c.session.channel);
	words_matched(k);
	k->via.begun = NULL; /* moved */
	link_reached(k, r->fd, &c);
	if (k->user->matched && !renews && k->stage != LINK_OVER)
		k->user->matched(k->arg);
}

static void
on_ended(void *arg, struct vz_rlink *rlink, int err, int sys_errno, enum vz_dial_step step)
{
	struct link *k = arg;

	(void)rlink;
	k->via.rlink = NULL;
	vz_session_free(k->via.begun);
	k->via.begun = NULL;
	link_not_reached(k, err == 0 ? VZ_ECLOSED : err, sys_errno, step);
}

static const struct vz_rlink_handler handler = {
    .connected = on_connected,
    .peer = on_peer,
    .event = on_event,
    .ready = on_ready,
    .ended = on_ended,
};

/* -w bounds every wait here, too. */
static void
limits(const struct link *k, struct vz_relay_limits *l)
{
	uint64_t w = k->options->common.wait_ms;

	vz_relay_limits_default(l);
	if (w != 0)
		l->handshake_ms = l->ready_ms = l->record_ms = w;
}

void
via_config(const struct link *k, struct vz_relay_limits *l, struct vz_rlink_config *c)
{
	const struct common *o = &k->options->common;

	*c = (struct vz_rlink_config){
	    .at = k->to.at,
	    .family = o->family,
	    .resolve_ms = o->wait_ms,
	    .connect_ms = o->wait_ms,
	    .stall_ms = o->wait_ms,
	    .limits = l,
	};
	limits(k, l);
	self_channel_to_relay(k->me, &k->to.relay_key, &c->channel);
	c->channel.observer = talk_observer(k->talk);
}

int
via_dial(struct link *k)
{
	struct vz_relay_limits l;
	struct vz_rlink_config c;

	via_config(k, &l, &c);
	c.handler = &handler;
	c.arg = k;
	k->via = (struct via){.step = VIA_DIALLING};
	k->answered = false;
	return vz_rlink_new(k->loop, &c, &k->via.rlink);
}

void
via_drop(struct link *k)
{
	vz_rlink_drop(k->via.rlink);
	vz_session_free(k->via.begun);
	k->via = (struct via){0};
}

bool
via_is_away(const struct link *k, int err)
{
	if (k->via.step != VIA_MATCH)
		return false;
	return err == VZ_ETIMEOUT ||
	    (err == VZ_ECLOSED &&
		(k->via.status == VZ_EXIT_UNAVAILABLE || k->via.status == VZ_EXIT_TEMPFAIL));
}

bool
via_passes(const struct link *k, int err)
{
	return err == VZ_ECLOSED && k->via.step == VIA_MATCH &&
	    (k->via.status == VZ_EXIT_OK || k->via.status == VZ_EXIT_UNAVAILABLE ||
		k->via.status == VZ_EXIT_TEMPFAIL);
}
