/* Messages go out: list, read, remove. Bundles, and counts. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "relay/store_sqlite_impl.h"

int
sq_list(void *e, struct vz_store_op *op)
{
	struct sq *q = e;
	struct vz_store_entry *entries = calloc(op->max, sizeof(*entries)), *at = entries;
	/* One more tells whether there is more. */
	sqlite3_stmt *st = sq_bind(
	    q, SQ_LIST, "kiii", &op->mail.recipient, op->seq, op->mail.now, (uint64_t)op->max + 1);
	int r;

	if (entries == NULL)
		return VZ_ENOMEM;
	op->found = (uint8_t *)entries;
	op->answer.entries = entries;
	while ((r = sq_step(q, st)) == 1) {
		if (at == entries + op->max) {
			op->answer.more = true;
			sqlite3_reset(st);
			r = 0;
			break;
		}
		at->seq = sq_u64(st, 0);
		at->size = sq_u64(st, 1);
		at->deposited = sq_u64(st, 2);
		at->expires = sq_u64(st, 3);
		sq_bytes(st, 4, at->depositor.b, 32);
		sq_bytes(st, 5, at->content, 32);
		at++;
	}
	op->answer.count = (size_t)(at - entries);
	return r;
}

/* The message of a mailbox; VZ_ENOTFOUND as the answer when it is not there. */
static int
find(struct sq *q, struct vz_store_op *op, struct sq_message *m)
{
	sqlite3_stmt *st = sq_bind(q, SQ_FIND_SEQ, "i", op->seq);
	int r = sq_message(q, st, m);

	if (r < 0)
		return r;
	if (r == 1)
		sqlite3_reset(st);
	if (r == 0 || m->body == 0 || !vz_key_equal(&m->recipient, &op->mail.recipient))
		op->answer.err = VZ_ENOTFOUND;
	return 0;
}

/* A copy of a column's bytes as the answer's. */
static int
keep_bytes(struct vz_store_op *op, sqlite3_stmt *st, int column)
{
	size_t n = (size_t)sqlite3_column_bytes(st, column);
	const void *p = sqlite3_column_blob(st, column);

	if (p == NULL || (op->found = malloc(n)) == NULL)
		return VZ_ENOMEM;
	memcpy(op->found, p, n);
	op->answer.bytes = op->found;
	op->answer.len = n;
	return 0;
}

int
sq_read(void *e, struct vz_store_op *op)
{
	struct sq *q = e;
	struct sq_message m;
	uint64_t chunk = op->offset / VZ_STORE_CHUNK, left;
	sqlite3_stmt *st;
	int r = find(q, op, &m);

	if (r != 0 || op->answer.err != 0)
		return r;
	if (op->offset >= m.size) {
		op->answer.err = VZ_EINVAL;
		return 0;
	}
	left = m.size - op->offset;
	st = sq_bind(q, SQ_CHUNK_GET, "ii", m.body, chunk);
	if ((r = sq_step(q, st)) < 0)
		return r;
	if (r == 0)
		return VZ_EFORMAT;
	r = keep_bytes(op, st, 0);
	sqlite3_reset(st);
	op->answer.more = left > VZ_STORE_CHUNK;
	if (r == 0 && op->answer.len != (op->answer.more ? VZ_STORE_CHUNK : left))
		r = VZ_EFORMAT;
	return r;
}

int
sq_remove(void *e, struct vz_store_op *op)
{
	struct sq *q = e;
	struct sq_message m;
	int r = find(q, op, &m);

	if (r != 0 || op->answer.err != 0)
		return r;
	r = sq_drop_chunks(q, m.body);
	if (r == 0)
		r = sq_do(q, sq_bind(q, SQ_MESSAGE_REMOVED, "i", m.seq));
	return r == 0 ? sq_uncount(q, &m) : r;
}

int
sq_get_bundle(void *e, struct vz_store_op *op)
{
	struct sq *q = e;
	sqlite3_stmt *st = sq_bind(q, SQ_BUNDLE_GET, "k", &op->mail.recipient);
	int r = sq_step(q, st);

	if (r == 0)
		op->answer.err = VZ_ENOTFOUND;
	if (r != 1)
		return r;
	op->answer.serial = sq_u64(st, 0);
	r = keep_bytes(op, st, 1);
	sqlite3_reset(st);
	return r;
}

/* What speaks against a bundle: a newer one, the same serial, or that it is one too many. */
static int
judge_bundle(struct sq *q, struct vz_store_op *op, bool *same)
{
	sqlite3_stmt *st = sq_bind(q, SQ_BUNDLE_GET, "k", &op->mail.recipient);
	uint64_t count = 0, serial;
	bool none;
	int r = sq_step(q, st);

	*same = false;
	if (r < 0)
		return r;
	if (r == 1) {
		serial = sq_u64(st, 0);
		*same = (size_t)sqlite3_column_bytes(st, 1) == op->len &&
		    memcmp(sqlite3_column_blob(st, 1), op->bytes, op->len) == 0;
		sqlite3_reset(st);
		if (op->serial < serial)
			op->answer.err = VZ_EROLLBACK;
		else if (op->serial == serial && !*same)
			op->answer.err = VZ_ECLASH;
		*same = *same && op->serial == serial;
		return 0;
	}
	r = sq_one(q, sq_bind(q, SQ_BUNDLE_COUNT, ""), &count, 1);
	if (r >= 0 && count >= q->limits.bundles) {
		op->answer.err = VZ_EFULL;
		op->answer.full = VZ_STORE_FULL_STORE;
		return 0;
	}
	return r < 0 ? r : sq_no_room(q, op, op->len, &none);
}

int
sq_put_bundle(void *e, struct vz_store_op *op)
{
	struct sq *q = e;
	bool same;
	int r = judge_bundle(q, op, &same);

	if (r != 0 || op->answer.err != 0 || same)
		return r;
	return sq_do(q,
	    sq_bind(q, SQ_BUNDLE_PUT, "kib", &op->mail.recipient, op->serial, op->bytes, op->len));
}

int
sq_stats(void *e, struct vz_store_op *op, struct vz_store_stats *out)
{
	struct sq *q = e;
	uint64_t v[8] = {0}, pages = 0, unused = 0;
	int r = sq_one(q, sq_bind(q, SQ_STATS, ""), v, 8);

	(void)op;
	if (r >= 0)
		r = sq_one(q, sq_bind(q, SQ_PAGES, ""), &pages, 1);
	if (r >= 0)
		r = sq_one(q, sq_bind(q, SQ_FREE_PAGES, ""), &unused, 1);
	out->messages = v[0];
	out->bytes = v[1];
	out->mailboxes = v[2];
	out->removed = v[3] < v[0] ? 0 : v[3] - v[0];
	out->depositors = v[4];
	out->uploads = v[5];
	out->bundles = v[6];
	out->oldest = v[7];
	out->file_bytes = pages * 4096;
	out->free_bytes = unused * 4096;
	out->disk_full = q->disk_full;
	return r < 0 ? r : 0;
}
