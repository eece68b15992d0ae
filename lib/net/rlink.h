/*
 * One connection to a relay: dialled, or over a descriptor that is there; the client's protocol
 * (wire/relay_client.h) driven over it. Its owner is told what happened, makes the request, and
 * after READY has the descriptor, over which a session with the other host begins (net/conn.h).
 *
 * Every wait is bounded: resolving and connecting by the config, the rest by the limits. No more is
 * read while VZ_RELAY_OUT_STUCK_CLIENT bytes wait to be sent.
 */
#ifndef VZ_NET_RLINK_H
#define VZ_NET_RLINK_H

#include <stdbool.h>
#include <stdint.h>
#include "net/dial.h"
#include "net/loop.h"
#include "wire/relay_client.h"

struct vz_rlink;

/* first: what the other host sent that came with READY; borrowed, the link's until after the call.
 */
struct vz_rlink_ready {
	int fd; /* non-blocking; the callee's */
	const uint8_t *first;
	size_t first_len;
};

/* Named after what just happened; in this order. Each may drop the link. */
struct vz_rlink_handler {
	/* The relay was reached; its handshake begins. May be NULL; never called over a descriptor
	 * that was there. */
	void (*connected)(void *arg, struct vz_rlink *k);
	/*
	 * The relay has proved to be the one that was called: is it still wanted? 0: yes, and the
	 * request is made here, by vz_relay_client_* on vz_rlink_client(k), or later, with
	 * vz_rlink_kick. Else it is given up before it learns who we are: `ended` with VZ_EDENIED.
	 */
	int (*peer)(void *arg, struct vz_rlink *k, const struct vz_bundle *relay);
	/* REGISTERED and whatever else a relay says; CLOSE, after which `ended` comes with 0.
	 * ev->bytes is borrowed until the call returns. */
	void (*event)(void *arg, struct vz_rlink *k, const struct vz_relay_event *ev);
	/* After `peer`, once a turn's events are handled, or output has gone: who has more to say
	 * than there was room for says it here. May be NULL. */
	void (*turn)(void *arg, struct vz_rlink *k);
	/* READY. vz_relay_client_path may be asked for here; the link is freed after it. */
	void (*ready)(void *arg, struct vz_rlink *k, const struct vz_rlink_ready *r);
	/*
	 * It is over, and freed after this call. err: 0 = an authenticated close, the relay's or
	 * ours; VZ_EDENIED (`peer` did not want it); VZ_ECUT (end of file or reset without a close;
	 * sys_errno), VZ_ETIMEOUT, VZ_EAUTH, VZ_EFORMAT, VZ_EMISMATCH, VZ_EPROTO, VZ_ENOMEM,
	 * VZ_ESYSTEM; and with a step before VZ_DIAL_CONNECTED those of net/dial.h.
	 */
	void (*ended)(
	    void *arg, struct vz_rlink *k, int err, int sys_errno, enum vz_dial_step step);
};

struct vz_rlink_config {
	struct vz_endpoint at; /* TCP or UNIX; vz_rlink_over does not look at these four */
	int family;
	uint64_t resolve_ms, connect_ms; /* as in struct vz_dial_config */
	struct vz_channel_config
	    channel; /* initiator set, responder = the relay, random fresh; what it points to is
			borrowed until `peer`. Its service and path are not looked at */
	const struct vz_relay_limits *limits; /* NULL: vz_relay_limits_default; copied */
	uint64_t stall_ms;                    /* 0 = limits->stall_ms */
	const struct vz_rlink_handler *handler;
	void *arg;
};

/* Dials. VZ_ENOMEM, VZ_ESYSTEM, VZ_EINVAL. No handler is called before this returns. */
int vz_rlink_new(struct vz_loop *l, const struct vz_rlink_config *c, struct vz_rlink **out);
/* The same over a connected, non-blocking fd, which it takes over whatever the result. */
int
vz_rlink_over(struct vz_loop *l, int fd, const struct vz_rlink_config *c, struct vz_rlink **out);
/* Lets go at once, without a word and without `ended`. NULL is nothing. */
void vz_rlink_drop(struct vz_rlink *k);
/*
 * Says CLOSE where that may be said (in other states it only hangs up), shuts the writing side down
 * once that is out, reads and drops until end of file or 2 s; then `ended` with 0.
 */
void vz_rlink_close(struct vz_rlink *k, uint8_t status, const char *text);

/* NULL before the connection is there. */
struct vz_relay_client *vz_rlink_client(struct vz_rlink *k);
/* -1 before the connection is there. It stays the link's. */
int vz_rlink_fd(const struct vz_rlink *k);
/* Something was said on the client outside of a handler: sends it from the loop soon. */
void vz_rlink_kick(struct vz_rlink *k);

#endif
