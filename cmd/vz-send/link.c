#include "cmd/vz-send/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sodium.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/patience.h"
#include "cmd/vz-send/peer.h"
#include "cmd/vz-send/redial.h"
#include "cmd/vz-send/renew.h"
#include "cmd/vz-send/words.h"

uint64_t
link_clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void
link_init(struct link *k, const struct send_options *options, struct self *me, struct vz_loop *loop,
    const char *text, const struct vz_address *to)
{
	memset(k, 0, sizeof(*k));
	k->options = options;
	k->me = me;
	k->loop = loop;
	k->text = text;
	k->to = *to;
	diag_escape(k->shown, sizeof(k->shown), text, strlen(text));
	self_session(me, &options->common, true, &k->to.key, &k->config);
	k->talk = talk_new(k->shown);
	k->config.channel.observer = talk_observer(k->talk);
}

void
link_borrow(struct link *k)
{
	if (!k->lender)
		return;
	link_give_back(k);
	lent_renew(k->me, k->lender);
	k->lent = lent_take(*k->lender);
	k->config.channel.self = k->me->identity;
}

void
link_give_back(struct link *k)
{
	lent_give_back(k->lent);
	k->lent = NULL;
}

void
link_message_id(const struct link *k, uint64_t number, char out[static 64])
{
	char hex[2 * VZ_STREAM_LEN + 1];

	sodium_bin2hex(hex, sizeof(hex), k->config.stream, VZ_STREAM_LEN);
	snprintf(out, 64, "%s.%llu", hex, (unsigned long long)number);
}

void
link_failing(const struct link *k, const char *step)
{
	if (k->user && k->user->failing)
		k->user->failing(k->arg, step);
}

static void
over(struct link *k)
{
	k->stage = LINK_OVER;
	k->user->over(k->arg, k->status);
}

/* The first reason counts: a refusal is not made a broken connection by what follows from it. */
void
link_decide(struct link *k, int status)
{
	if (k->status == 0 && !k->finished)
		k->status = status;
}

/* The peer proved its key, and that it is the one we called; whether we still want it is ours. */
static void
on_peer(struct link *k)
{
	struct vz_session *s = vz_conn_session(k->conn);
	int status = peer_check(k, vz_session_peer(s), k->shown);
	int err;

	if (status != 0) {
		link_abort(k, status, "");
		return;
	}
	err = vz_session_accept(s, 0, 0);
	if (err) {
		diag_error("%s: %s", k->shown, diag_words(err));
		link_abort(k, vz_exit_of_peer(err), "");
		return;
	}
	link_give_back(k);
	k->stage = LINK_AUTHENTICATED;
	patience_begin(k);
	words_authenticated(k);
	if (k->user->authenticated)
		k->user->authenticated(k->arg);
}

/* What was said over an earlier connection may be there, and who does not know would take it again.
 */
static bool
would_come_twice(const struct link *k, const struct vz_event *ev)
{
	return ev->attempt > 0 && !k->goes_on && vz_session_remembers(vz_conn_session(k->conn));
}

static void
on_ready(struct link *k, const struct vz_event *ev)
{
	k->stage = LINK_READY;
	patience_end(k);
	k->goes_on = (ev->flags & VZ_READY_RESUMES) != 0;
	if (would_come_twice(k, ev)) {
		link_abort(k, words_broken(k, VZ_ECUT, 0), "this stream cannot go on here");
		return;
	}
	if (renew_over(k))
		words_renewed(k);
	else if (ev->attempt > 0 && k->was_ready) {
		k->resumed++;
		words_resumed(k);
	}
	k->was_ready = true;
	k->tries = 0; /* it is there: no need to wait for long next time */
	if (!(ev->rights & (k->options->reply ? VZ_RIGHT_ASK : VZ_RIGHT_SEND))) {
		words_no_right(k);
		link_abort(k, VZ_EXIT_REFUSED, "nothing to do without that right");
	} else if (k->user->ready) {
		k->user->ready(k->arg, ev);
	}
}

/* The listener has no place at the moment, or has not noticed yet: that is no refusal of the
 * message.
 */
static bool
comes_back_too_soon(struct link *k, const struct vz_event *ev)
{
	k->try_again = k->was_ready && k->stage < LINK_READY && k->status == 0 && !k->finished &&
	    ev->status == VZ_EXIT_TEMPFAIL;
	return k->try_again;
}

static bool
on_event(void *arg, struct vz_conn *c, const struct vz_event *ev)
{
	struct link *k = arg;

	(void)c;
	switch (ev->type) {
	case VZ_EVENT_PEER: on_peer(k); break;
	case VZ_EVENT_READY: on_ready(k, ev); break;
	case VZ_EVENT_CLOSE:
		if (comes_back_too_soon(k, ev))
			break;
		if (!k->finished && k->status == 0)
			link_decide(k, words_closed(k, ev));
		break;
	default: redial_progress(k); return !k->user->event || k->user->event(k->arg, ev);
	}
	return true;
}

static void
on_turn(void *arg, struct vz_conn *c)
{
	struct link *k = arg;

	(void)c;
	if (k->user->turn && k->status == 0 && !k->finished)
		k->user->turn(k->arg);
}

static void
on_old(void *arg, struct vz_conn *c)
{
	(void)c;
	renew_begin(arg);
}

static void
on_ended(void *arg, struct vz_conn *c, int err, int sys_errno)
{
	struct link *k = arg;

	renew_stop(k);
	patience_end(k);
	link_give_back(k);
	k->conn = NULL; /* freed by its owner after this call */
	k->oldest = vz_session_oldest(vz_conn_session(c));
	k->answered = vz_session_begun(vz_conn_session(c));
	if (redial_worth(k, err)) {
		k->session = vz_conn_leave_session(c);
		if (!redial_later(k, err, sys_errno))
			over(k);
		return;
	}
	if (!k->finished && k->status == 0)
		link_decide(k, words_broken(k, err, sys_errno));
	over(k);
}

static const struct vz_conn_handler handler = {
    .event = on_event,
    .turn = on_turn,
    .old = on_old,
    .ended = on_ended,
};

void
link_not_reached(struct link *k, int err, int sys_errno, enum vz_dial_step step)
{
	link_give_back(k);
	if (k->conn) {
		(void)renew_dialled(k, -1, err, sys_errno);
		via_drop(k);
		return;
	}
	/* Nothing was ever said to anybody: all of it can go another way. */
	if (k->options->store == STORE_AUTO && !k->session && !k->was_ready &&
	    via_is_away(k, err)) {
		k->away = true;
		over(k);
		return;
	}
	if (redial_worth(k, err)) {
		if (!redial_later(k, err, sys_errno))
			over(k);
		return;
	}
	if (k->status == 0)
		link_decide(k, words_not_dialled(k, err, sys_errno, step));
	over(k);
}

void
link_reached(struct link *k, int fd, struct vz_conn_config *c)
{
	int err;

	if (k->conn && !renew_dialled(k, fd, 0, 0))
		return;
	c->stall_ms = k->options->common.wait_ms;
	c->handler = &handler;
	c->arg = k;
	c->again = k->session;
	randombytes_buf(c->session.channel.random, sizeof(c->session.channel.random));
	c->session.age_ms = renew_after(k->config.age_ms);
	err = vz_conn_new(k->loop, fd, c, &k->conn);
	if (err) {
		vz_session_free(c->begun);
		diag_error("%s: %s", k->shown, diag_words(err));
		link_decide(k, vz_exit_of(err));
		over(k);
		return;
	}
	k->session = NULL; /* moved */
	k->stage = LINK_CONNECTED;
}

static void
on_dialled(void *arg, int fd, int err, int sys_errno, enum vz_dial_step step)
{
	struct link *k = arg;
	struct vz_conn_config c = {.session = k->config};

	k->dial = NULL;
	if (fd < 0) {
		link_not_reached(k, err, sys_errno, step);
		return;
	}
	link_reached(k, fd, &c);
	if (k->stage == LINK_OVER)
		return;
	words_connected(k);
	if (k->user->connected)
		k->user->connected(k->arg);
}

int
link_dial_only(struct link *k)
{
	struct vz_dial_config c = {
	    .at = k->to.at,
	    .resolve_ms = k->options->common.wait_ms,
	    .connect_ms = k->options->common.wait_ms,
	    .family = k->options->common.family,
	};

	k->began_us = link_clock_us();
	talk_again(k->talk);
	link_borrow(k);
	if (k->to.relayed)
		return via_dial(k);
	return vz_dial_start(k->loop, &c, on_dialled, k, &k->dial);
}

bool
link_is_dialling(const struct link *k)
{
	return k->dial || k->via.rlink;
}

void
link_dial_cancel(struct link *k)
{
	if (k->dial)
		vz_dial_cancel(k->dial);
	k->dial = NULL;
	via_drop(k);
}

static int
dial(struct link *k)
{
	int err = link_dial_only(k);

	if (err) {
		diag_error("%s: %s", k->shown, diag_words(err));
		return vz_exit_of(err);
	}
	k->stage = LINK_DIALLING;
	return 0;
}

int
link_start(struct link *k, const struct link_user *user, void *arg)
{
	k->user = user;
	k->arg = arg;
	return dial(k);
}

void
link_dial(struct link *k)
{
	int status = dial(k);

	if (status) {
		link_decide(k, status);
		over(k);
	}
}

struct vz_session *
link_session(const struct link *k)
{
	return k->conn ? vz_conn_session(k->conn) : k->session;
}

void
link_kick(struct link *k)
{
	if (k->conn)
		vz_conn_kick(k->conn);
}

void
link_resume(struct link *k)
{
	if (k->conn)
		vz_conn_resume(k->conn);
}

void
link_finish(struct link *k, bool linger)
{
	if (k->finished || k->status || !k->conn)
		return;
	k->finished = true;
	renew_stop(k);
	vz_conn_close(k->conn, 0, "", linger);
}

void
link_abort(struct link *k, int status, const char *text)
{
	link_decide(k, status);
	renew_stop(k);
	if (k->conn)
		vz_conn_close(k->conn, (uint8_t)status, text, k->stage >= LINK_AUTHENTICATED);
}

void
link_drop(struct link *k)
{
	if (k->loop)
		renew_stop(k);
	link_dial_cancel(k);
	if (k->conn)
		vz_conn_drop(k->conn);
	if (k->loop)
		redial_stop(k);
	patience_end(k);
	vz_session_free(k->session);
	link_give_back(k);
	k->session = NULL;
	k->conn = NULL;
}

void
link_free(struct link *k)
{
	link_drop(k);
	talk_free(k->talk);
	k->talk = NULL;
}
