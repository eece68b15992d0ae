#include "net/agent_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static void
forget(struct vz_agent *a, struct vz_agent_question *q)
{
	TAILQ_REMOVE(&a->questions, q, all);
	a->count--;
	free(q);
}

void
vz_agent_forget_questions(struct vz_agent *a)
{
	while (!TAILQ_EMPTY(&a->questions))
		forget(a, TAILQ_FIRST(&a->questions));
}

/* Why nothing comes of it. */
int
vz_agent_refuse(struct vz_agent *a, enum vz_agent_fault fault, int sys)
{
	a->fault = fault;
	a->sys = sys;
	return VZ_ESIGNER;
}

static void
done(struct vz_agent *a, struct vz_agent_question *q, int err, enum vz_agent_fault fault)
{
	q->state = VZ_AGENT_DONE;
	q->err = err;
	q->fault = fault;
	a->news = true;
	/* From the loop: whoever asks is in the middle of something. */
	if (a->loop)
		(void)vz_timer_set(a->loop, &a->tell, 0);
}

void
vz_agent_fail_questions(struct vz_agent *a, enum vz_agent_fault fault)
{
	struct vz_agent_question *q;

	TAILQ_FOREACH(q, &a->questions, all)
	if (q->state != VZ_AGENT_DONE)
		done(a, q, VZ_ESIGNER, fault);
}

static struct vz_agent_question *
find(const struct vz_agent *a, enum vz_agent_state state)
{
	struct vz_agent_question *q;

	TAILQ_FOREACH(q, &a->questions, all)
	if (q->state == state)
		return q;
	return NULL;
}

/* The next question, once the one before is answered. */
static void
ask_next(struct vz_agent *a)
{
	struct vz_agent_question *q = find(a, VZ_AGENT_QUEUED);

	if (a->fd < 0 || !q || find(a, VZ_AGENT_ASKED))
		return;
	if (vz_agent_ask_sign(q->public, q->data, q->len, &a->out) != 0) {
		done(a, q, VZ_ENOMEM, VZ_AGENT_WELL);
		return;
	}
	q->state = VZ_AGENT_ASKED;
	if (a->loop)
		(void)vz_timer_set(a->loop, &a->patience, a->patience_ms);
}

void
vz_agent_answered(struct vz_agent *a, const uint8_t *p, size_t len)
{
	struct vz_agent_question *q = find(a, VZ_AGENT_ASKED);
	int err = q ? vz_agent_signature(p, len, q->sig) : VZ_EPROTO;

	switch (err) {
	case 0: done(a, q, 0, VZ_AGENT_WELL); break;
	case VZ_EDENIED: done(a, q, VZ_ESIGNER, VZ_AGENT_REFUSED); break;
	case VZ_EMISMATCH: done(a, q, VZ_ESIGNER, VZ_AGENT_ALGORITHM); break;
	default: vz_agent_fail(a, VZ_AGENT_MALFORMED); return;
	}
	if (a->loop)
		vz_timer_stop(a->loop, &a->patience);
	ask_next(a);
}

static struct vz_agent_question *
question_of(struct vz_agent *a, const struct vz_key *key, const uint8_t *data, size_t len)
{
	struct vz_agent_question *q;

	TAILQ_FOREACH(q, &a->questions, all)
	if (memcmp(q->public, key->b, sizeof(q->public)) == 0 && q->len == len &&
	    memcmp(q->data, data, len) == 0)
		return q;
	return NULL;
}

static int
put_question(struct vz_agent *a, const struct vz_key *key, const uint8_t *data, size_t len)
{
	struct vz_agent_question *q = a->count < VZ_AGENT_QUESTIONS ? NULL : find(a, VZ_AGENT_DONE);

	/* Whoever put that one is gone. */
	if (q)
		forget(a, q);
	if (a->count >= VZ_AGENT_QUESTIONS)
		return VZ_EFULL;
	q = calloc(1, sizeof(*q));
	if (!q)
		return VZ_ENOMEM;
	memcpy(q->public, key->b, sizeof(q->public));
	memcpy(q->data, data, len);
	q->len = len;
	TAILQ_INSERT_TAIL(&a->questions, q, all);
	a->count++;
	ask_next(a);
	vz_agent_write(a);
	if (a->loop && a->fd >= 0 && a->out.len > 0)
		(void)vz_loop_want(a->loop, &a->watch, VZ_READ | VZ_WRITE);
	return 0;
}

int
vz_agent_sign(void *arg, const struct vz_key *key, const char *ns, const uint8_t digest[static 64],
    uint8_t sig[static 64])
{
	uint8_t data[VZ_SSHSIG_DATA_MAX];
	size_t len = vz_sshsig_data(ns, digest, data);
	struct vz_agent *a = arg;
	struct vz_agent_question *q = question_of(a, key, data, len);
	int err;

	if (len == 0)
		return VZ_EINVAL;
	if (!q) {
		err = vz_agent_connect(a);
		if (!err)
			err = put_question(a, key, data, len);
		return err ? err : VZ_EPENDING;
	}
	if (q->state != VZ_AGENT_DONE)
		return VZ_EPENDING;
	err = q->err;
	if (err == VZ_ESIGNER)
		(void)vz_agent_refuse(a, q->fault, 0);
	else if (!err)
		memcpy(sig, q->sig, sizeof(q->sig));
	forget(a, q);
	return err;
}

void
vz_agent_set_patience(struct vz_agent *a, unsigned ms)
{
	a->patience_ms = ms;
}

bool
vz_agent_is_asked(const struct vz_agent *a)
{
	return find(a, VZ_AGENT_ASKED) != NULL;
}

/* Words. */

enum vz_agent_fault
vz_agent_fault(const struct vz_agent *a)
{
	return a->fault;
}

const char *
vz_agent_words(const struct vz_agent *a)
{
	static char buf[256];

	switch (a->fault) {
	case VZ_AGENT_WELL: break;
	case VZ_AGENT_NONE: return "none is named: SSH_AUTH_SOCK is not set";
	case VZ_AGENT_AWAY:
		if (a->sys == EPERM)
			return "it ended the connection, and the sandbox lets this program make no "
			       "other: start it anew";
		snprintf(
		    buf, sizeof(buf), "cannot be reached at $SSH_AUTH_SOCK: %s", strerror(a->sys));
		return buf;
	case VZ_AGENT_LOST: return "it ended the connection";
	case VZ_AGENT_SLOW: return "it did not answer in time";
	case VZ_AGENT_MALFORMED: return "what it answers is no answer of an ssh-agent";
	case VZ_AGENT_REFUSED: return "it refuses to sign";
	case VZ_AGENT_ALGORITHM: return "it signed by another algorithm than asked for";
	}
	return "all is well";
}
