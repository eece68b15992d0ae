/*
 * One connection to the destination: dialling, the peer's proof, READY; and why it is over, in
 * words and as an exit status.
 */
#ifndef VZ_SEND_LINK_H
#define VZ_SEND_LINK_H

#include "cmd/common/lent.h"
#include "cmd/common/self.h"
#include "cmd/common/talk.h"
#include "cmd/vz-send/options.h"
#include "cmd/vz-send/via.h"
#include "id/address.h"
#include "net/conn.h"
#include "net/dial.h"

struct link;

/* Named after what just happened; any may be NULL but `over`. */
struct link_user {
	void (*connected)(void *arg);
	/* Where a relay is on the way, after `connected`, which was to it: it is the one called;
	 * and whom we want has come there. */
	void (*relay)(void *arg);
	void (*matched)(void *arg);
	/* It fails for good; the words follow, and then `over`. step: which one it is, where that
	 * is not the next one after what was called last. */
	void (*failing)(void *arg, const char *step);
	/* It broke, or was not met, and is tried again later. */
	void (*lost)(void *arg);
	/* The peer is who was called; messages may be opened (DESIGN 5: 64 KiB before READY). */
	void (*authenticated)(void *arg);
	/* The other side lets us send; or, when ev->attempt is not 0, go on. */
	void (*ready)(void *arg, const struct vz_event *ev);
	/* Any later event: ROOM, DONE, ANSWER, DATA, END, PONG. False holds, until link_resume. */
	bool (*event)(void *arg, const struct vz_event *ev);
	/* Output drained, or a turn's events are handled. */
	void (*turn)(void *arg);
	/* Nothing comes any more. status: for whatever was not finished; not 0 unless finished by
	 * link_finish. The words have been said. */
	void (*over)(void *arg, int status);
};

enum link_stage {
	LINK_NONE,
	LINK_DIALLING,
	LINK_CONNECTED,
	LINK_AUTHENTICATED,
	LINK_READY,
	LINK_OVER,
};

struct link {
	const struct send_options *options;
	const struct link_user *user;
	void *arg;
	struct self *me;
	struct lent **lender; /* of me->identity, which is read again before each connection; or
				 NULL */
	struct lent *lent;    /* until the handshake is over */
	const char *text;     /* the destination as it was given */
	struct vz_address to;
	struct vz_session_config config;
	struct talk *talk; /* of -vv, or NULL */
	char shown[512];   /* the destination, for people */
	struct vz_loop *loop;
	struct vz_dial *dial;
	struct via via; /* instead, through a relay */
	struct vz_conn *conn;
	enum link_stage stage;
	struct vz_session *session; /* while there is no connection */
	bool resumes;               /* a break is not the end */
	bool goes_on;               /* the other side waits for us after a break */
	bool was_ready;             /* once */
	bool try_again;             /* said the other side, when we came back */
	bool progressed;            /* since the last break */
	bool was_lost;              /* once */
	unsigned tries;             /* since the other side was there */
	unsigned resumed;           /* so often it went on after a break */
	bool answered;              /* it has said something valid in this connection */
	unsigned crowded_out;       /* connections that ended before it did */
	uint64_t lost_at;           /* when that was */
	struct vz_timer redial, renew, patience;
	bool renewing; /* from one connection to another (renew.h), without a break; the first: */
	int left_fd;
	bool away;       /* nobody is there, which --store=auto is for; not said */
	bool finished;   /* by ourselves: what follows is no failure */
	bool closed;     /* by the peer: close_status, words said */
	int status;      /* once decided, not 0 */
	uint64_t oldest; /* once over: the first message without a verdict */
	uint64_t began_us;
};

/* Prepares a connection to `to`, called `text` by people. All are borrowed; fails never. */
void link_init(struct link *k, const struct send_options *options, struct self *me,
    struct vz_loop *loop, const char *text, const struct vz_address *to);
/* For a handshake: our identity as it is now. */
void link_borrow(struct link *k);
/* It is over, or there is none. */
void link_give_back(struct link *k);
/* Starts to connect: 0, or reports and returns the status. */
int link_start(struct link *k, const struct link_user *user, void *arg);
/* Connects, for the first time or again: `over` when that cannot even be tried. */
void link_dial(struct link *k);
/* Connects while there is a connection. An error of vz_dial_start or via_dial. */
int link_dial_only(struct link *k);
bool link_is_dialling(const struct link *k);
void link_dial_cancel(struct link *k);
/* What came of that: fd leads there, and *c has the session's config, what has begun of it and what
 * was read; or nothing does. */
void link_reached(struct link *k, int fd, struct vz_conn_config *c);
void link_not_reached(struct link *k, int err, int sys_errno, enum vz_dial_step step);
/* It fails, and the words come (link_user). */
void link_failing(const struct link *k, const char *step);
/* The status of it, unless there is one: the words were said. */
void link_decide(struct link *k, int status);
struct vz_session *link_session(const struct link *k);
/* Something was said on the session outside of a callback. */
void link_kick(struct link *k);
/* Ends the hold that `event` began. */
void link_resume(struct link *k);
/*
 * All is done: goodbye, and `over` with 0. With `linger` the goodbye is sure to be heard: closing a
 * socket on which acknowledgements are unread would reset it and take back what is on its way.
 * After a verdict on everything there is nothing left to be heard.
 */
void link_finish(struct link *k, bool linger);
/* Ends it for a reason of our own, which was reported: `over` with this status. */
void link_abort(struct link *k, int status, const char *text);
/* Lets go of the connection at once; nothing is called any more. */
void link_drop(struct link *k);
/* The same, last: whatever else went to the same place is over. */
void link_free(struct link *k);
/* Microseconds of a monotonic clock. */
uint64_t link_clock_us(void);
/* stream.number, for people and logs. out takes 64 bytes. */
void link_message_id(const struct link *k, uint64_t number, char out[static 64]);

#endif
