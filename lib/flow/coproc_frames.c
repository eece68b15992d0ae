/*
 * A coprocess's bytes: frames to it, and the answers that come back.
 */
#include <string.h>

#include "flow/coproc_impl.h"

#define READS     4 /* a turn, so that others have theirs */
#define FIELD_MAX 255
#define NUMBER_AT 4 /* in a message's frame */

size_t
vz_coproc_measure(const struct vz_coproc *c, const struct vz_coproc_message *m)
{
	size_t peer = strlen(m->peer), id = strlen(m->id);

	if (peer > FIELD_MAX || id > FIELD_MAX || m->name_len > FIELD_MAX ||
	    m->len > c->config.max_body)
		return 0;
	return VZ_COPROC_HEAD - 4 + peer + id + m->name_len + m->len;
}

uint64_t
vz_coproc_known(const struct vz_coproc *c)
{
	return c->written + c->out.len + NUMBER_AT + sizeof(uint64_t);
}

int
vz_coproc_put(struct vz_coproc *c, const struct vz_coproc_message *m, uint64_t number, size_t rest)
{
	size_t peer = strlen(m->peer), id = strlen(m->id);
	uint8_t *p;
	int r = vz_buf_reserve(&c->out, 4 + rest, &p);

	if (r != 0)
		return r;
	vz_store32(p, (uint32_t)rest);
	vz_store64(p + NUMBER_AT, number);
	p[12] =
	    (uint8_t)((m->wanted ? VZ_COPROC_WANTED : 0) | (m->is_signed ? VZ_COPROC_SIGNED : 0));
	p[13] = (uint8_t)peer;
	p[14] = (uint8_t)id;
	p[15] = (uint8_t)m->name_len;
	p += VZ_COPROC_HEAD;
	memcpy(p, m->peer, peer);
	memcpy(p + peer, m->id, id);
	if (m->name_len > 0)
		memcpy(p + peer + id, m->name, m->name_len);
	if (m->len > 0)
		memcpy(p + peer + id + m->name_len, m->body, m->len);
	vz_buf_added(&c->out, 4 + rest);
	return 0;
}

void
vz_coproc_flush(struct vz_coproc *c)
{
	while (c->out.len > 0 && c->condemned == NULL && !c->blocked) {
		size_t n = c->out.len;
		ssize_t put = vz_handler_write(c->h, vz_buf_ptr(&c->out), n);

		if (put < 0) {
			vz_coproc_condemn(c, "could not be written to");
			return;
		}
		vz_buf_consume(&c->out, (size_t)put);
		c->written += (size_t)put;
		if ((size_t)put < n) {
			c->blocked = true; /* until on_room */
			return;
		}
	}
	if (c->condemned != NULL || c->blocked)
		return;
	if (c->finishing)
		vz_handler_finish_input(c->h);
	else if (vz_handler_input_gone(c->h))
		vz_coproc_leaves(c, "closed its standard input");
}

void
vz_coproc_on_room(void *arg, struct vz_handler *h)
{
	struct vz_coproc *c = arg;

	(void)h;
	vz_coproc_enter(c);
	c->blocked = false;
	vz_coproc_flush(c);
	vz_coproc_tell_room(c);
	vz_coproc_leave(c);
}

/* One whole answer. False: it is none. */
static bool
answer(struct vz_coproc *c, const uint8_t *p, size_t len)
{
	struct vz_asked *a = vz_asked_of(&c->asked, vz_load64(p)), was;
	int status = p[8];

	/* Numbers can be guessed: one that it was not given yet does not wait either. */
	if (a == NULL || c->written < a->known) {
		vz_coproc_condemn(c, "answered a message that does not wait for an answer");
		return false;
	}
	was = vz_asked_take(&c->asked, a);
	if (status > 63)
		status = VZ_HANDLER_FAILED;
	if (!was.forgotten)
		c->events->answered(
		    c->arg, was.tag, status, p + 9, was.wanted ? len - 9 : (size_t)0);
	return true;
}

void
vz_coproc_answers(struct vz_coproc *c)
{
	while (c->in.len >= 4 && !c->paused && !c->freed && c->condemned == NULL) {
		const uint8_t *p = vz_buf_ptr(&c->in);
		size_t len = vz_load32(p);

		if (len < 9 || len - 9 > c->config.max_reply) {
			vz_coproc_condemn(c,
			    len < 9 ? "answered with a malformed frame"
				    : "answered with a frame over the limit");
			return;
		}
		if (c->in.len - 4 < len)
			return;
		/* The bytes stay where they are until the next reserve. */
		vz_buf_consume(&c->in, 4 + len);
		if (!answer(c, p + 4, len))
			return;
	}
}

void
vz_coproc_on_output(void *arg, struct vz_handler *h)
{
	struct vz_coproc *c = arg;
	ssize_t got = VZ_COPROC_READ;
	uint8_t *p;

	vz_coproc_enter(c);
	for (int i = 0; i < READS && got == VZ_COPROC_READ && !c->paused && !c->freed; i++) {
		if (vz_buf_reserve(&c->in, VZ_COPROC_READ, &p) != 0) {
			vz_coproc_condemn(c, "answered more than there is memory for");
			break;
		}
		got = vz_handler_read(h, p, VZ_COPROC_READ);
		if (got <= 0)
			break;
		vz_buf_added(&c->in, (size_t)got);
		vz_coproc_answers(c);
	}
	if (got < 0 && !c->freed)
		vz_coproc_leaves(c, "closed its standard output");
	vz_coproc_tell_room(c);
	vz_coproc_leave(c);
}
