#include "wire/resume.h"
#include <stdlib.h>
#include <string.h>
#include "base/err.h"

#define HEAD 12 /* u64 number, u32 length */

/* Replies whose questions are forgotten, and what is too much. */
static void
drop_first(struct vz_session *s)
{
	const uint8_t *p;
	size_t n;

	while (s->answers.len > 0) {
		p = vz_buf_ptr(&s->answers);
		if (s->answers.len <= VZ_ANSWERS_KEPT &&
		    vz_messages_get(&s->messages, vz_load64(p)) != NULL)
			return;
		n = HEAD + vz_load32(p + 8);
		vz_buf_consume(&s->answers, n);
		s->answers_from += n;
	}
}

int
vz_keep_answer(struct vz_session *s, struct vz_message *m, const uint8_t *p, size_t len)
{
	uint8_t *at;
	int r;

	if (!s->keeps)
		return 0;
	drop_first(s);
	if ((r = vz_buf_reserve(&s->answers, HEAD + len, &at)) < 0)
		return r;
	vz_store64(at, m->number);
	vz_store32(at + 8, (uint32_t)len);
	if (len > 0)
		memcpy(at + HEAD, p, len);
	m->answer = s->answers_from + s->answers.len + 1;
	vz_buf_added(&s->answers, HEAD + len);
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
