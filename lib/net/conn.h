/*
 * A connected socket and the session on it: the only place where protocol meets descriptor. The
 * owner is told what happened and says what it wants in terms of the session (wire/session.h).
 */
#ifndef VZ_NET_CONN_H
#define VZ_NET_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include "net/loop.h"
#include "wire/session.h"

struct vz_conn;

/* Named after what just happened. */
struct vz_conn_handler {
	/*
	 * A session event. Return true to go on; false to hold: no further event comes and nothing
	 * is read until vz_conn_resume, and the event's bytes stay where they are until then.
	 */
	bool (*event)(void *arg, struct vz_conn *c, const struct vz_event *ev);
	/* The turn's events are handled, or output drained: a sender sends its data here. May be
	 * NULL. */
	void (*turn)(void *arg, struct vz_conn *c);
	/* The session has become old (vz_session_old): told once. May be NULL. */
	void (*old)(void *arg, struct vz_conn *c);
	/*
	 * It is over and c is freed after this call. err: 0 = ended by an authenticated close, by
	 * either side; VZ_ECUT (end of file or reset without one; sys_errno), VZ_ETIMEOUT,
	 * VZ_EAUTH, VZ_EFORMAT, VZ_EMISMATCH, VZ_EPROTO, VZ_ELIMIT, VZ_ENOMEM, VZ_ESYSTEM. The
	 * session can still be looked at.
	 */
	void (*ended)(void *arg, struct vz_conn *c, int err, int sys_errno);
};

struct vz_conn_config {
	struct vz_session_config session; /* `now` is filled in */
	uint64_t stall_ms;                /* no write progress; 0 = 60 s */
	struct vz_session *again;         /* a sender's, detached: it is dialled anew (redial) */
	struct vz_session *begun; /* or one whose first bytes went ahead (vz_relay_client_open) */
	const uint8_t *first; /* bytes that were read already (net/rlink.h): copied, and given to
				 the session before any others */
	size_t first_len;
	const struct vz_conn_handler *handler;
	void *arg;
};

/*
 * Takes fd over (non-blocking) whatever the result, and `again` or `begun` when it is 0.
 * VZ_ENOMEM, VZ_ESYSTEM, VZ_EINVAL. No handler is called before this returns.
 */
int
vz_conn_new(struct vz_loop *l, int fd, const struct vz_conn_config *config, struct vz_conn **out);
/* Closes at once, without `ended`. */
void vz_conn_drop(struct vz_conn *c);

/*
 * The connection is over (in `ended`, or just before vz_conn_drop): its session stays, detached,
 * and is the caller's.
 */
struct vz_session *vz_conn_leave_session(struct vz_conn *c);
/*
 * A listener, in its `event` for VZ_EVENT_STREAM: s, which is detached, goes on over this
 * connection (vz_session_adopt), whose events are for `arg` from now on. VZ_EINVAL, VZ_ENOMEM: as
 * before.
 */
int vz_conn_adopt(struct vz_conn *c, struct vz_session *s, void *arg);
/* NULL once vz_conn_silent. */
struct vz_session *vz_conn_session(struct vz_conn *c);
int vz_conn_fd(const struct vz_conn *c);
/* Ends the hold that `event` began by returning false. Safe from anywhere; events come from the
 * loop. */
void vz_conn_resume(struct vz_conn *c);
/* Something was said on the session outside of a handler: send it, and call `turn` from the loop
 * soon. */
void vz_conn_kick(struct vz_conn *c);
/*
 * Reads what may be there already, and does what a turn does: handlers are called. False: c is
 * gone. Not from inside a handler of c.
 */
bool vz_conn_look(struct vz_conn *c);
/*
 * Says close(status, text), shuts the writing side down once that is out, reads and drops until end
 * of file or 2 s, then `ended` with 0. With linger false it does not wait for the peer: `ended`
 * comes as soon as the kernel has it all.
 */
void vz_conn_close(struct vz_conn *c, uint8_t status, const char *text, bool linger);

/*
 * A responder whose peer fails before authentication says nothing (DESIGN 5): the session is freed,
 * at most 4 KiB are read and dropped, and the descriptor is held until the handshake's deadline;
 * only then comes `ended`. True in that state.
 */
bool vz_conn_silent(const struct vz_conn *c);

#endif
