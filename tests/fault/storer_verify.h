/* storer's other side: whether a store is as the output of a run says. Its manual is in storer.c.
 */
#ifndef VZ_STORER_VERIFY_H
#define VZ_STORER_VERIFY_H

#include <stdio.h>

#include "base/err.h"
#include "tests/fault/storer_messages.h"

/* What the output says of one message, and what is there. */
struct claim {
	uint64_t number, seq; /* seq 0: not acknowledged */
	bool removing, gone;
	unsigned there;
	uint8_t content[32];
};

static struct {
	struct vz_store *store;
	struct claim *claims; /* by number */
	size_t n, cap;
	uint64_t last_seq;
	struct vz_store_answer answer;
	struct vz_store_entry entries[VZ_STORE_LIST_MAX];
	uint8_t bytes[VZ_STORE_MESSAGE_MAX];
	size_t len;
	unsigned long acknowledged, gone, lost, back, twice, torn, unsound;
} v;

/* The claim about a number; they come in no order, but nearly. */
static struct claim *
claim_of(uint64_t number)
{
	size_t at = v.n;

	while (at > 0 && v.claims[at - 1].number > number)
		at--;
	if (at > 0 && v.claims[at - 1].number == number)
		return &v.claims[at - 1];
	if (v.n == v.cap) {
		v.cap = v.cap ? v.cap * 2 : 1024;
		if ((v.claims = realloc(v.claims, v.cap * sizeof(*v.claims))) == NULL)
			err(71, "realloc");
	}
	memmove(&v.claims[at + 1], &v.claims[at], (v.n - at) * sizeof(*v.claims));
	v.n++;
	memset(&v.claims[at], 0, sizeof(*v.claims));
	v.claims[at].number = number;
	return &v.claims[at];
}

static void
read_line(const char *line)
{
	unsigned long long number, seq = 0;
	struct claim *c;
	char what;

	if (sscanf(line, "%c %llu %llu", &what, &number, &seq) < 2)
		errx(70, "what is this: %s", line);
	c = claim_of(number);
	switch (what) {
	case 'D':
		if (c->seq != 0 && c->seq != seq)
			v.twice++;
		c->seq = seq;
		break;
	case 'R': c->removing = true; break;
	case 'G': c->gone = true; break;
	default: break;
	}
	if (seq > v.last_seq)
		v.last_seq = seq;
}

static void
read_log(const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (f == NULL)
		err(71, "%s", path);
	while ((n = getline(&line, &cap, f)) > 0)
		if (line[n - 1] == '\n')
			read_line(line);
	free(line);
	fclose(f);
	for (size_t i = 0; i < v.n; i++) {
		struct vz_store_mail mail;

		free(message(v.claims[i].number, &mail));
		memcpy(v.claims[i].content, mail.content, 32);
		v.acknowledged += v.claims[i].seq != 0;
		v.gone += v.claims[i].gone;
	}
}

static void
on_answer(void *arg, const struct vz_store_answer *a)
{
	(void)arg;
	v.answer = *a;
	if (a->entries != NULL)
		memcpy(v.entries, a->entries, a->count * sizeof(*a->entries));
	if (a->bytes != NULL && v.len + a->len <= sizeof(v.bytes)) {
		memcpy(v.bytes + v.len, a->bytes, a->len);
		v.len += a->len;
	}
}

/* Waits for the answer to what was asked. */
static int
answered(int asked)
{
	if (asked != 0 || vz_store_wait(v.store, 60000) != 0)
		errx(74, "%s %s", vz_strerror(asked), vz_store_words(v.store));
	return v.answer.err;
}

static bool
is_whole(const struct vz_key *box, const struct vz_store_entry *e)
{
	uint8_t sum[32];
	int r;

	v.len = 0;
	do {
		uint64_t offset = v.len;

		r = answered(vz_store_read(v.store, box, e->seq, offset, on_answer, NULL, NULL));
	} while (r == 0 && v.answer.more);
	vz_blake2b_256(NULL, 0, v.bytes, v.len, NULL, 0, sum);
	return r == 0 && v.len == e->size && memcmp(sum, e->content, 32) == 0;
}

static void
meet(const struct vz_key *box, const struct vz_store_entry *e)
{
	struct claim *c = NULL;

	for (size_t i = 0; i < v.n && c == NULL; i++)
		if (memcmp(v.claims[i].content, e->content, 32) == 0)
			c = &v.claims[i];
	if (c == NULL || !is_whole(box, e)) {
		v.torn++;
		return;
	}
	v.back += c->gone;
	v.twice += c->there > 0 || (c->seq != 0 && c->seq != e->seq);
	c->there++;
}

static void
look(const struct vz_key *box)
{
	struct vz_store_entry slice[VZ_STORE_LIST_MAX];
	uint64_t after = 0;
	size_t n;
	bool more;

	do {
		if (answered(vz_store_list(
			v.store, box, after, NOW, VZ_STORE_LIST_MAX, on_answer, NULL, NULL)) != 0)
			errx(74, "list");
		n = v.answer.count;
		more = v.answer.more;
		memcpy(slice, v.entries, n * sizeof(*slice));
		for (size_t i = 0; i < n; i++)
			meet(box, &slice[i]);
		if (n > 0)
			after = slice[n - 1].seq;
	} while (more);
}

/* Deposits the message with a number; the answer is in v. */
static void
deposit_again(uint64_t number)
{
	struct vz_store_deposit *d;
	struct vz_store_mail mail;
	uint8_t *p = message(number, &mail);
	uint64_t at = 0;
	int64_t n;
	int r = vz_store_deposit(v.store, &mail, on_answer, NULL, &d);

	memset(&v.answer, 0, sizeof(v.answer));
	while (r == 0 && at < mail.size && !v.answer.duplicate) {
		if ((n = vz_store_append(d, p + at, (size_t)(mail.size - at))) < 0)
			errx(70, "append");
		at += (uint64_t)n;
		if (at == mail.size)
			r = vz_store_finish(d);
		answered(r);
	}
	answered(r);
	free(p);
}

/* What was acknowledged is no news, and what is news has a number of its own. */
static void
try_again(void)
{
	unsigned tried = 0;

	for (size_t i = v.n; i-- > 0 && tried < 20;) {
		if (v.claims[i].seq == 0)
			continue;
		deposit_again(v.claims[i].number);
		v.twice += !v.answer.duplicate || v.answer.seq != v.claims[i].seq;
		tried++;
	}
	deposit_again(UINT64_MAX - v.last_seq);
	v.twice += v.answer.duplicate || v.answer.seq <= v.last_seq;
}

/* Everything goes, and is forgotten. */
static void
clean(void)
{
	do {
		if (answered(vz_store_sweep(
			v.store, EXPIRES, VZ_STORE_SWEEP_MAX, on_answer, NULL, NULL)) != 0)
			errx(74, "sweep");
	} while (v.answer.more);
}

static void
say_it(void *arg, const char *words)
{
	(void)arg;
	warnx("%s", words);
}

static void
check(const char *dir)
{
	struct vz_store_check c;

	vz_store_close(v.store);
	v.store = open_store(dir, false);
	v.unsound += vz_store_fsck(v.store, false, say_it, NULL, &c) != 0;
	v.unsound += (unsigned long)c.found;
}

static int
verify(const char *dir, const char *log)
{
	v.store = open_store(dir, false);
	read_log(log);
	if (vz_store_start(v.store) != 0)
		err(71, "the store's thread");
	for (unsigned i = 0; i < MAILBOXES; i++) {
		struct vz_key box = mailbox(i);

		look(&box);
	}
	for (size_t i = 0; i < v.n; i++)
		v.lost += v.claims[i].seq != 0 && !v.claims[i].removing && v.claims[i].there == 0;
	try_again();
	check(dir);
	if (vz_store_start(v.store) != 0)
		err(71, "the store's thread");
	clean();
	vz_store_close(v.store);
	free(v.claims);
	printf("acknowledged %lu gone %lu lost %lu back %lu twice %lu torn %lu unsound %lu\n",
	    v.acknowledged, v.gone, v.lost, v.back, v.twice, v.torn, v.unsound);
	return v.lost + v.back + v.twice + v.torn + v.unsound == 0 ? 0 : 1;
}

#endif
