/* Messages come in: dedupe, quotas, pieces. And how they leave the tables. */
#include "base/err.h"
#include "relay/store_sqlite_impl.h"

#define OVERHEAD 1024 /* bytes that the rows of a message take beside its own, at most about */

uint64_t
sq_number(struct sq *q)
{
	q->numbered = true;
	return atomic_fetch_add(&q->next, 1);
}

int
sq_message(struct sq *q, sqlite3_stmt *st, struct sq_message *m)
{
	int r = sq_step(q, st);

	if (r <= 0)
		return r;
	m->seq = sq_u64(st, 0);
	m->body = sq_u64(st, 1);
	m->size = sq_u64(st, 2);
	m->expires = sq_u64(st, 3);
	sq_bytes(st, 4, m->recipient.b, 32);
	sq_bytes(st, 5, m->depositor.b, 32);
	return 1;
}

int
sq_drop_chunks(struct sq *q, uint64_t body)
{
	return sq_do(q, sq_bind(q, SQ_CHUNKS_DROP, "i", body));
}

int
sq_drop_upload(struct sq *q, uint64_t body)
{
	int r = sq_do(q, sq_bind(q, SQ_UPLOAD_DROP, "i", body));

	return r == 0 ? sq_drop_chunks(q, body) : r;
}

static int
depositor_sub(struct sq *q, const struct vz_key *who, uint64_t entries, uint64_t bytes)
{
	int r = sq_do(q, sq_bind(q, SQ_DEPOSITOR_SUB, "kii", who, entries, bytes));

	return r == 0 && entries > 0 ? sq_do(q, sq_bind(q, SQ_DEPOSITOR_DROP, "k", who)) : r;
}

int
sq_uncount(struct sq *q, const struct sq_message *m)
{
	int r = sq_do(q, sq_bind(q, SQ_MAILBOX_SUB, "ki", &m->recipient, m->size));

	if (r == 0)
		r = sq_do(q, sq_bind(q, SQ_MAILBOX_DROP, "k", &m->recipient));
	return r == 0 ? depositor_sub(q, &m->depositor, 0, m->size) : r;
}

int
sq_erase(struct sq *q, const struct sq_message *m)
{
	int r = sq_do(q, sq_bind(q, SQ_MESSAGE_DROP, "i", m->seq));

	if (r == 0 && m->body != 0)
		r = sq_drop_chunks(q, m->body);
	if (r == 0 && m->body != 0)
		r = sq_uncount(q, m);
	return r == 0 ? depositor_sub(q, &m->depositor, 1, 0) : r;
}

/* A deposit that is refused: nothing of it stays. */
static int
refuse(struct sq *q, struct vz_store_op *op, enum vz_store_full full)
{
	op->answer.err = VZ_EFULL;
	op->answer.full = full;
	return op->chunk > 0 ? sq_drop_upload(q, op->body) : 0;
}

/* Bytes of the file in use, asked for once in a transaction and then reckoned. */
static int
measure(struct sq *q)
{
	uint64_t pages = 0, unused = 0;
	int r;

	if (q->used != 0)
		return 0;
	r = sq_one(q, sq_bind(q, SQ_PAGES, ""), &pages, 1);
	if (r >= 0)
		r = sq_one(q, sq_bind(q, SQ_FREE_PAGES, ""), &unused, 1);
	q->used = (pages - unused) * 4096;
	return r < 0 ? r : 0;
}

int
sq_no_room(struct sq *q, struct vz_store_op *op, uint64_t bytes, bool *none)
{
	int r;

	if (q->disk_full)
		sq_try_reserve(q);
	*none = q->disk_full;
	if (*none)
		return refuse(q, op, VZ_STORE_FULL_DISK);
	r = measure(q);
	*none = r == 0 && q->used + bytes + OVERHEAD > q->limits.disk_bytes;
	if (*none)
		return refuse(q, op, VZ_STORE_FULL_STORE);
	q->used += bytes + OVERHEAD;
	return r;
}

/* Whether the message is wanted: *no when the answer is made. */
static int
judge(struct sq *q, struct vz_store_op *op, bool *no)
{
	const struct vz_store_mail *m = &op->mail;
	uint64_t box[2] = {0, 0}, from[2] = {0, 0};
	struct sq_message old;
	sqlite3_stmt *st =
	    sq_bind(q, SQ_FIND, "kkb", &m->recipient, &m->depositor, m->content, (size_t)32);
	int r = sq_message(q, st, &old);

	*no = true;
	if (r == 1) {
		sqlite3_reset(st);
		if (old.expires > m->now) {
			op->answer.duplicate = true;
			op->answer.seq = old.seq;
			return op->chunk > 0 ? sq_drop_upload(q, op->body) : 0;
		}
		r = sq_erase(q, &old); /* the sweep would have */
	}
	if (r == 0)
		r = sq_one(q, sq_bind(q, SQ_MAILBOX_GET, "k", &m->recipient), box, 2);
	if (r >= 0)
		r = sq_one(q, sq_bind(q, SQ_DEPOSITOR_GET, "k", &m->depositor), from, 2);
	if (r < 0)
		return r;
	if (box[0] >= m->quota.mailbox_messages || box[1] + m->size > m->quota.mailbox_bytes)
		return refuse(q, op, VZ_STORE_FULL_MAILBOX);
	if (from[0] >= m->quota.depositor_entries || from[1] + m->size > m->quota.depositor_bytes)
		return refuse(q, op, VZ_STORE_FULL_DEPOSITOR);
	*no = false;
	return 0;
}

static int
add_chunk(struct sq *q, const struct vz_store_op *op, uint64_t body)
{
	return sq_do(
	    q, sq_bind(q, SQ_CHUNK_ADD, "iib", body, (uint64_t)op->chunk, op->bytes, op->len));
}

/* Counts a piece of an upload; *gone when it is not the next one of an upload that is known. */
static int
step_upload(struct sq *q, const struct vz_store_op *op, bool *gone)
{
	int r = sq_do(q, sq_bind(q, SQ_UPLOAD_STEP, "ii", op->body, (uint64_t)op->chunk));

	*gone = r == 0 && sqlite3_changes(q->db) != 1;
	return r;
}

/* A piece that is not the last. */
static int
chunk(struct sq *q, struct vz_store_op *op)
{
	bool no;
	int r;

	if (op->chunk == 0) {
		r = judge(q, op, &no);
		if (r == 0 && !no)
			r = sq_no_room(q, op, op->mail.size, &no);
		if (r == 0 && !no)
			r = sq_do(q, sq_bind(q, SQ_UPLOAD_ADD, "i", op->body));
		q->numbered = true; /* the body's number */
	} else {
		r = sq_no_room(q, op, op->len, &no);
		if (r == 0 && !no)
			r = step_upload(q, op, &no);
		if (r == 0 && no && op->answer.err == 0)
			op->answer.err = VZ_ENOTFOUND;
	}
	return r == 0 && !no ? add_chunk(q, op, op->body) : r;
}

/* The last piece, which may be the first: all is there. */
static int
whole(struct sq *q, struct vz_store_op *op)
{
	const struct vz_store_mail *m = &op->mail;
	uint64_t seq, body;
	bool no = false;
	int r = op->chunk > 0 ? step_upload(q, op, &no) : 0;

	if (r == 0 && no)
		op->answer.err = VZ_ENOTFOUND;
	if (r == 0 && !no)
		r = judge(q, op, &no);
	if (r == 0 && !no)
		r = sq_no_room(q, op, op->len, &no);
	if (r != 0 || no)
		return r;
	seq = sq_number(q);
	body = op->chunk > 0 ? op->body : seq;
	r = add_chunk(q, op, body);
	if (r == 0 && op->chunk > 0)
		r = sq_do(q, sq_bind(q, SQ_UPLOAD_DROP, "i", body));
	if (r == 0)
		r = sq_do(q,
		    sq_bind(q, SQ_MESSAGE_ADD, "iiiiikkb", seq, body, m->size, m->now, m->expires,
			&m->recipient, &m->depositor, m->content, (size_t)32));
	if (r == 0)
		r = sq_do(q, sq_bind(q, SQ_MAILBOX_ADD, "ki", &m->recipient, m->size));
	if (r == 0)
		r = sq_do(q, sq_bind(q, SQ_DEPOSITOR_ADD, "ki", &m->depositor, m->size));
	op->answer.seq = seq;
	return r;
}

int
sq_deposit(void *e, struct vz_store_op *op)
{
	struct sq *q = e;

	switch (op->kind) {
	case VZ_STORE_OP_CHUNK: return chunk(q, op);
	case VZ_STORE_OP_DEPOSIT: return whole(q, op);
	default: return sq_drop_upload(q, op->body);
	}
}
