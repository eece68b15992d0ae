/* Deposits: bytes that come in are cut into pieces, hashed, and handed to the writer. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/hash_stream.h"
#include "relay/store_impl.h"

#define FLYING_MAX 4 /* pieces of one deposit on their way to the disk */

struct vz_store_deposit {
	struct vz_store_deposit *next, **link; /* among those under way */
	struct vz_store *store;
	struct vz_store_mail mail;
	vz_store_fn *fn;
	void *arg;
	struct vz_hash_stream *hash; /* of uploads */
	uint64_t taken, body;
	uint8_t *piece;
	size_t fill, room; /* of piece */
	unsigned chunks;   /* handed over */
	unsigned flying;   /* of them, those not yet answered */
	bool short_told, finished;
	bool over; /* for the caller it is gone; it lasts until nothing flies */
};

unsigned
vz_store_chunks(uint64_t size)
{
	return (unsigned)((size + VZ_STORE_CHUNK - 1) / VZ_STORE_CHUNK);
}

static bool
is_upload(const struct vz_store_mail *m)
{
	return m->size > VZ_STORE_CHUNK;
}

static void
deposit_free(struct vz_store_deposit *d)
{
	struct vz_store *s = d->store;

	*d->link = d->next;
	if (d->next != NULL)
		d->next->link = d->link;
	s->deposits--;
	s->waiting_bytes -= d->room;
	s->uploads -= is_upload(&d->mail);
	vz_hash_stream_free(d->hash);
	free(d->piece);
	free(d);
}

void
vz_store_deposits_free(struct vz_store *s)
{
	while (s->first_deposit != NULL)
		deposit_free(s->first_deposit);
}

/* The caller is done with it. */
static void
end(struct vz_store_deposit *d)
{
	d->over = true;
	d->fn = NULL;
	if (d->flying == 0)
		deposit_free(d);
}

/* Room for the next piece; counted as waiting all along. */
static int
piece_new(struct vz_store_deposit *d)
{
	uint64_t left = d->mail.size - d->taken;
	size_t room = left < VZ_STORE_CHUNK ? (size_t)left : VZ_STORE_CHUNK;

	if ((d->piece = malloc(room)) == NULL)
		return VZ_ENOMEM;
	d->store->waiting_bytes += room;
	d->room = room;
	d->fill = 0;
	return 0;
}

/* Who begins many and ends none leaves places to others. */
static bool
has_upload_place(const struct vz_store *s, const struct vz_key *depositor)
{
	size_t own = 0;

	if (s->uploads >= VZ_STORE_UPLOADS_MAX)
		return false;
	for (const struct vz_store_deposit *d = s->first_deposit; d != NULL; d = d->next)
		own += is_upload(&d->mail) && vz_key_equal(&d->mail.depositor, depositor);
	return own < VZ_STORE_UPLOADS_ONE;
}

static int
judge(const struct vz_store *s, const struct vz_store_mail *m)
{
	if (m->size == 0 || m->now > INT64_MAX || m->expires > INT64_MAX)
		return VZ_EINVAL;
	if (m->size > VZ_STORE_MESSAGE_MAX)
		return VZ_ELIMIT;
	if (m->expires <= m->now)
		return VZ_EEXPIRED;
	if (m->expires - m->now > s->limits.ttl_max)
		return VZ_ELIMIT;
	if (is_upload(m) && !has_upload_place(s, &m->depositor))
		return VZ_EFULL;
	return vz_store_may_wait(s, m->size < VZ_STORE_CHUNK ? m->size : VZ_STORE_CHUNK);
}

static void
fill_quota(struct vz_store_quota *q, const struct vz_store_quota *otherwise)
{
	if (q->mailbox_messages == 0)
		q->mailbox_messages = otherwise->mailbox_messages;
	if (q->mailbox_bytes == 0)
		q->mailbox_bytes = otherwise->mailbox_bytes;
	if (q->depositor_bytes == 0)
		q->depositor_bytes = otherwise->depositor_bytes;
	if (q->depositor_entries == 0)
		q->depositor_entries = otherwise->depositor_entries;
}

int
vz_store_deposit(struct vz_store *s, const struct vz_store_mail *mail, vz_store_fn *fn, void *arg,
    struct vz_store_deposit **out)
{
	struct vz_store_deposit *d;
	int r = judge(s, mail);

	*out = NULL;
	if (r != 0)
		return r;
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return VZ_ENOMEM;
	d->store = s;
	d->mail = *mail;
	d->fn = fn;
	d->arg = arg;
	fill_quota(&d->mail.quota, &s->limits.each);
	d->next = s->first_deposit;
	d->link = &s->first_deposit;
	if (d->next != NULL)
		d->next->link = &d->next;
	s->first_deposit = d;
	s->deposits++;
	s->uploads += is_upload(mail);
	r = piece_new(d);
	if (r == 0 && is_upload(mail)) {
		r = vz_hash_stream_new(&d->hash);
		d->body = atomic_fetch_add(s->next, 1);
	}
	if (r != 0) {
		deposit_free(d);
		return r;
	}
	*out = d;
	return 0;
}

/* Hands the piece over, as the last one or not. */
static int
piece_submit(struct vz_store_deposit *d, enum vz_store_kind kind)
{
	struct vz_store_op *op = vz_store_op_new(kind, NULL, NULL);

	if (op == NULL)
		return VZ_ENOMEM;
	op->deposit = d;
	op->mail = d->mail;
	op->body = d->body;
	op->chunk = d->chunks++;
	op->bytes = d->piece; /* moved */
	op->len = d->fill;
	d->piece = NULL;
	d->store->waiting_bytes -= d->room;
	d->room = d->fill = 0;
	d->flying++;
	vz_store_submit(d->store, op);
	return 0;
}

/* Makes room in a full piece: 0, VZ_EFULL when the disk has to come first, VZ_ENOMEM. */
static int
make_room(struct vz_store_deposit *d)
{
	int r;

	if (d->piece != NULL && d->fill < d->room)
		return 0;
	if (d->piece != NULL) {
		if (d->flying >= FLYING_MAX)
			return VZ_EFULL;
		vz_hash_stream_feed(d->hash, d->piece, d->fill);
		if ((r = piece_submit(d, VZ_STORE_OP_CHUNK)) != 0)
			return r;
	}
	return piece_new(d);
}

int64_t
vz_store_append(struct vz_store_deposit *d, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t took = 0;

	if (n > d->mail.size - d->taken)
		return VZ_ELIMIT;
	while (took < n) {
		size_t part = n - took;
		int r = make_room(d);

		if (r == VZ_EFULL)
			break;
		if (r != 0)
			return r;
		if (part > d->room - d->fill)
			part = d->room - d->fill;
		memcpy(d->piece + d->fill, p + took, part);
		d->fill += part;
		d->taken += part;
		took += part;
	}
	d->short_told = took < n;
	return (int64_t)took;
}

/* Whatever pieces there are go again. Without memory they go when the store is opened again. */
static void
abort_upload(struct vz_store_deposit *d)
{
	struct vz_store_op *op;

	if (d->chunks == 0 || !is_upload(&d->mail))
		return;
	if ((op = vz_store_op_new(VZ_STORE_OP_ABORT, NULL, NULL)) == NULL)
		return;
	op->body = d->body;
	vz_store_submit(d->store, op);
}

int
vz_store_finish(struct vz_store_deposit *d)
{
	uint8_t sum[32];
	int r = d->taken == d->mail.size ? 0 : VZ_ECUT;

	if (r == 0 && d->hash != NULL) {
		vz_hash_stream_feed(d->hash, d->piece, d->fill);
		vz_hash_stream_end(d->hash, sum);
	} else if (r == 0) {
		vz_blake2b_256(NULL, 0, d->piece, d->fill, NULL, 0, sum);
	}
	if (r == 0 && memcmp(sum, d->mail.content, sizeof(sum)) != 0)
		r = VZ_EAUTH;
	if (r != 0) {
		vz_store_cancel(d);
		return r;
	}
	r = piece_submit(d, VZ_STORE_OP_DEPOSIT);
	d->finished = r == 0;
	return r;
}

void
vz_store_cancel(struct vz_store_deposit *d)
{
	if (!d->finished)
		abort_upload(d);
	end(d);
}

void
vz_store_deposit_answered(struct vz_store_deposit *d, struct vz_store_op *op)
{
	bool decided =
	    op->kind == VZ_STORE_OP_DEPOSIT || op->answer.err != 0 || op->answer.duplicate;
	vz_store_fn *fn = d->fn;
	void *arg = d->arg;

	d->flying--;
	if (d->over) {
		if (d->flying == 0)
			deposit_free(d);
		return;
	}
	if (decided) {
		/* The engine keeps nothing of an upload that it has decided against. */
		if (op->answer.err == VZ_ESYSTEM || op->answer.err == VZ_ENOMEM ||
		    op->answer.full == VZ_STORE_FULL_DISK)
			abort_upload(d);
		end(d);
		fn(arg, &op->answer);
	} else if (d->short_told) {
		op->answer.more = true;
		d->short_told = false;
		fn(arg, &op->answer);
	}
}
