#include "cmd/vz-listen/incoming.h"

#include <stdlib.h>
#include <string.h>

#include "mail/proof.h"

#define INDEX_FIRST 16

/*
 * A session has at most VZ_UNFINISHED_MAX numbers at a time, one after the other: an index of that
 * many places has one for each, and a smaller one often does too.
 */
static int
grow(struct visit *v)
{
	size_t len = v->index_len > 0 ? 2 * v->index_len : INDEX_FIRST;
	struct incoming **index, *in;

	if (len > 2 * VZ_UNFINISHED_MAX)
		return -1;
	index = calloc(len, sizeof(struct incoming *));
	if (!index)
		return -1;
	LIST_FOREACH(in, &v->incoming, list)
	index[in->number & (len - 1)] = in;
	free(v->index);
	v->index = index;
	v->index_len = len;
	return 0;
}

static struct incoming **
place(const struct visit *v, uint64_t number)
{
	return &v->index[number & (v->index_len - 1)];
}

struct incoming *
incoming_find(const struct visit *v, uint64_t number)
{
	struct incoming *in = v->index_len > 0 ? *place(v, number) : NULL;

	return in && in->number == number ? in : NULL;
}

struct incoming *
incoming_new(struct visit *v, const struct vz_event *ev)
{
	size_t len = ev->type == VZ_EVENT_OPEN ? ev->bytes_len : 0;
	struct incoming *in;

	while (v->index_len == 0 || *place(v, ev->number) != NULL)
		if (grow(v) < 0)
			return NULL;
	in = calloc(1, sizeof(*in) + len + 1);
	if (!in)
		return NULL;
	if (ev->type == VZ_EVENT_OPEN && (ev->flags & VZ_OPEN_SIGNED) != 0 &&
	    vz_proof_new(&in->proof) < 0) {
		free(in);
		return NULL;
	}
	in->visit = v;
	in->number = ev->number;
	in->kind = ev->kind;
	in->attempt = ev->attempt;
	in->length = ev->type == VZ_EVENT_OPEN ? ev->length : ev->bytes_len;
	in->begun_at = in->moved_at = vz_loop_now(v->srv->loop);
	in->name_len = len;
	if (len > 0)
		memcpy(in->name, ev->bytes, len);
	vz_message_id(v->stream, ev->number, in->id);
	vz_buf_init(&in->body, SIZE_MAX / 2);
	vz_buf_init(&in->reply, SIZE_MAX / 2);
	*place(v, ev->number) = in;
	LIST_INSERT_HEAD(&v->incoming, in, list);
	v->n_incoming++;
	v->n_partial++;
	v->srv->messages++;
	return in;
}

void
incoming_whole(struct incoming *in)
{
	in->visit->n_partial -= !in->whole;
	in->whole = true;
}

void
incoming_detach(struct visit *v, struct incoming *in)
{
	*place(v, in->number) = NULL;
	LIST_REMOVE(in, list);
	v->n_incoming--;
	v->n_partial -= !in->whole;
	v->srv->messages--;
}

void
incoming_free(struct incoming *in)
{
	vz_buf_free(&in->body);
	vz_buf_free(&in->reply);
	vz_proof_free(in->proof);
	free(in);
}

void
incoming_done(struct visit *v)
{
	free(v->index);
	v->index = NULL;
	v->index_len = 0;
}
