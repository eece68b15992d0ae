#include "wire/resume.h"
#include <stdlib.h>
#include <string.h>
#include "base/err.h"

/* Replies whose questions are forgotten, and what is too much: the sender has those. */
static void
drop_first(struct vz_session *s)
{
	const uint8_t *p;
	size_t n;

	while (s->answers.len > 0) {
		p = vz_buf_ptr(&s->answers);
		if (vz_messages_get(&s->messages, vz_load64(p)) != NULL &&
		    (s->answers.len <= VZ_ANSWERS_KEPT || vz_answers_wait(s)))
			return;
		n = VZ_ANSWER_HEAD + vz_load32(p + 8);
		vz_buf_consume(&s->answers, n);
		s->answers_from += n;
		if (s->answers_said < s->answers_from)
			s->answers_said = s->answers_from;
	}
}

int
vz_keep_answer(struct vz_session *s, struct vz_message *m, const uint8_t *p, size_t len)
{
	size_t n = VZ_ANSWER_HEAD + len;
	uint8_t *at;
	int r;

	if (!s->keeps)
		return 0;
	drop_first(s);
	if (m->silent && s->answers.len + n > VZ_ANSWERS_KEPT)
		return VZ_EFULL;
	if ((r = vz_buf_reserve(&s->answers, n, &at)) < 0)
		return r;
	vz_store64(at, m->number);
	vz_store32(at + 8, (uint32_t)len);
	if (len > 0)
		memcpy(at + VZ_ANSWER_HEAD, p, len);
	m->answer = s->answers_from + s->answers.len + 1;
	vz_buf_added(&s->answers, n);
	if (!m->silent)
		s->answers_said = s->answers_from + s->answers.len;
	return 0;
}

bool
vz_answers_wait(const struct vz_session *s)
{
	return s->answers_said < s->answers_from + s->answers.len;
}

const uint8_t *
vz_kept_answer(const struct vz_session *s, const struct vz_message *m, size_t *len)
{
	const uint8_t *p;

	if (m->answer <= s->answers_from)
		return NULL;
	p = vz_buf_ptr(&s->answers) + (m->answer - 1 - s->answers_from);
	*len = vz_load32(p + 8);
	return p + VZ_ANSWER_HEAD;
}

/*
 * In the order in which they are kept, so that what the sender has of them is always the front. The
 * sender speaks of every message again, or says that it is over with it, so none is waited for in
 * vain.
 */
int
vz_answers_pay(struct vz_session *s)
{
	struct vz_frame f = {.type = VZ_FRAME_ANSWER};
	struct vz_message *m;
	const uint8_t *p;
	int r;

	while (vz_answers_wait(s)) {
		p = vz_buf_ptr(&s->answers) + (s->answers_said - s->answers_from);
		f.number = vz_load64(p);
		f.bytes_len = vz_load32(p + 8);
		f.bytes = p + VZ_ANSWER_HEAD;
		m = vz_messages_get(&s->messages, f.number);
		if (m != NULL && m->answer == s->answers_said + 1) {
			if (m->silent || !vz_flow_fits(s, f.bytes_len))
				return 0;
			f.status = m->status;
			if ((r = vz_session_put(s, &f)) < 0)
				return r;
			s->out.moved += f.bytes_len;
		}
		s->answers_said += VZ_ANSWER_HEAD + f.bytes_len;
	}
	return 0;
}

int
vz_keep_reply(struct vz_session *s, struct vz_message *m, const uint8_t *p, size_t len)
{
	struct vz_late *late;

	if (!s->keeps)
		return 0;
	if ((late = vz_message_late(m)) == NULL)
		return VZ_ENOMEM;
	return vz_buf_put(&late->reply, p, len);
}

void
vz_kept_taken(struct vz_message *m, uint64_t n)
{
	if (m->late != NULL)
		vz_buf_consume(
		    &m->late->reply, n < m->late->reply.len ? (size_t)n : m->late->reply.len);
}

uint64_t
vz_kept_end(const struct vz_message *m)
{
	return m->late != NULL ? m->down.taken + m->late->reply.len : m->down.moved;
}

int
vz_keep_verdict(struct vz_session *s, struct vz_message *m, uint8_t status, const char *text)
{
	struct vz_late *late;

	m->status = status;
	if (!s->keeps || text == NULL || *text == '\0')
		return 0;
	if ((late = vz_message_late(m)) == NULL || (late->text = strdup(text)) == NULL)
		return VZ_ENOMEM;
	return 0;
}
