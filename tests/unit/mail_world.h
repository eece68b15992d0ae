/*
 * A relay with mailboxes and its clients inside one process, on a virtual clock, with a real store
 * in a folder of its own. Clients and relay are joined without a network between.
 */
#ifndef VZ_TESTS_MAIL_WORLD_H
#define VZ_TESTS_MAIL_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "base/hash.h"
#include "base/secret.h"
#include "relay/mailbox.h"
#include "relay/store_sqlite.h"
#include "tests/unit/people.h"
#include "tests/unit/tempdir.h"

#define POSTS   80
#define PATIENT 60000 /* milliseconds that are a hang */
#define ALL_MAY (VZ_RELAY_MAY_REGISTER | VZ_RELAY_MAY_CONNECT | VZ_RELAY_MAY_DEPOSIT)

/* A client and its connection, and what it was told. */
struct post {
	struct vz_relay_client *c;
	struct vz_mailbox_client box;
	unsigned may;
	bool gone, deaf; /* deaf: does not read */
	int client_err, serve_err;
	unsigned events, seen[64];      /* events in all, and by type */
	struct vz_relay_event last;     /* without its bytes; not ROOM */
	uint8_t words[VZ_TEXT_MAX + 1]; /* of the last refusal */
	struct vz_buf body;             /* of the entry that came last */
	uint8_t bundle[VZ_BUNDLE_LEN];
	/* a deposit that is being sent */
	const uint8_t *sending;
	size_t sent;
};

struct office {
	struct post post[POSTS];
	unsigned n;
	struct tempdir dir;
	struct vz_store *store;
	struct vz_mailbox *box;
	uint64_t now, unix_s;
	unsigned touched;
	int may_deposit; /* what the hook says */
	uint8_t random;
};

static inline void
office_touched(void *ctx, struct vz_mailbox_client *c)
{
	struct office *o = ctx;

	assert_non_null(c->serve);
	o->touched++;
}

static inline uint64_t
office_now(void *ctx)
{
	return ((struct office *)ctx)->unix_s;
}

static inline int
office_may(void *ctx, struct vz_mailbox_client *c, const struct vz_key *recipient, uint64_t size)
{
	assert_true(c != NULL && recipient != NULL && size > 0);
	return ((struct office *)ctx)->may_deposit;
}

static inline void
office_opens(struct office *o, const struct vz_store_limits *limits)
{
	struct vz_mailbox_config config = {.touched = office_touched,
	    .now = office_now,
	    .may_deposit = office_may,
	    .ctx = o,
	    .seed = {9}};
	char words[VZ_STORE_WORDS];

	if (vz_store_sqlite_open(tempdir_path(&o->dir, "spool"), limits, words, &o->store) < 0)
		fail_msg("cannot open: %s", words);
	assert_int_equal(vz_store_start(o->store), 0);
	config.store = o->store;
	assert_int_equal(vz_mailbox_new(&o->box, &config), 0);
}

static inline struct office *
office_begin(const struct vz_store_limits *limits)
{
	struct office *o = calloc(1, sizeof *o);

	assert_non_null(o);
	assert_int_equal(tempdir_make(&o->dir), 0);
	o->now = 1000;
	o->unix_s = 1700000000;
	office_opens(o, limits);
	return o;
}

static inline void
post_goes(struct post *p)
{
	if (!p->gone)
		vz_mailbox_gone(&p->box);
	p->gone = true;
}

static inline void
office_shuts(struct office *o)
{
	for (unsigned i = 0; i < o->n; i++) {
		struct post *p = &o->post[i];

		post_goes(p);
		vz_relay_client_free(p->c);
		vz_relay_serve_free(p->box.serve);
		vz_buf_free(&p->body);
	}
	o->n = 0;
	vz_mailbox_free(o->box);
	vz_store_close(o->store);
}

static inline void
office_end(struct office *o)
{
	office_shuts(o);
	tempdir_remove(&o->dir);
	free(o);
}

static inline struct post *
office_post(struct office *o, unsigned who, unsigned may)
{
	struct post *p = &o->post[o->n++];
	struct vz_channel_config c = {.initiator = true,
	    .service = VZ_SERVICE_RELAY,
	    .self = people[who],
	    .responder = *people_key(RELAY)};
	struct vz_channel_config s = c;
	struct vz_relay_limits l;

	assert_true(o->n <= POSTS);
	memset(p, 0, sizeof *p);
	p->may = may;
	vz_buf_init(&p->body, VZ_RELAY_MAIL_MAX);
	vz_relay_limits_default(&l);
	memset(c.random, ++o->random, sizeof c.random);
	memset(s.random, ++o->random, sizeof s.random);
	s.initiator = false;
	s.self = people[RELAY];
	assert_int_equal(vz_relay_client_new(&p->c, &c, &l, o->now), 0);
	assert_int_equal(vz_relay_serve_new(&p->box.serve, &s, &l, o->now), 0);
	return p;
}

/* What the relay does about what came. */
static inline void
serve_events(struct office *o, struct post *p)
{
	struct vz_relay_event ev;
	int r;

	while (!p->gone && (r = vz_relay_serve_next(p->box.serve, &ev)) != 0) {
		if (r < 0) {
			p->serve_err = r;
			if (r != VZ_EDENIED)
				vz_relay_serve_close(p->box.serve, 76, "no valid frame");
			post_goes(p);
			return;
		}
		switch (ev.type) {
		case VZ_RELAY_EVENT_PEER:
			assert_int_equal(vz_relay_serve_accept(p->box.serve, p->may), 0);
			break;
		case VZ_RELAY_EVENT_CLOSE: post_goes(p); break;
		case VZ_RELAY_EVENT_REGISTER:
			assert_int_equal(vz_relay_serve_registered(p->box.serve, 1), 0);
			vz_mailbox_registered(o->box, &p->box);
			break;
		default: vz_mailbox_request(o->box, &p->box, &ev);
		}
	}
}

static inline void
client_events(struct office *o, struct post *p)
{
	struct vz_relay_event ev;
	int r = 0;

	(void)o;
	while (p->client_err == 0 && (r = vz_relay_client_next(p->c, &ev)) > 0) {
		p->events++;
		p->seen[ev.type]++;
		switch (ev.type) {
		case VZ_RELAY_EVENT_PEER: assert_int_equal(vz_relay_client_accept(p->c), 0); break;
		case VZ_RELAY_EVENT_ENTRY: vz_buf_clear(&p->body); break;
		case VZ_RELAY_EVENT_PIECE:
			assert_int_equal(vz_buf_put(&p->body, ev.bytes, ev.bytes_len), 0);
			break;
		case VZ_RELAY_EVENT_BUNDLE: memcpy(p->bundle, ev.bytes, ev.bytes_len); break;
		case VZ_RELAY_EVENT_CLOSE:
		case VZ_RELAY_EVENT_REFUSED:
			memcpy(p->words, ev.bytes, ev.bytes_len);
			p->words[ev.bytes_len] = 0;
			break;
		default: break;
		}
		if (ev.type == VZ_RELAY_EVENT_ROOM)
			continue;
		p->last = ev;
		p->last.bytes = NULL;
	}
	if (r < 0)
		p->client_err = r;
}

static inline size_t
up(struct office *o, struct post *p)
{
	size_t n, room, all = 0;
	const uint8_t *out;
	uint8_t *to;

	vz_relay_client_flush(p->c, o->now);
	while (out = vz_relay_client_out(p->c, &n), n > 0) {
		if (!p->gone && vz_relay_serve_stuck(p->box.serve))
			break;
		if (!p->gone) {
			to = vz_relay_serve_space(p->box.serve, &room);
			assert_non_null(to);
			n = n < room ? n : room;
			memcpy(to, out, n);
			vz_relay_serve_fed(p->box.serve, n, o->now);
		}
		vz_relay_client_sent(p->c, n, o->now);
		all += n;
		serve_events(o, p);
	}
	return all;
}

static inline size_t
down(struct office *o, struct post *p)
{
	size_t n, room, all = 0;
	const uint8_t *out;
	uint8_t *to;

	assert_true(vz_relay_serve_flush(p->box.serve, o->now) <= 0);
	while (out = vz_relay_serve_out(p->box.serve, &n), n > 0 && !p->deaf) {
		to = vz_relay_client_space(p->c, &room);
		assert_non_null(to);
		n = n < room ? n : room;
		memcpy(to, out, n);
		vz_relay_client_fed(p->c, n, o->now);
		vz_relay_serve_sent(p->box.serve, n, o->now);
		all += n;
		client_events(o, p);
	}
	if (!p->gone && p->box.box != NULL)
		vz_mailbox_drained(&p->box);
	assert_true(vz_relay_serve_flush(p->box.serve, o->now) <= 0);
	return all;
}

static inline size_t
goes_on_sending(struct post *p)
{
	size_t left = (size_t)vz_relay_client_missing(p->c);
	int64_t n;

	if (p->sending == NULL || left == 0)
		return 0;
	n = vz_relay_client_part(p->c, p->sending + p->sent, left);
	assert_true(n >= 0);
	p->sent += (size_t)n;
	return (size_t)n;
}

/* Without waiting for the store. */
static inline void
office_moves(struct office *o)
{
	size_t moved = 1;

	for (unsigned turns = 0; moved > 0; turns++) {
		assert_true(turns < 100000);
		moved = 0;
		for (unsigned i = 0; i < o->n; i++) {
			moved += goes_on_sending(&o->post[i]);
			moved += up(o, &o->post[i]);
			moved += down(o, &o->post[i]);
		}
	}
}

/* Until nothing moves any more, on the disk either. */
static inline void
office_settle(struct office *o)
{
	unsigned before;

	do {
		before = o->touched;
		office_moves(o);
		assert_int_equal(vz_store_wait(o->store, PATIENT), 0);
		office_moves(o);
	} while (o->touched != before);
}

static inline void
office_pass(struct office *o, uint64_t ms)
{
	for (uint64_t until = o->now + ms; o->now < until;) {
		o->now += 1000;
		for (unsigned i = 0; i < o->n; i++) {
			struct post *p = &o->post[i];
			int r;

			if (!p->gone && (r = vz_relay_serve_tick(p->box.serve, o->now)) < 0) {
				p->serve_err = r;
				post_goes(p);
			}
			if (!p->deaf && p->client_err == 0 &&
			    (r = vz_relay_client_tick(p->c, o->now)) < 0)
				p->client_err = r;
		}
		office_settle(o);
	}
}

/* One more client, authenticated. */
static inline struct post *
office_client(struct office *o, unsigned who)
{
	struct post *p = office_post(o, who, ALL_MAY);

	office_settle(o);
	assert_int_equal(p->seen[VZ_RELAY_EVENT_PEER], 1);
	return p;
}

static inline struct post *
office_listener(struct office *o, unsigned who)
{
	struct post *p = office_client(o, who);

	assert_int_equal(vz_relay_client_register(p->c, 0), 0);
	office_settle(o);
	return p;
}

/* Bytes that only this number has; the caller frees them. */
static inline uint8_t *
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

/* Says DEPOSIT for these bytes, which have to stay; they go as there is room. */
static inline void
post_deposits(struct post *p, unsigned to, const uint8_t *bytes, size_t size)
{
	uint8_t content[VZ_RELAY_CONTENT];

	vz_blake2b_256(NULL, 0, bytes, size, NULL, 0, content);
	assert_int_equal(vz_relay_client_deposit(p->c, people_key(to), content, size, 0), 0);
	p->sending = bytes;
	p->sent = 0;
}

/* Deposits bytes_of(n, size) to its end. */
static inline void
post_leaves(struct office *o, struct post *p, unsigned to, unsigned n, size_t size)
{
	uint8_t *bytes = bytes_of(n, size);

	post_deposits(p, to, bytes, size);
	office_settle(o);
	p->sending = NULL;
	free(bytes);
}

#endif
