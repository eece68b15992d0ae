/* The relay's mailboxes, from the clients' side, with a store on disk. */
#include "tests/unit/mail_world.h"
#include "tests/unit/step.h"
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/syscall.h>

/* In the place of libc's, for SQLite too. */
static atomic_bool breaks;

int
fdatasync(int fd)
{
	if (atomic_load(&breaks)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static bool
has(const struct post *p, unsigned n, size_t size)
{
	uint8_t *bytes = bytes_of(n, size);
	bool same = p->body.len == size && memcmp(vz_buf_ptr(&p->body), bytes, size) == 0;

	free(bytes);
	return same;
}

static void
collect(struct office *o, struct post *p, uint64_t after)
{
	assert_int_equal(vz_relay_client_collect(p->c, after), 0);
	office_settle(o);
}

static void
what_is_deposited_is_collected_taken_and_gone(void **state)
{
	static const size_t sizes[] = {1, 1000, 65536, 65537, 200000, 1000000};
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE), *bob = office_client(o, BOB);
	uint64_t seq = 0;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		post_leaves(o, alice, BOB, i, sizes[i]);
		assert_int_equal(alice->last.type, VZ_RELAY_EVENT_DEPOSITED);
		assert_false(alice->last.duplicate);
		assert_true(alice->last.number > seq);
		assert_true(vz_key_equal(&alice->last.key, people_key(BOB)));
		seq = alice->last.number;
	}
	seq = 0;
	for (unsigned i = 0; i < 6; i++) {
		collect(o, bob, seq);
		assert_int_equal(bob->seen[VZ_RELAY_EVENT_ENTRY], i + 1);
		assert_int_equal(bob->last.type, VZ_RELAY_EVENT_PIECE);
		assert_true(bob->last.number > seq);
		seq = bob->last.number;
		assert_true(has(bob, i, sizes[i]));
	}
	collect(o, bob, seq);
	assert_int_equal(bob->last.type, VZ_RELAY_EVENT_NOTHING);
	/* They are there until they are taken. */
	collect(o, bob, 0);
	assert_true(has(bob, 0, sizes[0]));
	assert_int_equal(vz_relay_client_taken(bob->c, bob->last.number), 0);
	office_settle(o);
	assert_int_equal(bob->last.type, VZ_RELAY_EVENT_REMOVED);
	assert_int_equal(vz_relay_client_taken(bob->c, bob->last.number), 0);
	office_settle(o);
	assert_int_equal(bob->last.type, VZ_RELAY_EVENT_REFUSED);
	assert_int_equal(bob->last.status, 69);
	assert_int_equal(bob->last.of, VZ_RELAY_TAKEN);
	collect(o, bob, 0);
	assert_true(has(bob, 1, sizes[1]));
	office_end(o);
}

static void
an_entry_says_who_left_it_when_and_until_when(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE), *bob = office_client(o, BOB);
	uint8_t content[VZ_RELAY_CONTENT], *bytes = bytes_of(1, 100);
	struct vz_relay_event ev = {0};

	(void)state;
	vz_blake2b_256(NULL, 0, bytes, 100, NULL, 0, content);
	post_leaves(o, alice, BOB, 1, 100);
	assert_int_equal(vz_relay_client_collect(bob->c, 0), 0);
	for (unsigned i = 0; i < 10 && ev.type != VZ_RELAY_EVENT_ENTRY; i++) {
		up(o, bob);
		assert_int_equal(vz_store_wait(o->store, PATIENT), 0);
		/* Only the entry's own frame. */
		size_t n, room;
		const uint8_t *out = vz_relay_serve_out(bob->box.serve, &n);
		uint8_t *to = vz_relay_client_space(bob->c, &room);

		memcpy(to, out, n);
		vz_relay_client_fed(bob->c, n, o->now);
		vz_relay_serve_sent(bob->box.serve, n, o->now);
		vz_relay_client_next(bob->c, &ev);
	}
	assert_int_equal(ev.type, VZ_RELAY_EVENT_ENTRY);
	assert_true(vz_key_equal(&ev.key, people_key(ALICE)));
	assert_memory_equal(ev.content, content, sizeof content);
	assert_true(ev.size == 100 && ev.deposited == o->unix_s);
	assert_true(ev.expires == o->unix_s + VZ_MAILBOX_TTL);
	free(bytes);
	office_end(o);
}

static void
nobody_sees_another_s_mailbox(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE), *mallory = office_client(o, MALLORY);
	struct post *bob = office_client(o, BOB);
	uint64_t seq;

	(void)state;
	post_leaves(o, alice, BOB, 1, 100);
	seq = alice->last.number;
	collect(o, mallory, 0);
	assert_int_equal(mallory->last.type, VZ_RELAY_EVENT_NOTHING);
	assert_int_equal(vz_relay_client_taken(mallory->c, seq), 0);
	office_settle(o);
	assert_int_equal(mallory->last.status, 69);
	collect(o, bob, 0);
	assert_true(has(bob, 1, 100));
	office_end(o);
}

static void
many_requests_are_answered_in_their_order(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE);
	uint8_t *bytes[VZ_RELAY_ASKED_MAX], content[32] = {0};
	uint64_t seq = 0;

	(void)state;
	/* All is under way before anything is answered. */
	for (unsigned i = 0; i < VZ_RELAY_ASKED_MAX; i++) {
		bytes[i] = bytes_of(i, 3000);
		up(o, alice); /* the store's answers wait until it is asked for them */
		if (i % 8 == 3) {
			assert_int_equal(vz_relay_client_bundle(alice->c, people_key(BOB)), 0);
			continue;
		}
		post_deposits(alice, BOB, bytes[i], 3000);
		assert_int_equal(vz_relay_client_part(alice->c, bytes[i], 3000), 3000);
	}
	assert_int_equal(vz_relay_client_asked(alice->c), VZ_RELAY_ASKED_MAX);
	assert_int_equal(vz_relay_client_taken(alice->c, 1), VZ_EFULL);
	assert_int_equal(
	    vz_relay_client_deposit(alice->c, people_key(BOB), content, 1, 0), VZ_EFULL);
	alice->sending = NULL;
	for (unsigned i = 0; i < VZ_RELAY_ASKED_MAX; i++) {
		unsigned before = alice->events;

		while (alice->events == before) {
			up(o, alice);
			down(o, alice);
			assert_int_equal(vz_store_wait(o->store, PATIENT), 0);
			alice->deaf = false;
		}
		if (alice->events > before + 1)
			break; /* several came at once: counted below */
		assert_int_equal(alice->last.type,
		    i % 8 == 3 ? VZ_RELAY_EVENT_REFUSED : VZ_RELAY_EVENT_DEPOSITED);
	}
	office_settle(o);
	assert_int_equal(alice->client_err, 0);
	assert_int_equal(alice->seen[VZ_RELAY_EVENT_DEPOSITED], 56);
	assert_int_equal(alice->seen[VZ_RELAY_EVENT_REFUSED], 8);
	struct post *bob = office_client(o, BOB);
	for (unsigned i = 0; i < VZ_RELAY_ASKED_MAX; i++) {
		if (i % 8 != 3) {
			collect(o, bob, seq);
			assert_true(has(bob, i, 3000));
			seq = bob->last.number;
		}
		free(bytes[i]);
	}
	office_end(o);
}

static void
requests_of_all_kinds_keep_their_order_behind_a_long_message(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE);
	uint8_t *first = bytes_of(1, 300000), *second = bytes_of(2, 100);
	struct post *self = office_client(o, ALICE);

	(void)state;
	post_leaves(o, alice, ALICE, 9, 100000);
	/* A question about what is there, a long deposit, a short one, a removal of nothing. */
	assert_int_equal(vz_relay_client_collect(self->c, 0), 0);
	post_deposits(self, ALICE, first, 300000);
	for (unsigned i = 0; i < 1000 && vz_relay_client_missing(self->c) > 0; i++) {
		goes_on_sending(self);
		up(o, self);
		down(o, self);
		assert_int_equal(vz_store_wait(o->store, PATIENT), 0);
	}
	assert_true(vz_relay_client_missing(self->c) == 0);
	post_deposits(self, ALICE, second, 100);
	goes_on_sending(self);
	assert_int_equal(vz_relay_client_taken(self->c, 99), 0);
	office_settle(o);
	assert_int_equal(self->seen[VZ_RELAY_EVENT_ENTRY], 1);
	assert_int_equal(self->seen[VZ_RELAY_EVENT_DEPOSITED], 2);
	assert_int_equal(self->last.type, VZ_RELAY_EVENT_REFUSED);
	assert_true(has(self, 9, 100000));
	assert_int_equal(self->client_err, 0);
	free(first);
	free(second);
	office_end(o);
}

static void
the_same_deposit_again_is_a_duplicate_and_needs_none_of_its_bytes(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE);
	uint64_t seq;

	(void)state;
	post_leaves(o, alice, BOB, 1, 5000000);
	seq = alice->last.number;
	post_leaves(o, alice, BOB, 1, 5000000);
	assert_int_equal(alice->last.type, VZ_RELAY_EVENT_DEPOSITED);
	assert_true(alice->last.duplicate && alice->last.number == seq);
	assert_true(alice->sent < 5000000);
	assert_true(vz_relay_client_missing(alice->c) == 0);
	/* The connection goes on, and what crossed the answer has given its room back. */
	for (unsigned i = 0; i < 20; i++) {
		post_leaves(o, alice, BOB, 100 + i, 60000);
		assert_int_equal(alice->last.type, VZ_RELAY_EVENT_DEPOSITED);
	}
	assert_int_equal(vz_mailbox_stats(o->box)->deposits, 21);
	assert_int_equal(vz_mailbox_stats(o->box)->duplicates, 1);
	office_end(o);
}

static void
bytes_other_than_announced_are_refused_with_65_and_not_kept(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE), *bob = office_client(o, BOB);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		size_t size = i == 0 ? 1000 : 200000;
		uint8_t *bytes = bytes_of(1, size);

		post_deposits(alice, BOB, bytes, size);
		bytes[size - 1] ^= 1;
		office_settle(o);
		assert_int_equal(alice->last.type, VZ_RELAY_EVENT_REFUSED);
		assert_int_equal(alice->last.status, 65);
		assert_int_equal(alice->last.of, VZ_RELAY_DEPOSIT);
		free(bytes);
	}
	assert_int_equal(vz_mailbox_stats(o->box)->refused[VZ_MAILBOX_HASH], 2);
	collect(o, bob, 0);
	assert_int_equal(bob->last.type, VZ_RELAY_EVENT_NOTHING);
	office_end(o);
}

static void
full_quotas_are_75_with_words_that_say_which(void **state)
{
	struct vz_store_limits limits = {.each = {.mailbox_messages = 2}};
	struct office *o = office_begin(&limits);
	struct post *alice = office_client(o, ALICE);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		post_leaves(o, alice, BOB, i, 100);
	assert_int_equal(alice->last.status, 75);
	assert_string_equal((char *)alice->words, "this mailbox is full");
	/* A long one is refused before all of it is here, and the connection goes on. */
	post_leaves(o, alice, BOB, 7, 4000000);
	assert_int_equal(alice->last.status, 75);
	assert_true(alice->sent < 4000000);
	assert_int_equal(vz_mailbox_stats(o->box)->refused[VZ_MAILBOX_FULL_MAILBOX], 2);
	alice->box.quota.depositor_bytes = 300;
	post_leaves(o, alice, MALLORY, 8, 300);
	assert_int_equal(alice->last.status, 75);
	assert_string_equal((char *)alice->words, "too much of this key is kept here");
	assert_int_equal(vz_mailbox_stats(o->box)->refused[VZ_MAILBOX_FULL_DEPOSITOR], 1);
	post_leaves(o, alice, MALLORY, 8, 100);
	assert_int_equal(alice->last.type, VZ_RELAY_EVENT_DEPOSITED);
	office_end(o);
}

static void
what_this_key_may_not_deposit_here_is_told_from_what_nobody_could(void **state)
{
	static const struct {
		int says;
		uint8_t status;
		enum vz_mailbox_reason reason;
	} cases[] = {{VZ_ENOTFOUND, 69, VZ_MAILBOX_UNKNOWN}, {VZ_EFULL, 75, VZ_MAILBOX_BUSY},
	    {VZ_EDENIED, 77, VZ_MAILBOX_DENIED}};
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE);
	uint8_t content[VZ_RELAY_CONTENT] = {0};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		o->may_deposit = cases[i].says;
		post_leaves(o, alice, BOB, i, 100000);
		assert_int_equal(alice->last.status, cases[i].status);
		assert_int_equal(vz_mailbox_stats(o->box)->refused[cases[i].reason], 1);
	}
	o->may_deposit = 0;
	alice->box.max_size = 99;
	post_leaves(o, alice, BOB, 1, 100);
	assert_int_equal(alice->last.status, 77);
	post_leaves(o, alice, BOB, 1, 99);
	assert_int_equal(alice->last.type, VZ_RELAY_EVENT_DEPOSITED);
	/* Past its time; kept for too long. */
	assert_int_equal(
	    vz_relay_client_deposit(alice->c, people_key(BOB), content, 1, o->unix_s), 0);
	office_settle(o);
	assert_int_equal(alice->last.status, 65);
	assert_int_equal(
	    vz_relay_client_deposit(alice->c, people_key(BOB), content, 1, o->unix_s + 31 * 86400),
	    0);
	office_settle(o);
	assert_int_equal(alice->last.status, 77);
	assert_int_equal(vz_mailbox_stats(o->box)->refused[VZ_MAILBOX_LIMIT], 2);
	office_end(o);
}

static void
a_request_without_its_right_is_refused_with_77(void **state)
{
	static const unsigned may[] = {VZ_RELAY_MAY_CONNECT | VZ_RELAY_MAY_DEPOSIT,
	    VZ_RELAY_MAY_CONNECT | VZ_RELAY_MAY_REGISTER, VZ_RELAY_MAY_REGISTER};
	struct office *o = office_begin(NULL);
	uint8_t content[VZ_RELAY_CONTENT] = {0};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct post *p = office_post(o, ALICE, may[i < 2 ? 0 : i == 2 ? 1 : 2]);

		office_settle(o);
		switch (i) {
		case 0: vz_relay_client_collect(p->c, 0); break;
		case 1: vz_relay_client_taken(p->c, 1); break;
		case 2:
		case 3: vz_relay_client_deposit(p->c, people_key(BOB), content, 1, 0); break;
		default: vz_relay_client_bundle(p->c, people_key(BOB));
		}
		office_settle(o);
		assert_int_equal(p->last.type, VZ_RELAY_EVENT_CLOSE);
		assert_int_equal(p->last.status, 77);
		assert_int_equal(p->serve_err, VZ_EDENIED);
	}
	office_end(o);
}

static void
who_registers_leaves_a_bundle_that_others_are_given(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE), *bob;
	uint8_t want[VZ_BUNDLE_LEN];

	(void)state;
	assert_int_equal(vz_relay_client_bundle(alice->c, people_key(BOB)), 0);
	office_settle(o);
	assert_int_equal(alice->last.type, VZ_RELAY_EVENT_REFUSED);
	assert_int_equal(alice->last.status, 69);
	assert_true(vz_key_equal(&alice->last.key, people_key(BOB)));
	bob = office_listener(o, BOB);
	assert_int_equal(bob->last.type, VZ_RELAY_EVENT_REGISTERED);
	assert_int_equal(vz_relay_client_bundle(alice->c, people_key(BOB)), 0);
	office_settle(o);
	assert_int_equal(alice->last.type, VZ_RELAY_EVENT_BUNDLE);
	vz_bundle_encode(&people[BOB]->bundle, want);
	assert_memory_equal(alice->bundle, want, sizeof want);
	/* The relay was started anew. */
	office_shuts(o);
	office_opens(o, NULL);
	alice = office_client(o, ALICE);
	assert_int_equal(vz_relay_client_bundle(alice->c, people_key(BOB)), 0);
	office_settle(o);
	assert_int_equal(alice->last.type, VZ_RELAY_EVENT_BUNDLE);
	office_end(o);
}

static void
an_older_bundle_and_another_of_the_same_serial_are_refused_with_77(void **state)
{
	struct vz_identity *id = people[BOB];
	struct vz_bundle own = id->bundle;
	struct office *o = office_begin(NULL);
	struct post *bob;

	(void)state;
	id->bundle.serial = 100;
	vz_identity_certify(id);
	bob = office_listener(o, BOB);
	assert_false(bob->box.refused);
	id->bundle.serial = 99;
	vz_identity_certify(id);
	bob = office_listener(o, BOB);
	assert_true(bob->box.refused);
	assert_int_equal(bob->last.status, 77);
	assert_string_equal(
	    (char *)bob->words, "an older bundle of this key than one already seen");
	id->bundle.serial = 100;
	id->bundle.not_after = 4000000000;
	vz_identity_certify(id);
	bob = office_listener(o, BOB);
	assert_int_equal(bob->last.status, 77);
	assert_string_equal((char *)bob->words, "two hosts share this identity");
	assert_int_equal(vz_mailbox_stats(o->box)->refused[VZ_MAILBOX_BUNDLE], 2);
	id->bundle = own;
	office_end(o);
}

static void
a_listener_is_told_of_mail_that_waits_and_of_mail_that_comes(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE), *bob = office_listener(o, BOB), *again;

	(void)state;
	assert_int_equal(bob->seen[VZ_RELAY_EVENT_MAIL], 0);
	post_leaves(o, alice, BOB, 1, 100);
	assert_int_equal(bob->seen[VZ_RELAY_EVENT_MAIL], 1);
	/* A duplicate is no news, nor is another's mail. */
	o->now += 1000;
	post_leaves(o, alice, BOB, 1, 100);
	post_leaves(o, alice, MALLORY, 1, 100);
	assert_int_equal(bob->seen[VZ_RELAY_EVENT_MAIL], 1);
	/* Who comes later hears of what waits; and from then on it is that one that is told. */
	again = office_listener(o, BOB);
	assert_int_equal(again->seen[VZ_RELAY_EVENT_MAIL], 1);
	o->now += 1000;
	post_goes(bob);
	post_leaves(o, alice, BOB, 2, 100000);
	assert_int_equal(bob->seen[VZ_RELAY_EVENT_MAIL], 1);
	assert_int_equal(again->seen[VZ_RELAY_EVENT_MAIL], 2);
	/* When that has gone, nobody is. */
	post_goes(again);
	post_leaves(o, alice, BOB, 3, 100);
	assert_int_equal(vz_mailbox_stats(o->box)->notices, 3);
	office_end(o);
}

static void
a_listener_that_does_not_read_is_told_once_however_much_comes(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE), *bob = office_listener(o, BOB);
	size_t n;

	(void)state;
	bob->deaf = true;
	for (unsigned i = 0; i < 50; i++) {
		post_leaves(o, alice, BOB, i, 100);
		o->now += 1000;
	}
	vz_relay_serve_out(bob->box.serve, &n);
	assert_true(n < 100);
	bob->deaf = false;
	office_settle(o);
	assert_int_equal(bob->seen[VZ_RELAY_EVENT_MAIL], 2); /* the first, and one for the rest */
	/* Nor is one that reads told more often than ten times a second. */
	o->now += 1000;
	for (unsigned i = 0; i < 50; i++) {
		post_leaves(o, alice, BOB, 100 + i, 100);
		o->now += 10;
	}
	assert_in_range(bob->seen[VZ_RELAY_EVENT_MAIL], 6, 8);
	office_end(o);
}

static void
a_depositor_that_goes_before_its_answer_has_left_its_mail_all_the_same(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE), *bob = office_listener(o, BOB);
	uint8_t *bytes = bytes_of(1, 1000);

	(void)state;
	post_deposits(alice, BOB, bytes, 1000);
	goes_on_sending(alice);
	up(o, alice);
	post_goes(alice); /* the store has all of it, and has not answered */
	alice->sending = NULL;
	office_settle(o);
	assert_int_equal(alice->seen[VZ_RELAY_EVENT_DEPOSITED], 0);
	assert_int_equal(bob->seen[VZ_RELAY_EVENT_MAIL], 1);
	assert_int_equal(vz_mailbox_stats(o->box)->deposits, 1);
	/* And one that goes in the middle has left nothing, however long it was. */
	for (unsigned i = 0; i < 2; i++) {
		size_t size = i == 0 ? 1000 : 1000000;
		uint8_t *more = bytes_of(2 + i, size);

		alice = office_client(o, ALICE);
		post_deposits(alice, BOB, more, size);
		assert_true(vz_relay_client_part(alice->c, more, size / 2) > 0);
		alice->sending = NULL;
		office_settle(o);
		post_goes(alice);
		free(more);
	}
	office_settle(o);
	assert_int_equal(vz_mailbox_stats(o->box)->deposits, 1);
	free(bytes);
	office_end(o);
}

static void
a_collector_that_goes_in_the_middle_disturbs_nobody(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE), *bob;

	(void)state;
	post_leaves(o, alice, BOB, 1, 1000000);
	for (unsigned i = 0; i < 12; i++) {
		bob = office_client(o, BOB);
		assert_int_equal(vz_relay_client_collect(bob->c, 0), 0);
		assert_int_equal(vz_relay_client_taken(bob->c, 77), 0);
		up(o, bob);
		for (unsigned k = 0; k < i; k++) {
			assert_int_equal(vz_store_wait(o->store, PATIENT), 0);
			down(o, bob);
		}
		post_goes(bob);
		assert_false(vz_mailbox_busy(&bob->box));
	}
	bob = office_client(o, BOB);
	collect(o, bob, 0);
	assert_true(has(bob, 1, 1000000));
	office_end(o);
}

/* Of a long message no more is here at any time than a little. */
static void
a_collector_that_does_not_read_makes_no_more_than_a_little_wait(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE), *bob = office_client(o, BOB);
	const size_t size = VZ_RELAY_MAIL_MAX / (test_step(1) > 1 ? 16u : 1u);
	size_t n;

	(void)state;
	post_leaves(o, alice, BOB, 1, size);
	assert_int_equal(alice->last.type, VZ_RELAY_EVENT_DEPOSITED);
	bob->deaf = true;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(vz_relay_client_collect(bob->c, 0), 0);
	office_settle(o);
	vz_relay_serve_out(bob->box.serve, &n);
	assert_in_range(n, VZ_RELAY_OUT_STUCK, VZ_RELAY_OUT_STUCK + 2 * VZ_STORE_CHUNK);
	assert_true(vz_relay_serve_stuck(bob->box.serve));
	/* It is given up after a minute of that; one that reads slowly is not. */
	office_pass(o, 59000);
	assert_false(bob->gone);
	bob->deaf = false;
	office_settle(o);
	assert_true(has(bob, 1, size));
	bob->deaf = true;
	assert_int_equal(vz_relay_client_collect(bob->c, 0), 0);
	office_settle(o);
	office_pass(o, 61000);
	assert_true(bob->gone);
	assert_int_equal(bob->serve_err, VZ_ETIMEOUT);
	office_end(o);
}

static void
a_message_that_is_taken_while_another_collects_it_is_refused_in_the_middle(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE), *bob = office_client(o, BOB);
	struct post *other = office_client(o, BOB);

	(void)state;
	post_leaves(o, alice, BOB, 1, 1000000);
	bob->deaf = true;
	assert_int_equal(vz_relay_client_collect(bob->c, 0), 0);
	office_settle(o);
	assert_int_equal(vz_relay_client_taken(other->c, alice->last.number), 0);
	office_settle(o);
	assert_int_equal(other->last.type, VZ_RELAY_EVENT_REMOVED);
	bob->deaf = false;
	office_settle(o);
	assert_int_equal(bob->last.type, VZ_RELAY_EVENT_REFUSED);
	assert_int_equal(bob->last.status, 69);
	assert_int_equal(bob->last.of, VZ_RELAY_NEXT);
	assert_true(bob->body.len > 0 && bob->body.len < 1000000);
	collect(o, bob, 0);
	assert_int_equal(bob->last.type, VZ_RELAY_EVENT_NOTHING);
	assert_int_equal(bob->client_err, 0);
	office_end(o);
}

static void
what_has_expired_is_not_handed_out_and_is_swept(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE), *bob = office_client(o, BOB);

	(void)state;
	for (unsigned i = 0; i < 30; i++)
		post_leaves(o, alice, BOB, i, 100);
	o->unix_s += VZ_MAILBOX_TTL;
	post_leaves(o, alice, BOB, 99, 100);
	collect(o, bob, 0);
	assert_true(has(bob, 99, 100));
	vz_mailbox_sweep(o->box);
	vz_mailbox_sweep(o->box);
	office_settle(o);
	assert_true(vz_mailbox_stats(o->box)->swept >= 30);
	office_end(o);
}

/* Until the store, which has failed, has answered. */
static void
failed_answers(struct office *o, struct post *p)
{
	struct pollfd fd = {.fd = vz_store_fd(o->store), .events = POLLIN};
	int r = 0;

	for (office_moves(o); p->seen[VZ_RELAY_EVENT_REFUSED] == 0; office_moves(o)) {
		assert_int_equal(poll(&fd, 1, PATIENT), 1);
		r = vz_store_run(o->store);
	}
	assert_int_equal(r, VZ_ESYSTEM);
}

static void
after_the_store_has_failed_nothing_is_acknowledged(void **state)
{
	struct office *o = office_begin(NULL);
	struct post *alice = office_client(o, ALICE), *bob = office_client(o, BOB);
	uint8_t *bytes = bytes_of(1, 100);

	(void)state;
	post_deposits(alice, BOB, bytes, 100);
	atomic_store(&breaks, true);
	goes_on_sending(alice);
	up(o, alice);
	failed_answers(o, alice);
	assert_int_equal(alice->last.status, 71);
	assert_int_equal(vz_relay_client_collect(bob->c, 0), 0);
	failed_answers(o, bob);
	assert_int_equal(bob->last.status, 71);
	assert_int_equal(vz_mailbox_stats(o->box)->deposits, 0);
	atomic_store(&breaks, false);
	free(bytes);
	office_end(o);
}

static void
every_reason_has_a_name_and_who_never_asked_may_go(void **state)
{
	struct vz_mailbox_client none = {0};

	(void)state;
	vz_mailbox_gone(&none);
	assert_string_equal(vz_mailbox_reason_name(VZ_MAILBOX_FULL_DISK), "disk_full");
	for (unsigned i = 0; i < VZ_MAILBOX_REASONS; i++)
		assert_non_null(vz_mailbox_reason_name((enum vz_mailbox_reason)i));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_deposited_is_collected_taken_and_gone),
	    cmocka_unit_test(an_entry_says_who_left_it_when_and_until_when),
	    cmocka_unit_test(nobody_sees_another_s_mailbox),
	    cmocka_unit_test(many_requests_are_answered_in_their_order),
	    cmocka_unit_test(requests_of_all_kinds_keep_their_order_behind_a_long_message),
	    cmocka_unit_test(the_same_deposit_again_is_a_duplicate_and_needs_none_of_its_bytes),
	    cmocka_unit_test(bytes_other_than_announced_are_refused_with_65_and_not_kept),
	    cmocka_unit_test(full_quotas_are_75_with_words_that_say_which),
	    cmocka_unit_test(what_this_key_may_not_deposit_here_is_told_from_what_nobody_could),
	    cmocka_unit_test(a_request_without_its_right_is_refused_with_77),
	    cmocka_unit_test(who_registers_leaves_a_bundle_that_others_are_given),
	    cmocka_unit_test(an_older_bundle_and_another_of_the_same_serial_are_refused_with_77),
	    cmocka_unit_test(a_listener_is_told_of_mail_that_waits_and_of_mail_that_comes),
	    cmocka_unit_test(a_listener_that_does_not_read_is_told_once_however_much_comes),
	    cmocka_unit_test(
		a_depositor_that_goes_before_its_answer_has_left_its_mail_all_the_same),
	    cmocka_unit_test(a_collector_that_goes_in_the_middle_disturbs_nobody),
	    cmocka_unit_test(a_collector_that_does_not_read_makes_no_more_than_a_little_wait),
	    cmocka_unit_test(
		a_message_that_is_taken_while_another_collects_it_is_refused_in_the_middle),
	    cmocka_unit_test(what_has_expired_is_not_handed_out_and_is_swept),
	    cmocka_unit_test(after_the_store_has_failed_nothing_is_acknowledged),
	    cmocka_unit_test(every_reason_has_a_name_and_who_never_asked_may_go),
	};

	return cmocka_run_group_tests(tests, people_setup, people_teardown);
}
