/*
 * storer: uses a store by chance and says what was acknowledged; and tells later whether it was
 *true.
 *
 *	storer run [--weak] [--ops N] [--ready-fd N] --seed S DIR
 *	storer verify DIR LOG
 *
 * run deposits messages of many sizes, some of them twice, collects them and removes about half,
 *with much of it under way at once, until N deposits were acknowledged (for ever without) and
 *everything is answered. The seed has to be another one for each run on a DIR. A message is known
 *by its number, of which its bytes, mailbox and depositor follow. On stdout are lines
 *
 *	B N		message N is about to be deposited
 *	D N SEQ		it was acknowledged
 *	C N SEQ		all of it was read
 *	R N		it is about to be removed
 *	G N		that was acknowledged
 *
 * --weak opens the store with synchronous=NORMAL. A line is written to descriptor --ready-fd, which
 *is then closed, after the first acknowledgement. verify looks at a store after the end of a run of
 * which LOG is the output, whatever that end was; a line cut short at its end does not count. It
 * checks, collects, deposits again what was acknowledged, and removes everything, so that another
 * run may follow. Its one line on stdout,
 *
 *	acknowledged N gone N lost N back N twice N torn N unsound N
 *
 * tells how many were acknowledged, and their removal too; and, which has to be nothing, how many
 *are acknowledged but not there, removed but there again, there twice or taken again as new (or
 *with a number used before), not whole or never deposited, and what fsck found.
 *
 * Status 1 when there was anything of these, 64 wrong use, 71 the store cannot be opened, 74 it
 * failed, 70 a bug.
 */
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "tests/fault/storer_messages.h"
#include "tests/fault/storer_verify.h"

#define SLOTS 12 /* deposits under way */

struct slot {
	struct vz_store_deposit *deposit;
	uint64_t number;
	uint8_t *bytes;
	size_t size, at;
	bool used;
};

/* One mailbox being emptied: a list, then each entry is read, and removed or not. */
struct reader {
	struct vz_key box;
	struct vz_store_entry entries[8];
	size_t count, at;
	uint64_t after, offset, number;
	bool busy;
};

static struct {
	struct vz_store *store;
	uint64_t seed, next, luck, acked, wanted;
	struct slot slots[SLOTS];
	struct reader readers[MAILBOXES];
	uint64_t *number_of; /* by seq, as acknowledged */
	size_t cap;
	char said[65536];
	size_t said_len;
	int ready_fd;
} run = {.ready_fd = -1};

static uint64_t
chance(void)
{
	return mix(run.luck++);
}

static void
flush(void)
{
	size_t at = 0;

	while (at < run.said_len) {
		ssize_t n = write(STDOUT_FILENO, run.said + at, run.said_len - at);

		if (n < 0)
			err(71, "stdout");
		at += (size_t)n;
	}
	run.said_len = 0;
}

static void
say(char what, uint64_t number, uint64_t seq)
{
	char *p = run.said + run.said_len;
	size_t room = sizeof(run.said) - run.said_len;

	if (seq != 0)
		run.said_len += (size_t)snprintf(p, room, "%c %llu %llu\n", what,
		    (unsigned long long)number, (unsigned long long)seq);
	else
		run.said_len +=
		    (size_t)snprintf(p, room, "%c %llu\n", what, (unsigned long long)number);
	if (run.said_len > sizeof(run.said) - 100)
		flush();
}

/* A request that could not be made. */
static void
must(int64_t r, const char *what)
{
	if (r < 0)
		errx(r == VZ_ENOMEM ? 71 : 70, "%s: %s", what, vz_strerror((int)r));
}

static uint64_t
number_of(uint64_t seq)
{
	return seq < run.cap ? run.number_of[seq] : 0;
}

static void
remember(uint64_t seq, uint64_t number)
{
	if (seq >= run.cap) {
		size_t cap = (size_t)seq * 2 + 1024;

		if ((run.number_of = realloc(run.number_of, cap * sizeof(uint64_t))) == NULL)
			err(71, "realloc");
		memset(run.number_of + run.cap, 0, (cap - run.cap) * sizeof(uint64_t));
		run.cap = cap;
	}
	run.number_of[seq] = number;
}

static void
push(struct slot *s)
{
	while (s->at < s->size) {
		size_t n = s->size - s->at < 20000 ? s->size - s->at : 20000;
		int64_t took = vz_store_append(s->deposit, s->bytes + s->at, n);

		must(took, "append");
		s->at += (size_t)took;
		if ((size_t)took < n)
			return;
	}
	must(vz_store_finish(s->deposit), "finish");
}

static void
tell_ready(void)
{
	if (run.ready_fd >= 0 &&
	    (write(run.ready_fd, "ready\n", 6) != 6 || close(run.ready_fd) < 0))
		err(71, "--ready-fd");
	run.ready_fd = -1;
}

static void
on_deposit(void *arg, const struct vz_store_answer *a)
{
	struct slot *s = arg;

	if (a->err == 0 && a->more) {
		push(s);
		return;
	}
	if (a->err == 0) {
		remember(a->seq, s->number);
		say('D', s->number, a->seq);
		run.acked++;
		tell_ready();
	} else if (a->err != VZ_ESYSTEM && a->err != VZ_ENOMEM && a->err != VZ_EFULL) {
		errx(70, "deposit: %s", vz_strerror(a->err));
	}
	free(s->bytes);
	s->used = false;
}

static void
deposit(struct slot *s)
{
	struct vz_store_mail mail;
	uint64_t c = chance();

	/* An old one now and then, wherever it is by now. */
	s->number = run.seed * RUN_NUMBERS +
	    (c % 8 == 0 && run.next > 0 ? (c >> 8) % run.next : run.next++);
	s->bytes = message(s->number, &mail);
	s->size = (size_t)mail.size;
	s->at = 0;
	s->used = true;
	/* Said before it can be on the disk, as a removal is. */
	say('B', s->number, 0);
	flush();
	must(vz_store_deposit(run.store, &mail, on_deposit, s, &s->deposit), "deposit");
	push(s);
}

static void next_read(struct reader *r);

static void
on_remove(void *arg, const struct vz_store_answer *a)
{
	struct reader *r = arg;

	if (a->err == 0)
		say('G', r->number, 0);
	r->at++;
	next_read(r);
}

static void
on_read(void *arg, const struct vz_store_answer *a)
{
	struct reader *r = arg;
	uint64_t seq = r->entries[r->at].seq;

	r->offset += a->len;
	if (a->err == 0 && a->more) {
		next_read(r);
		return;
	}
	r->offset = 0;
	r->number = number_of(seq);
	/* One whose acknowledgement was not read yet has no number that we know. */
	if (a->err == 0 && r->number != 0) {
		say('C', r->number, seq);
		if (chance() % 2 == 0) {
			say('R', r->number, 0);
			flush();
			must(
			    vz_store_remove(run.store, &r->box, seq, on_remove, r, NULL), "remove");
			return;
		}
	}
	r->at++;
	next_read(r);
}

static void
next_read(struct reader *r)
{
	r->busy = r->at < r->count;
	if (r->busy)
		must(vz_store_read(
			 run.store, &r->box, r->entries[r->at].seq, r->offset, on_read, r, NULL),
		    "read");
}

static void
on_list(void *arg, const struct vz_store_answer *a)
{
	struct reader *r = arg;

	r->count = a->err == 0 ? a->count : 0;
	r->at = 0;
	if (r->count > 0) {
		memcpy(r->entries, a->entries, r->count * sizeof(*a->entries));
		r->after = r->entries[r->count - 1].seq;
	} else {
		r->after = 0;
	}
	next_read(r);
}

static void
on_sweep(void *arg, const struct vz_store_answer *a)
{
	(void)arg;
	(void)a;
}

static bool
begin_some(bool more)
{
	bool under_way = false;

	for (int i = 0; i < SLOTS; i++) {
		if (!run.slots[i].used && more)
			deposit(&run.slots[i]);
		under_way |= run.slots[i].used;
	}
	for (int i = 0; i < MAILBOXES; i++) {
		struct reader *r = &run.readers[i];

		if (!r->busy && more) {
			r->box = mailbox((unsigned)i);
			r->busy = true;
			must(vz_store_list(run.store, &r->box, r->after, NOW, 8, on_list, r, NULL),
			    "list");
		}
		under_way |= r->busy;
	}
	if (more && chance() % 8 == 0)
		must(vz_store_sweep(run.store, NOW, 16, on_sweep, NULL, NULL), "sweep");
	return under_way;
}

static int
do_run(const char *dir, bool weak)
{
	struct pollfd p = {.events = POLLIN};
	int r = 0;

	run.store = open_store(dir, weak);
	run.luck = run.seed << 32;
	if (vz_store_start(run.store) != 0)
		err(71, "the store's thread");
	p.fd = vz_store_fd(run.store);
	while (r == 0 && begin_some(run.acked < run.wanted)) {
		flush();
		poll(&p, 1, -1);
		r = vz_store_run(run.store);
	}
	flush();
	if (r != 0)
		warnx("%s", vz_store_words(run.store));
	for (int i = 0; i < SLOTS; i++)
		if (run.slots[i].used)
			free(run.slots[i].bytes);
	vz_store_close(run.store);
	free(run.number_of);
	return r == 0 ? 0 : 74;
}

static int
usage(void)
{
	fputs("usage: storer run [--weak] [--ops N] [--ready-fd N] --seed S DIR\n       storer "
	      "verify DIR LOG\n",
	    stderr);
	return 64;
}

int
main(int argc, char **argv)
{
	bool weak = false;
	int i = 2;

	if (vz_secret_init() != 0)
		return 71;
	if (argc == 4 && strcmp(argv[1], "verify") == 0)
		return verify(argv[2], argv[3]);
	if (argc < 3 || strcmp(argv[1], "run") != 0)
		return usage();
	run.wanted = UINT64_MAX;
	for (; i < argc - 1; i++) {
		if (strcmp(argv[i], "--weak") == 0)
			weak = true;
		else if (strcmp(argv[i], "--ops") == 0)
			run.wanted = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--ready-fd") == 0)
			run.ready_fd = atoi(argv[++i]);
		else if (strcmp(argv[i], "--seed") == 0)
			run.seed = strtoull(argv[++i], NULL, 10);
		else
			return usage();
	}
	return i == argc - 1 && run.seed > 0 ? do_run(argv[i], weak) : usage();
}
