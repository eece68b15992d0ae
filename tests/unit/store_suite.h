/*
 * What every engine of the store has to do, as tests. A test program defines `suite_open`, which
 * opens its engine in a folder, includes this file, and runs STORE_SUITE among its tests.
 */
#ifndef VZ_TEST_STORE_SUITE_H
#define VZ_TEST_STORE_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/secret.h"
#include "relay/store.h"
#include "tests/unit/tempdir.h"

#define NOW     UINT64_C(1700000000)
#define HOUR    3600
#define PATIENT 60000 /* milliseconds that are a hang */

static int suite_open(
    const char *dir, const struct vz_store_limits *limits, char *words, struct vz_store **out);

/* What a request led to, copied. */
struct got {
	int calls, err;
	enum vz_store_full full;
	bool more, duplicate;
	uint64_t seq, serial;
	struct vz_store_entry entries[VZ_STORE_LIST_MAX];
	size_t count, len;
	uint8_t bytes[VZ_STORE_CHUNK];
	struct vz_store_stats stats;
};

static void
get(void *arg, const struct vz_store_answer *a)
{
	struct got *g = arg;

	g->calls++;
	g->err = a->err;
	g->full = a->full;
	g->more = a->more;
	g->duplicate = a->duplicate;
	g->seq = a->seq;
	g->serial = a->serial;
	g->count = a->count;
	if (a->entries != NULL)
		memcpy(g->entries, a->entries, a->count * sizeof(*a->entries));
	g->len = a->len;
	if (a->len > 0)
		memcpy(g->bytes, a->bytes, a->len);
	if (a->stats != NULL)
		g->stats = *a->stats;
}

static struct got last;

static struct vz_store *
opened(struct tempdir *t, const struct vz_store_limits *limits)
{
	char words[VZ_STORE_WORDS];
	struct vz_store *s;
	int r = suite_open(tempdir_path(t, "spool"), limits, words, &s);

	if (r != 0)
		fail_msg("cannot open: %d %s", r, words);
	assert_int_equal(vz_store_start(s), 0);
	return s;
}

static void
waited(struct vz_store *s)
{
	assert_int_equal(vz_store_wait(s, PATIENT), 0);
}

static struct vz_key
key_of(unsigned n)
{
	struct vz_key k = {.b = {(uint8_t)n, (uint8_t)(n >> 8), 1}};

	return k;
}

/* Bytes that only this number has. */
static uint8_t *
bytes_of(unsigned n, size_t size)
{
	uint8_t *p = malloc(size + 1);
	uint32_t x = n * 2654435761u + 1;

	assert_non_null(p);
	for (size_t i = 0; i < size; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (uint8_t)(x >> 24);
	}
	return p;
}

static struct vz_store_mail
mail_of(unsigned to, unsigned from, const uint8_t *p, size_t size)
{
	struct vz_store_mail m = {.recipient = key_of(to),
	    .depositor = key_of(from),
	    .size = size,
	    .now = NOW,
	    .expires = NOW + HOUR};

	vz_blake2b_256(NULL, 0, p, size, NULL, 0, m.content);
	return m;
}

/* Deposits all of p. */
static int
deposit(struct vz_store *s, const struct vz_store_mail *m, const uint8_t *p, struct got *g)
{
	struct vz_store_deposit *d;
	uint64_t at = 0;
	int64_t n;
	int r = vz_store_deposit(s, m, get, g, &d);

	g->calls = 0;
	while (r == 0 && at < m->size) {
		n = vz_store_append(d, p + at, (size_t)(m->size - at));
		assert_true(n >= 0);
		at += (uint64_t)n;
		if (at == m->size)
			break;
		waited(s);
		/* An outcome before the end. */
		if (g->calls > 0 && !g->more)
			return 0;
		g->calls = 0;
	}
	if (r == 0)
		r = vz_store_finish(d);
	return r;
}

/* Deposits bytes_of(n, size) and waits; the outcome is in `last`. */
static uint64_t
put(struct vz_store *s, unsigned to, unsigned from, unsigned n, size_t size)
{
	uint8_t *p = bytes_of(n, size);
	struct vz_store_mail m = mail_of(to, from, p, size);

	assert_int_equal(deposit(s, &m, p, &last), 0);
	waited(s);
	assert_int_equal(last.calls, 1);
	free(p);
	return last.err == 0 ? last.seq : 0;
}

static void
list(struct vz_store *s, unsigned of, uint64_t after, uint64_t now, size_t max)
{
	struct vz_key k = key_of(of);

	last.calls = 0;
	assert_int_equal(vz_store_list(s, &k, after, now, max, get, &last, NULL), 0);
	waited(s);
	assert_int_equal(last.calls, 1);
	assert_int_equal(last.err, 0);
}

static int
read_at(struct vz_store *s, unsigned of, uint64_t seq, uint64_t offset)
{
	struct vz_key k = key_of(of);

	assert_int_equal(vz_store_read(s, &k, seq, offset, get, &last, NULL), 0);
	waited(s);
	return last.err;
}

static int
remove_it(struct vz_store *s, unsigned of, uint64_t seq)
{
	struct vz_key k = key_of(of);

	assert_int_equal(vz_store_remove(s, &k, seq, get, &last, NULL), 0);
	waited(s);
	return last.err;
}

/* Sweeps until there is no more; the rows in all. */
static size_t
sweep(struct vz_store *s, uint64_t now, size_t rows)
{
	size_t all = 0;

	for (int i = 0; i < 10000; i++) {
		assert_int_equal(vz_store_sweep(s, now, rows, get, &last, NULL), 0);
		waited(s);
		assert_int_equal(last.err, 0);
		assert_true(last.count <= rows);
		all += last.count;
		if (!last.more)
			return all;
	}
	fail_msg("the sweep never ends");
	return 0;
}

static struct vz_store_stats
stats(struct vz_store *s)
{
	assert_int_equal(vz_store_get_stats(s, get, &last, NULL), 0);
	waited(s);
	assert_int_equal(last.err, 0);
	return last.stats;
}

/* Reads all of a message and compares it. */
static void
assert_kept(struct vz_store *s, unsigned of, uint64_t seq, unsigned n, size_t size)
{
	uint8_t *p = bytes_of(n, size);
	size_t at = 0;

	do {
		assert_int_equal(read_at(s, of, seq, at), 0);
		assert_true(last.len <= size - at);
		assert_memory_equal(last.bytes, p + at, last.len);
		at += last.len;
	} while (last.more);
	assert_int_equal(at, size);
	free(p);
}

static void
say_nothing(void *arg, const char *words)
{
	(void)arg;
	(void)words;
}

/* Closes, and whatever the test did, the store is sound. */
static void
closed_sound(struct tempdir *t, struct vz_store *s)
{
	struct vz_store_check c;
	char words[VZ_STORE_WORDS];

	vz_store_close(s);
	assert_int_equal(suite_open(tempdir_path(t, "spool"), NULL, words, &s), 0);
	assert_int_equal(vz_store_fsck(s, false, say_nothing, NULL, &c), 0);
	assert_int_equal(c.found, 0);
	vz_store_close(s);
}

static void
a_message_is_listed_and_read_as_it_was_deposited(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	struct vz_key from = key_of(2);
	uint64_t seq = put(s, 1, 2, 7, 1000);
	uint8_t *p = bytes_of(7, 1000);
	struct vz_store_mail m = mail_of(1, 2, p, 1000);

	assert_true(seq > 0);
	assert_false(last.duplicate);
	list(s, 1, 0, NOW, 10);
	assert_int_equal(last.count, 1);
	assert_false(last.more);
	assert_int_equal(last.entries[0].seq, seq);
	assert_int_equal(last.entries[0].size, 1000);
	assert_int_equal(last.entries[0].deposited, NOW);
	assert_int_equal(last.entries[0].expires, NOW + HOUR);
	assert_true(vz_key_equal(&last.entries[0].depositor, &from));
	assert_memory_equal(last.entries[0].content, m.content, 32);
	assert_kept(s, 1, seq, 7, 1000);
	free(p);
	closed_sound(*state, s);
}

static void
sizes_around_a_piece_and_the_largest_go_in_and_out(void **state)
{
	static const size_t sizes[] = {1, VZ_STORE_CHUNK - 1, VZ_STORE_CHUNK, VZ_STORE_CHUNK + 1,
	    2 * VZ_STORE_CHUNK, 700000, VZ_STORE_MESSAGE_MAX};
	unsigned n = sizeof(sizes) / sizeof(sizes[0]);
	struct vz_store *s = opened(*state, NULL);

	/* Under valgrind the largest takes too long. */
	if (getenv("VZ_TEST_STEP") != NULL)
		n--;
	for (unsigned i = 0; i < n; i++) {
		size_t pieces = (sizes[i] + VZ_STORE_CHUNK - 1) / VZ_STORE_CHUNK;
		uint64_t seq = put(s, 1, 2, i, sizes[i]);

		assert_true(seq > 0);
		assert_kept(s, 1, seq, i, sizes[i]);
		if (sizes[i] < VZ_STORE_MESSAGE_MAX)
			assert_int_equal(
			    read_at(s, 1, seq, (uint64_t)pieces * VZ_STORE_CHUNK), VZ_EINVAL);
	}
	closed_sound(*state, s);
}

static void
what_was_acknowledged_is_there_when_opened_again(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	uint64_t small = put(s, 1, 2, 1, 100), large = put(s, 1, 2, 2, 300000);
	uint64_t removed = put(s, 1, 2, 3, 300);

	assert_int_equal(remove_it(s, 1, removed), 0);
	vz_store_close(s);
	s = opened(*state, NULL);
	list(s, 1, 0, NOW, 10);
	assert_int_equal(last.count, 2);
	assert_kept(s, 1, small, 1, 100);
	assert_kept(s, 1, large, 2, 300000);
	assert_int_equal(read_at(s, 1, removed, 0), VZ_ENOTFOUND);
	closed_sound(*state, s);
}

static void
bytes_that_are_not_those_named_are_refused_and_not_kept(void **state)
{
	static const size_t sizes[] = {500, 200000};
	struct vz_store *s = opened(*state, NULL);

	for (unsigned i = 0; i < 2; i++) {
		uint8_t *p = bytes_of(1, sizes[i]);
		struct vz_store_mail m = mail_of(1, 2, p, sizes[i]);

		p[sizes[i] - 1] ^= 1;
		assert_int_equal(deposit(s, &m, p, &last), VZ_EAUTH);
		waited(s);
		assert_int_equal(last.calls, 0);
		free(p);
	}
	list(s, 1, 0, NOW, 10);
	assert_int_equal(last.count, 0);
	assert_int_equal(stats(s).uploads, 0);
	closed_sound(*state, s);
}

static void
a_message_without_its_end_is_not_kept(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	uint8_t *p = bytes_of(1, 200000);
	struct vz_store_mail m = mail_of(1, 2, p, 200000);
	struct vz_store_deposit *d;

	assert_int_equal(vz_store_deposit(s, &m, get, &last, &d), 0);
	assert_int_equal(vz_store_append(d, p, 199999), 199999);
	assert_int_equal(vz_store_append(d, p, 2), VZ_ELIMIT);
	assert_int_equal(vz_store_finish(d), VZ_ECUT);
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &d), 0);
	assert_int_equal(vz_store_append(d, p, 150000), 150000);
	waited(s);
	assert_int_equal(stats(s).uploads, 1);
	vz_store_cancel(d);
	assert_int_equal(stats(s).uploads, 0);
	list(s, 1, 0, NOW, 10);
	assert_int_equal(last.count, 0);
	free(p);
	closed_sound(*state, s);
}

static void
what_a_crash_broke_off_is_swept_away(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	uint8_t *p = bytes_of(1, 200000);
	struct vz_store_mail m = mail_of(1, 2, p, 200000);
	struct vz_store_deposit *d[3];
	uint64_t seq;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(vz_store_deposit(s, &m, get, &last, &d[i]), 0);
		assert_int_equal(vz_store_append(d[i], p, 180000), 180000);
	}
	waited(s);
	vz_store_close(s);
	s = opened(*state, NULL);
	assert_int_equal(stats(s).uploads, 3);
	seq = put(s, 1, 2, 1, 200000);
	assert_int_equal(sweep(s, NOW, 10), 3);
	assert_int_equal(stats(s).uploads, 0);
	assert_kept(s, 1, seq, 1, 200000);
	free(p);
	closed_sound(*state, s);
}

static void
the_same_message_is_kept_once_also_after_its_removal(void **state)
{
	static const size_t sizes[] = {300, 200000};
	struct vz_store *s = opened(*state, NULL);

	for (unsigned i = 0; i < 2; i++) {
		uint64_t seq = put(s, 1, 2, i, sizes[i]);

		assert_int_equal(put(s, 1, 2, i, sizes[i]), seq);
		assert_true(last.duplicate);
		list(s, 1, 0, NOW, 10);
		assert_int_equal(last.count, 1);
		assert_int_equal(remove_it(s, 1, seq), 0);
		assert_int_equal(put(s, 1, 2, i, sizes[i]), seq);
		assert_true(last.duplicate);
		list(s, 1, 0, NOW, 10);
		assert_int_equal(last.count, 0);
	}
	vz_store_close(s);
	s = opened(*state, NULL);
	sweep(s, NOW, 10);
	assert_true(put(s, 1, 2, 0, 300) > 0);
	assert_true(last.duplicate);
	/* Somebody else's are others, though of the same bytes. */
	put(s, 1, 3, 0, 300);
	assert_false(last.duplicate);
	put(s, 4, 2, 0, 300);
	assert_false(last.duplicate);
	assert_int_equal(stats(s).uploads, 0);
	closed_sound(*state, s);
}

static void
a_message_is_forgotten_when_its_time_to_live_ends(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	uint8_t *p = bytes_of(1, 300);
	struct vz_store_mail m = mail_of(1, 2, p, 300);
	uint64_t first = put(s, 1, 2, 1, 300), second;

	list(s, 1, 0, NOW + HOUR - 1, 10);
	assert_int_equal(last.count, 1);
	list(s, 1, 0, NOW + HOUR, 10);
	assert_int_equal(last.count, 0);
	/* Also when no sweep came by in between. */
	m.now += HOUR;
	m.expires += HOUR;
	assert_int_equal(deposit(s, &m, p, &last), 0);
	waited(s);
	assert_int_equal(last.err, 0);
	assert_false(last.duplicate);
	second = last.seq;
	assert_true(second > first);
	assert_int_equal(sweep(s, NOW + HOUR, 10), 0);
	assert_int_equal(remove_it(s, 1, second), 0);
	assert_int_equal(sweep(s, NOW + 2 * HOUR, 10), 1);
	assert_int_equal(stats(s).removed, 0);
	assert_int_equal(last.stats.depositors, 0);
	assert_int_equal(last.stats.mailboxes, 0);
	free(p);
	closed_sound(*state, s);
}

static void
sequence_numbers_never_repeat(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	uint64_t seq, before = 0;

	for (unsigned i = 0; i < 5; i++) {
		seq = put(s, 1, 2, i, i == 2 ? 100000 : 10);
		assert_true(seq > before);
		before = seq;
		/* The newest goes without a trace. */
		assert_int_equal(remove_it(s, 1, seq), 0);
		sweep(s, NOW + HOUR, 10);
		vz_store_close(s);
		s = opened(*state, NULL);
	}
	closed_sound(*state, s);
}

static void
a_mailbox_is_listed_oldest_first_in_slices(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	uint64_t after = 0;

	for (unsigned i = 0; i < 25; i++)
		put(s, i % 2 ? 8 : 1, 2 + i % 3, i, 10);
	for (int i = 0; i < 3; i++) {
		list(s, 1, after, NOW, 5);
		assert_int_equal(last.count, i < 2 ? 5 : 3);
		assert_int_equal(last.more, i < 2);
		for (size_t j = 0; j < last.count; j++) {
			assert_true(last.entries[j].seq > after);
			after = last.entries[j].seq;
		}
	}
	list(s, 1, after, NOW, 5);
	assert_int_equal(last.count, 0);
	list(s, 9, 0, NOW, 5);
	assert_int_equal(last.count, 0);
	closed_sound(*state, s);
}

static void
another_mailbox_is_out_of_reach(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	uint64_t seq = put(s, 1, 2, 1, 300);

	assert_int_equal(read_at(s, 3, seq, 0), VZ_ENOTFOUND);
	assert_int_equal(remove_it(s, 3, seq), VZ_ENOTFOUND);
	/* Nor does its depositor get at it. */
	assert_int_equal(read_at(s, 2, seq, 0), VZ_ENOTFOUND);
	assert_int_equal(remove_it(s, 2, seq), VZ_ENOTFOUND);
	assert_kept(s, 1, seq, 1, 300);
	assert_int_equal(remove_it(s, 1, seq), 0);
	assert_int_equal(remove_it(s, 1, seq), VZ_ENOTFOUND);
	assert_int_equal(read_at(s, 1, seq, 0), VZ_ENOTFOUND);
	closed_sound(*state, s);
}

/* The deposit is refused because this is full. */
static void
assert_full(struct vz_store *s, unsigned to, unsigned from, unsigned n, size_t size,
    enum vz_store_full what)
{
	assert_int_equal(put(s, to, from, n, size), 0);
	assert_int_equal(last.err, VZ_EFULL);
	assert_int_equal(last.full, what);
}

static void
a_mailbox_takes_so_many_messages_and_bytes(void **state)
{
	const struct vz_store_limits l = {.each = {.mailbox_messages = 3, .mailbox_bytes = 200000}};
	struct vz_store *s = opened(*state, &l);
	uint64_t seq = put(s, 1, 2, 1, 10);

	assert_true(put(s, 1, 3, 2, 10) > 0);
	assert_full(s, 1, 3, 3, 200000 - 19, VZ_STORE_FULL_MAILBOX);
	assert_true(put(s, 1, 3, 3, 200000 - 20) > 0);
	assert_full(s, 1, 4, 4, 10, VZ_STORE_FULL_MAILBOX);
	assert_true(put(s, 5, 4, 4, 10) > 0);
	assert_int_equal(remove_it(s, 1, seq), 0);
	assert_full(s, 1, 4, 4, 11, VZ_STORE_FULL_MAILBOX);
	assert_true(put(s, 1, 4, 4, 10) > 0);
	assert_int_equal(stats(s).uploads, 0);
	closed_sound(*state, s);
}

static void
a_depositor_leaves_so_many_bytes_and_traces(void **state)
{
	const struct vz_store_limits l = {
	    .each = {.depositor_bytes = 100000, .depositor_entries = 4}};
	struct vz_store *s = opened(*state, &l);
	uint64_t seq = put(s, 1, 2, 1, 99990);

	assert_full(s, 3, 2, 2, 11, VZ_STORE_FULL_DEPOSITOR);
	assert_true(put(s, 3, 4, 2, 11) > 0);
	assert_int_equal(remove_it(s, 1, seq), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(remove_it(s, 1, put(s, 1, 2, 10 + i, 20000)), 0);
	/* What was removed is remembered, and counts. */
	assert_full(s, 3, 2, 20, 10, VZ_STORE_FULL_DEPOSITOR);
	sweep(s, NOW + HOUR, 10);
	assert_true(put(s, 3, 2, 20, 10) > 0);
	closed_sound(*state, s);
}

static void
a_deposit_may_bring_its_own_quota(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	uint8_t *p = bytes_of(1, 300);
	struct vz_store_mail m = mail_of(1, 2, p, 300);

	m.quota.mailbox_bytes = 299;
	assert_int_equal(deposit(s, &m, p, &last), 0);
	waited(s);
	assert_int_equal(last.full, VZ_STORE_FULL_MAILBOX);
	m.quota.mailbox_bytes = 300;
	assert_int_equal(deposit(s, &m, p, &last), 0);
	waited(s);
	assert_int_equal(last.err, 0);
	free(p);
	closed_sound(*state, s);
}

static void
the_store_in_all_takes_so_much_and_gives_room_back(void **state)
{
	const struct vz_store_limits l = {.disk_bytes = 2 << 20};
	struct vz_store *s = opened(*state, &l);
	uint64_t seq[64], big;
	unsigned n = 0;

	while (n < 64 && (seq[n] = put(s, n, 2, n, 100000)) != 0)
		n++;
	assert_in_range(n, 15, 20);
	assert_int_equal(last.err, VZ_EFULL);
	assert_int_equal(last.full, VZ_STORE_FULL_STORE);
	big = stats(s).file_bytes;
	assert_true(big <= 2 << 20);
	/* Reading and removing go on, and make room. */
	assert_kept(s, 0, seq[0], 0, 100000);
	assert_int_equal(remove_it(s, 0, seq[0]), 0);
	assert_true(put(s, 99, 2, 99, 90000) > 0);
	for (unsigned i = 1; i < n; i++)
		assert_int_equal(remove_it(s, i, seq[i]), 0);
	sweep(s, NOW, 10);
	assert_int_equal(stats(s).free_bytes, 0);
	assert_true(last.stats.file_bytes < big / 4);
	closed_sound(*state, s);
}

static void
what_has_expired_is_swept_in_slices(void **state)
{
	struct vz_store *s = opened(*state, NULL);

	for (unsigned i = 0; i < 10; i++)
		put(s, i % 3, 2, i, i == 4 ? 200000 : 100);
	assert_int_equal(remove_it(s, 0, 1), 0);
	assert_int_equal(sweep(s, NOW + HOUR - 1, 3), 0);
	assert_int_equal(vz_store_sweep(s, NOW + HOUR, 3, get, &last, NULL), 0);
	waited(s);
	assert_int_equal(last.count, 3);
	assert_true(last.more);
	assert_int_equal(sweep(s, NOW + HOUR, 3), 7);
	assert_int_equal(stats(s).messages, 0);
	assert_int_equal(last.stats.bytes, 0);
	assert_int_equal(last.stats.removed, 0);
	assert_int_equal(last.stats.mailboxes, 0);
	assert_int_equal(last.stats.free_bytes, 0);
	closed_sound(*state, s);
}

static int
put_bundle(struct vz_store *s, unsigned who, uint64_t serial, const char *text)
{
	struct vz_key k = key_of(who);

	assert_int_equal(
	    vz_store_put_bundle(s, &k, serial, text, strlen(text), get, &last, NULL), 0);
	waited(s);
	return last.err;
}

static void
assert_bundle(struct vz_store *s, unsigned who, uint64_t serial, const char *text)
{
	struct vz_key k = key_of(who);

	assert_int_equal(vz_store_get_bundle(s, &k, get, &last, NULL), 0);
	waited(s);
	assert_int_equal(last.err, text == NULL ? VZ_ENOTFOUND : 0);
	if (text == NULL)
		return;
	assert_int_equal(last.serial, serial);
	assert_int_equal(last.len, strlen(text));
	assert_memory_equal(last.bytes, text, last.len);
}

static void
an_older_bundle_never_replaces_a_newer(void **state)
{
	const struct vz_store_limits l = {.bundles = 2};
	struct vz_store *s = opened(*state, &l);

	assert_bundle(s, 1, 0, NULL);
	assert_int_equal(put_bundle(s, 1, 5, "five"), 0);
	assert_int_equal(put_bundle(s, 1, 5, "five"), 0);
	assert_int_equal(put_bundle(s, 1, 4, "four"), VZ_EROLLBACK);
	assert_int_equal(put_bundle(s, 1, 5, "fivE"), VZ_ECLASH);
	assert_bundle(s, 1, 5, "five");
	assert_int_equal(put_bundle(s, 2, 1, "other"), 0);
	assert_int_equal(put_bundle(s, 3, 1, "third"), VZ_EFULL);
	assert_int_equal(put_bundle(s, 1, 7, "seven"), 0);
	vz_store_close(s);
	s = opened(*state, NULL);
	assert_bundle(s, 1, 7, "seven");
	assert_bundle(s, 2, 1, "other");
	assert_bundle(s, 3, 0, NULL);
	closed_sound(*state, s);
}

static struct got many[VZ_STORE_QUEUE_MAX];

static void
what_is_queued_is_committed_together(void **state)
{
	enum { N = 1000 };
	const struct vz_store_limits l = {.each = {.mailbox_messages = N}};
	struct vz_store *s;
	char words[VZ_STORE_WORDS];
	uint64_t before = 0;

	/* Not started yet: all of it is queued when the writer comes. */
	assert_int_equal(suite_open(tempdir_path(*state, "spool"), &l, words, &s), 0);
	memset(many, 0, sizeof(many));
	for (unsigned i = 0; i < N; i++) {
		uint8_t *p = bytes_of(i, 100);
		struct vz_store_mail m = mail_of(1, 2, p, 100);

		assert_int_equal(deposit(s, &m, p, &many[i]), 0);
		free(p);
	}
	assert_int_equal(vz_store_start(s), 0);
	waited(s);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(many[i].calls, 1);
		assert_int_equal(many[i].err, 0);
		assert_true(many[i].seq > before);
		before = many[i].seq;
	}
	assert_int_equal(stats(s).commits, (N + 255) / 256);
	assert_int_equal(last.stats.messages, N);
	closed_sound(*state, s);
}

static void
too_much_at_once_is_refused_and_what_was_taken_is_done(void **state)
{
	struct vz_store *s;
	struct vz_store_deposit *d[VZ_STORE_UPLOADS_MAX], *none;
	struct vz_store_mail m;
	struct vz_key k = key_of(1);
	char words[VZ_STORE_WORDS];
	uint8_t *p = bytes_of(1, 500000);
	unsigned n = 0;

	m = mail_of(1, 2, p, 500000);
	assert_int_equal(suite_open(tempdir_path(*state, "spool"), NULL, words, &s), 0);
	for (unsigned i = 0; i < VZ_STORE_UPLOADS_MAX; i++) {
		int64_t took;

		m.depositor = key_of(2 + i / VZ_STORE_UPLOADS_ONE);
		assert_int_equal(vz_store_deposit(s, &m, get, &last, &d[i]), 0);
		took = vz_store_append(d[i], p, 500000);
		/* No more than some pieces wait in memory. */
		assert_in_range(took, 4 * VZ_STORE_CHUNK, 5 * VZ_STORE_CHUNK);
	}
	m.depositor = key_of(100);
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &none), VZ_EFULL);
	assert_null(none);
	memset(many, 0, sizeof(many));
	while (n < VZ_STORE_QUEUE_MAX && vz_store_list(s, &k, 0, NOW, 1, get, &many[n], NULL) == 0)
		n++;
	assert_in_range(n, 1000, VZ_STORE_QUEUE_MAX - 1);
	last.calls = 0;
	assert_int_equal(vz_store_start(s), 0);
	waited(s);
	/* Each deposit was told of its room. */
	assert_int_equal(last.calls, VZ_STORE_UPLOADS_MAX);
	assert_true(last.more);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(many[i].calls, 1);
	for (unsigned i = 0; i < VZ_STORE_UPLOADS_MAX; i++)
		vz_store_cancel(d[i]);
	assert_int_equal(stats(s).uploads, 0);
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &none), 0);
	free(p);
	closed_sound(*state, s);
}

static void
who_begins_many_long_messages_and_ends_none_leaves_places_to_others(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	struct vz_store_deposit *d[VZ_STORE_UPLOADS_ONE], *more;
	uint8_t *p = bytes_of(1, 500000);
	struct vz_store_mail m = mail_of(1, 2, p, 500000);

	for (unsigned i = 0; i < VZ_STORE_UPLOADS_ONE; i++)
		assert_int_equal(vz_store_deposit(s, &m, get, &last, &d[i]), 0);
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &more), VZ_EFULL);
	m.depositor = key_of(3);
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &more), 0);
	vz_store_cancel(more);
	/* Short ones it may still leave, and a long one again when another is over. */
	m = mail_of(1, 2, p, 100);
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &more), 0);
	vz_store_cancel(more);
	vz_store_cancel(d[0]);
	m = mail_of(1, 2, p, 500000);
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &d[0]), 0);
	for (unsigned i = 0; i < VZ_STORE_UPLOADS_ONE; i++)
		vz_store_cancel(d[i]);
	free(p);
	closed_sound(*state, s);
}

static void
a_full_mailbox_is_told_before_all_of_a_large_message_came(void **state)
{
	const struct vz_store_limits l = {.each = {.mailbox_bytes = 1000000}};
	struct vz_store *s = opened(*state, &l);
	struct vz_store_deposit *d;
	uint8_t *p = bytes_of(1, 2000000);
	struct vz_store_mail m = mail_of(1, 2, p, 2000000);

	last.calls = 0;
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &d), 0);
	assert_true(vz_store_append(d, p, 300000) > 0);
	waited(s);
	assert_int_equal(last.calls, 1);
	assert_int_equal(last.err, VZ_EFULL);
	assert_int_equal(last.full, VZ_STORE_FULL_MAILBOX);
	assert_int_equal(stats(s).uploads, 0);
	free(p);
	closed_sound(*state, s);
}

static void
what_is_forgotten_is_done_without_a_word(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	uint8_t *p = bytes_of(1, 100);
	struct vz_store_mail m = mail_of(1, 2, p, 100);
	struct vz_store_deposit *d;
	struct vz_store_op *op;
	struct vz_key k = key_of(1);

	last.calls = 0;
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &d), 0);
	assert_int_equal(vz_store_append(d, p, 100), 100);
	assert_int_equal(vz_store_finish(d), 0);
	vz_store_cancel(d);
	waited(s);
	assert_int_equal(last.calls, 0);
	list(s, 1, 0, NOW, 10);
	assert_int_equal(last.count, 1);
	assert_int_equal(vz_store_remove(s, &k, last.entries[0].seq, get, &last, &op), 0);
	last.calls = 0;
	vz_store_forget(op);
	waited(s);
	assert_int_equal(last.calls, 0);
	list(s, 1, 0, NOW, 10);
	assert_int_equal(last.count, 0);
	/* And what is asked for just before the end. */
	assert_true(put(s, 1, 2, 5, 100) > 0);
	assert_int_equal(vz_store_remove(s, &k, last.seq, get, &last, NULL), 0);
	vz_store_close(s);
	s = opened(*state, NULL);
	list(s, 1, 0, NOW, 10);
	assert_int_equal(last.count, 0);
	free(p);
	closed_sound(*state, s);
}

static void
impossible_wishes_are_refused_at_once(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	struct vz_store_deposit *d;
	struct vz_store_mail m = mail_of(1, 2, (const uint8_t *)"x", 1);
	struct vz_key k = key_of(1);

	m.size = 0;
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &d), VZ_EINVAL);
	m.size = VZ_STORE_MESSAGE_MAX + 1;
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &d), VZ_ELIMIT);
	m.size = 1;
	m.expires = m.now;
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &d), VZ_EEXPIRED);
	m.expires = m.now + 30 * 24 * HOUR + 1;
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &d), VZ_ELIMIT);
	m.expires--;
	assert_int_equal(vz_store_deposit(s, &m, get, &last, &d), 0);
	vz_store_cancel(d);
	assert_int_equal(vz_store_list(s, &k, 0, 0, 0, get, &last, NULL), VZ_EINVAL);
	assert_int_equal(
	    vz_store_list(s, &k, 0, 0, VZ_STORE_LIST_MAX + 1, get, &last, NULL), VZ_EINVAL);
	assert_int_equal(vz_store_list(s, &k, UINT64_MAX, 0, 1, get, &last, NULL), VZ_EINVAL);
	assert_int_equal(vz_store_read(s, &k, 1, 1, get, &last, NULL), VZ_EINVAL);
	assert_int_equal(
	    vz_store_read(s, &k, 1, VZ_STORE_MESSAGE_MAX, get, &last, NULL), VZ_EINVAL);
	assert_int_equal(vz_store_sweep(s, 0, VZ_STORE_SWEEP_MAX + 1, get, &last, NULL), VZ_EINVAL);
	assert_int_equal(vz_store_put_bundle(s, &k, 1, "", 0, get, &last, NULL), VZ_EINVAL);
	assert_int_equal(
	    vz_store_put_bundle(s, &k, UINT64_MAX, "x", 1, get, &last, NULL), VZ_EINVAL);
	assert_int_equal(vz_store_start(s), VZ_EINVAL);
	closed_sound(*state, s);
}

static void
the_descriptor_is_readable_while_there_are_answers(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	struct pollfd p = {.fd = vz_store_fd(s), .events = POLLIN};

	assert_int_equal(poll(&p, 1, 0), 0);
	last.calls = 0;
	assert_int_equal(vz_store_get_stats(s, get, &last, NULL), 0);
	assert_int_equal(poll(&p, 1, PATIENT), 1);
	assert_int_equal(last.calls, 0);
	assert_int_equal(vz_store_run(s), 0);
	assert_int_equal(last.calls, 1);
	assert_int_equal(poll(&p, 1, 0), 0);
	closed_sound(*state, s);
}

static void
counts_are_of_what_is_there(void **state)
{
	struct vz_store *s = opened(*state, NULL);
	uint64_t sum = 0;

	put(s, 1, 2, 1, 100);
	put(s, 1, 3, 2, 200);
	put(s, 4, 3, 3, 300);
	put_bundle(s, 1, 1, "b");
	assert_int_equal(remove_it(s, 1, 1), 0);
	stats(s);
	assert_int_equal(last.stats.messages, 2);
	assert_int_equal(last.stats.bytes, 500);
	assert_int_equal(last.stats.removed, 1);
	assert_int_equal(last.stats.mailboxes, 2);
	assert_int_equal(last.stats.depositors, 2);
	assert_int_equal(last.stats.bundles, 1);
	assert_int_equal(last.stats.oldest, NOW);
	assert_int_equal(last.stats.commits, 5);
	assert_false(last.stats.disk_full);
	for (int i = 0; i < VZ_STORE_BUCKETS; i++)
		sum += last.stats.latency[i];
	assert_int_equal(sum, 5);
	closed_sound(*state, s);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, tempdir_setup, tempdir_teardown)
#define STORE_SUITE                                                                          \
	STORE_TEST(a_message_is_listed_and_read_as_it_was_deposited),                        \
	    STORE_TEST(sizes_around_a_piece_and_the_largest_go_in_and_out),                  \
	    STORE_TEST(what_was_acknowledged_is_there_when_opened_again),                    \
	    STORE_TEST(bytes_that_are_not_those_named_are_refused_and_not_kept),             \
	    STORE_TEST(a_message_without_its_end_is_not_kept),                               \
	    STORE_TEST(what_a_crash_broke_off_is_swept_away),                                \
	    STORE_TEST(the_same_message_is_kept_once_also_after_its_removal),                \
	    STORE_TEST(a_message_is_forgotten_when_its_time_to_live_ends),                   \
	    STORE_TEST(sequence_numbers_never_repeat),                                       \
	    STORE_TEST(a_mailbox_is_listed_oldest_first_in_slices),                          \
	    STORE_TEST(another_mailbox_is_out_of_reach),                                     \
	    STORE_TEST(a_mailbox_takes_so_many_messages_and_bytes),                          \
	    STORE_TEST(a_depositor_leaves_so_many_bytes_and_traces),                         \
	    STORE_TEST(a_deposit_may_bring_its_own_quota),                                   \
	    STORE_TEST(the_store_in_all_takes_so_much_and_gives_room_back),                  \
	    STORE_TEST(what_has_expired_is_swept_in_slices),                                 \
	    STORE_TEST(an_older_bundle_never_replaces_a_newer),                              \
	    STORE_TEST(what_is_queued_is_committed_together),                                \
	    STORE_TEST(too_much_at_once_is_refused_and_what_was_taken_is_done),              \
	    STORE_TEST(who_begins_many_long_messages_and_ends_none_leaves_places_to_others), \
	    STORE_TEST(a_full_mailbox_is_told_before_all_of_a_large_message_came),           \
	    STORE_TEST(what_is_forgotten_is_done_without_a_word),                            \
	    STORE_TEST(impossible_wishes_are_refused_at_once),                               \
	    STORE_TEST(the_descriptor_is_readable_while_there_are_answers),                  \
	    STORE_TEST(counts_are_of_what_is_there)

#endif
