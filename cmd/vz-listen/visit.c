#include "cmd/vz-listen/visit.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/common/talk.h"
#include "cmd/vz-listen/admit.h"
#include "cmd/vz-listen/ask.h"
#include "cmd/vz-listen/away.h"
#include "cmd/vz-listen/deliver.h"
#include "cmd/vz-listen/drain.h"
#include "cmd/vz-listen/limits.h"
#include "cmd/vz-listen/incoming.h"
#include "cmd/vz-listen/letter.h"
#include "cmd/vz-listen/recall.h"
#include "cmd/vz-listen/report.h"

struct vz_session *
visit_session(const struct visit *v)
{
	return v->conn ? vz_conn_session(v->conn) : v->session;
}

void
visit_kick(struct visit *v)
{
	if (v->conn)
		vz_conn_kick(v->conn);
}

void
visit_free(struct visit *v)
{
	ask_forget(v);
	vz_timer_stop(v->srv->loop, &v->away);
	if (v->session)
		recall_left(v);
	deliver_abort_all(v);
	recall_free(v);
	if (v->srv->taker->left)
		v->srv->taker->left(v);
	incoming_done(v);
	if (v->admitted && !v->session)
		v->srv->sessions--;
	limits_leave(v);
	if (v->letter)
		letter_gone(v->letter);
	else
		gate_forget(&v->srv->gate, &v->who);
	server_forget(v->srv, v);
	vz_session_free(v->session);
	talk_free(v->talk);
	free(v->held_bytes);
	free(v);
}

/* The same event may come here again and again until the sink has it all: deliver goes on where it
 * was. */
static bool
pass_on(struct visit *v, struct vz_event *ev)
{
	switch (ev->type) {
	case VZ_EVENT_OPEN: return deliver_open(v, ev);
	case VZ_EVENT_DATA: return deliver_data(v, ev);
	case VZ_EVENT_SIGNED: return deliver_signed(v, ev);
	case VZ_EVENT_END: return deliver_end(v, ev);
	case VZ_EVENT_WHOLE: return deliver_whole(v, ev);
	case VZ_EVENT_CANCEL: deliver_cancel(v, ev); return true;
	case VZ_EVENT_CLOSE:
		v->said_status = ev->status;
		report_goodbye(&v->who, ev->status, ev->bytes, ev->bytes_len);
		return true;
	default: return true;
	}
}

static bool
handle(struct visit *v, struct vz_event *ev)
{
	enum quota_answer answer = quota_ask(v, ev);

	if (answer == QUOTA_LATER || (answer == QUOTA_PASS && !pass_on(v, ev)))
		return false;
	quota_handled(v);
	return true;
}

bool
visit_offer(struct visit *v, const struct vz_event *ev)
{
	v->held = *ev;
	if (handle(v, &v->held) || v->leaving)
		return true;
	server_wait(v->srv, v);
	return false;
}

static bool
on_event(void *arg, struct vz_conn *c, const struct vz_event *ev)
{
	struct visit *v = arg;

	(void)c;
	if (ev->type == VZ_EVENT_PEER) {
		gate_settle(&v->who);
		admit(v);
		return true;
	}
	if (v->leaving)
		return true;
	if (ev->type == VZ_EVENT_STREAM) {
		memcpy(v->stream, vz_session_stream(visit_session(v)), VZ_STREAM_LEN);
		return away_returned(v);
	}
	if (!drain_refuses(v))
		v->active_at = vz_loop_now(v->srv->loop);
	return visit_offer(v, ev);
}

static void
on_turn(void *arg, struct vz_conn *c)
{
	struct visit *v = arg;

	if (v->admitted && !v->leaving && v->srv->taker->turn)
		v->srv->taker->turn(v->srv, v);
	if (!recall_commit(v->srv)) {
		visit_drop(v);
		return;
	}
	/* Message 1 is verified: this is somebody who knows whom they call. */
	if (!v->admitted && !v->leaving && vz_session_begun(vz_conn_session(c)))
		gate_begun(&v->srv->gate, &v->who);
}

static void
on_ended(void *arg, struct vz_conn *c, int err, int sys_errno)
{
	struct visit *v = arg;

	(void)c;
	(void)sys_errno;
	if (away_may_return(v, err) && away_leave(v, err))
		return;
	recall_left(v);
	v->conn = NULL; /* freed by its owner after this */
	gate_ended(&v->srv->gate, &v->who, err);
	deliver_cut(v, err);
	report_ended(v, err);
	visit_free(v);
}

/*
 * Its sender should have made another one long ago. Ended as by a break it comes back, with its
 * rights looked at again, and goes on where it was; a goodbye would end all that is under way. That
 * is for where nobody is waited for.
 */
static void
on_old(void *arg, struct vz_conn *c)
{
	struct visit *v = arg;

	if (!v->admitted || v->leaving)
		return;
	if (!away_may_return(v, VZ_EEXPIRED) &&
	    (v->srv->options->resume_ms == 0 || vz_session_remembers(vz_conn_session(c)))) {
		visit_dismiss(v, VZ_EXIT_TEMPFAIL, "this connection is too old");
		return;
	}
	on_ended(v, c, VZ_EEXPIRED, 0);
	vz_conn_drop(c);
}

static const struct vz_conn_handler handler = {
    .event = on_event,
    .turn = on_turn,
    .old = on_old,
    .ended = on_ended,
};

struct visit *
visit_new(struct server *srv)
{
	struct visit *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->srv = srv;
	v->self = srv->me.identity->bundle.identity;
	v->active_at = vz_loop_now(srv->loop);
	LIST_INIT(&v->incoming);
	SLIST_INIT(&v->parts);
	TAILQ_INIT(&v->queue);
	TAILQ_INIT(&v->answers);
	return v;
}

static struct caller *
enter(struct server *srv, const struct arrival *a)
{
	struct vz_conn_config config = {
	    .handler = &handler, .first = a->first, .first_len = a->first_len};
	struct visit *v = visit_new(srv);

	if (!v) {
		close(a->fd);
		return NULL;
	}
	config.arg = v;
	config.stall_ms = srv->options->common.wait_ms;
	self_session(&srv->me, &srv->options->common, false, NULL, &config.session);
	config.session.resumes = srv->options->resume_ms > 0;
	config.session.durable =
	    config.session.resumes && srv->ledger && srv->sink && vz_sink_lasts(srv->sink);
	if (a->through)
		(void)vz_relay_client_path(a->through, &config.session.channel);
	v->talk = talk_new(v->who.remote);
	config.session.channel.observer = talk_observer(v->talk);
	if (vz_conn_new(srv->loop, a->fd, &config, &v->conn) < 0) {
		talk_free(v->talk);
		free(v);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&srv->visits, v, all);
	return &v->who;
}

static struct caller *
on_arrival(void *arg, int fd)
{
	struct arrival direct = {.fd = fd};

	return enter(arg, &direct);
}

static struct caller *
on_relayed(void *arg, const struct arrival *a)
{
	return enter(arg, a);
}

static struct visit *
visit_of(const struct caller *c)
{
	return (struct visit *)(uintptr_t)((const char *)c - offsetof(struct visit, who));
}

static bool
is_silent(const struct caller *c)
{
	return vz_conn_silent(visit_of(c)->conn);
}

static bool
has_begun(const struct caller *c)
{
	return vz_session_begun(vz_conn_session(visit_of(c)->conn));
}

static bool
look(struct caller *c)
{
	return vz_conn_look(visit_of(c)->conn);
}

static void
push_out(struct caller *c)
{
	visit_drop(visit_of(c));
}

const struct gate_handler visit_gate = {
    .arrived = on_arrival,
    .relayed = on_relayed,
    .silent = is_silent,
    .begun = has_begun,
    .look = look,
    .drop = push_out,
};

void
visit_drop(struct visit *v)
{
	recall_left(v);
	vz_conn_drop(v->conn);
	v->conn = NULL; /* freed */
	visit_free(v);
}

void
visit_dismiss(struct visit *v, uint8_t status, const char *text)
{
	const struct incoming *in;

	if (v->letter) {
		letter_dismiss(v->letter, status, text);
		return;
	}
	/* Who was just told what went wrong need not be told of its consequences. */
	if (v->session) {
		away_end(v, status, text);
		return;
	}
	if (v->leaving || v->told || !v->conn)
		return;
	if (v->ask.held) {
		ask_forget(v);
		admit_refuse(v, status, text);
		return;
	}
	if (!v->admitted) {
		visit_drop(v);
		return;
	}
	v->leaving = true;
	if (v->status == 0)
		v->status = v->n_incoming > 0 ? VZ_EXIT_DATA : status;
	LIST_FOREACH(in, &v->incoming, list)
	report_failed(v, in, status, text);
	deliver_abort_all(v);
	vz_conn_close(v->conn, status, text, true);
}

bool
visit_retry(struct visit *v)
{
	if (!v->leaving && !handle(v, &v->held))
		return false;
	free(v->held_bytes);
	v->held_bytes = NULL;
	if (v->conn)
		vz_conn_resume(v->conn);
	if (v->letter)
		letter_resume(v->letter);
	return true;
}
