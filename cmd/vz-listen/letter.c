#include "cmd/vz-listen/letter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/audit_log.h"
#include "cmd/vz-listen/deliver.h"
#include "cmd/vz-listen/report.h"
#include "cmd/vz-listen/taker.h"

/* Of the body at a time, as messages come from a connection. */
#define PIECE (64 * 1024)

enum step { OPEN, DATA, END, FED };

struct letter {
	struct visit *visit;
	struct vz_unseal *unseal;
	letter_fn *over;
	void *arg;
	struct vz_timer due;
	enum step step;
	size_t at; /* of the body */
	bool judged, told;
	uint8_t status;
};

const struct vz_manifest *
letter_manifest(const struct letter *l)
{
	return vz_unseal_manifest(l->unseal);
}

/* Goes on from the loop. */
static void
soon(struct letter *l)
{
	struct vz_loop *loop = l->visit->srv->loop;

	if (vz_timer_set(loop, &l->due, 0) < 0)
		vz_loop_stop(loop, VZ_ENOMEM);
}

/* The next event, and the step behind it. False: there is none. */
static bool
next(struct letter *l, struct vz_event *ev)
{
	const struct vz_manifest *m = letter_manifest(l);
	const struct vz_buf *body = vz_unseal_member(l->unseal, VZ_USTAR_BODY);

	*ev = (struct vz_event){.number = m->sequence, .kind = VZ_KIND_SEND};
	if (l->step == DATA && l->at == body->len)
		l->step = END;
	switch (l->step) {
	case OPEN:
		ev->type = VZ_EVENT_OPEN;
		ev->length = m->size;
		ev->bytes = (const uint8_t *)m->name;
		ev->bytes_len = strlen(m->name);
		l->step = DATA;
		return true;
	case DATA:
		ev->type = VZ_EVENT_DATA;
		ev->bytes = vz_buf_ptr(body) + l->at;
		ev->bytes_len = body->len - l->at < PIECE ? body->len - l->at : PIECE;
		l->at += ev->bytes_len;
		return true;
	case END:
		ev->type = VZ_EVENT_END;
		l->step = FED;
		return true;
	default: return false;
	}
}

static void
feed(struct letter *l)
{
	struct visit *v = l->visit;
	struct server *srv = v->srv;
	struct vz_event ev;

	while (!l->judged && next(l, &ev))
		if (!visit_offer(v, &ev))
			return;
	if (srv->taker->turn)
		srv->taker->turn(srv, v);
}

static void
on_due(struct vz_loop *loop, struct vz_timer *t)
{
	struct letter *l = t->arg;

	(void)loop;
	if (!l->judged) {
		feed(l);
	} else if (!l->told) {
		l->told = true;
		l->over(l->arg, l, l->status);
	}
}

static void
enter(struct visit *v, const struct vz_manifest *m, const struct vz_key *relay)
{
	char text[VZ_KEY_TEXT];

	memcpy(v->stream, m->stream, VZ_STREAM_LEN);
	v->who.key = m->from;
	vz_key_format(&m->from, v->who.key_text);
	v->who.relayed = true;
	v->who.relay = *relay;
	vz_key_format(relay, text);
	snprintf(v->who.remote, sizeof(v->who.remote), "relay:%s", text);
	TAILQ_INSERT_TAIL(&v->srv->visits, v, all);
}

int
letter_new(struct server *srv, const struct vz_key *relay, struct vz_unseal *u, letter_fn *over,
    void *arg, struct letter **out)
{
	struct letter *l = calloc(1, sizeof(*l));
	struct visit *v = visit_new(srv);

	*out = NULL;
	if (!l || !v) {
		free(l);
		free(v);
		vz_unseal_free(u);
		return VZ_ENOMEM;
	}
	*l = (struct letter){.visit = v, .unseal = u, .over = over, .arg = arg};
	l->due = (struct vz_timer){.fn = on_due, .arg = l};
	v->letter = l;
	enter(v, vz_unseal_manifest(u), relay);
	*out = l;
	return 0;
}

static struct verdict
judge(struct visit *v)
{
	const struct server *srv = v->srv;
	struct verdict no = judge_key(&v->who, &srv->me);

	if (no.status != 0)
		return no;
	if (!(v->who.grant.rights & VZ_RIGHT_SEND))
		return (struct verdict){VZ_EXIT_REFUSED, "this key may not send here"};
	if (srv->rights.locked)
		return (struct verdict){
		    VZ_EXIT_TEMPFAIL, "this listener takes nobody new at the moment"};
	if (srv->record.broken)
		return (struct verdict){VZ_EXIT_TEMPFAIL, "this listener cannot write its record"};
	if (srv->stopping || srv->drain.on)
		return (struct verdict){VZ_EXIT_TEMPFAIL, "this listener is stopping"};
	if (srv->served)
		return (struct verdict){
		    VZ_EXIT_TEMPFAIL, "this listener serves one session and has it"};
	if (quota_join(v) < 0)
		return (struct verdict){VZ_EXIT_TEMPFAIL, "this listener is out of memory"};
	return no;
}

struct verdict
letter_judge(struct letter *l)
{
	struct visit *v = l->visit;
	struct verdict no = judge(v);
	char id[VZ_MESSAGE_ID_TEXT];

	if (no.status != 0) {
		vz_message_id(v->stream, letter_manifest(l)->sequence, id);
		report_not_taken(v, id, no.status, no.words);
	}
	return no;
}

void
letter_deliver(struct letter *l)
{
	soon(l);
}

bool
letter_is_twin(const struct letter *l)
{
	const struct visit *v;

	TAILQ_FOREACH(v, &l->visit->srv->visits, all)
	if (v->letter && v->letter != l && vz_key_equal(&v->who.key, &l->visit->who.key) &&
	    letter_manifest(v->letter)->sequence == letter_manifest(l)->sequence)
		return true;
	return false;
}

void
letter_judged(struct letter *l, uint8_t status, const char *words)
{
	(void)words; /* they were reported, and nobody else hears them */
	if (l->judged)
		return;
	l->judged = true;
	/* What our rights would take, and only our output does not, may be taken by another one. */
	l->status = status == VZ_EXIT_REFUSED && l->at > 0 ? VZ_EXIT_TEMPFAIL : status;
	soon(l);
}

bool
letter_is_over(const struct letter *l)
{
	return l->judged;
}

void
letter_resume(struct letter *l)
{
	soon(l);
}

void
letter_dismiss(struct letter *l, uint8_t status, const char *text)
{
	struct visit *v = l->visit;
	const struct incoming *in;

	if (l->judged || v->leaving)
		return;
	v->leaving = true;
	LIST_FOREACH(in, &v->incoming, list)
	report_failed(v, in, status, text);
	deliver_note(v, status);
	visit_free(v);
}

void
letter_gone(struct letter *l)
{
	vz_timer_stop(l->visit->srv->loop, &l->due);
	if (l->over)
		l->over(l->arg, l, LETTER_GONE);
	vz_unseal_free(l->unseal);
	free(l);
}

void
letter_free(struct letter *l)
{
	if (!l)
		return;
	l->over = NULL;
	l->visit->leaving = true;
	visit_free(l->visit);
}
