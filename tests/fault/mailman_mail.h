/*
 * What mailman's parts share: people and messages that are known by a number, and the journal.
 *
 * A journal has lines `TIME WHAT NUMBER SEQ`, TIME being CLOCK_MONOTONIC in nanoseconds:
 *
 *	B N 0	message N is about to be deposited
 *	D N SEQ	it was acknowledged; d: as a duplicate
 *	X N S	it was refused with status S
 *	C N SEQ	all of it was collected
 *	R N SEQ	it is about to be said to be taken
 *	G N SEQ	that was acknowledged
 *	T 0 SEQ	what was collected is not a message that was ever deposited
 *	E 0 0	the run ended; what follows looks at what it left
 *	A N SEQ	deposited again then; a: as a duplicate
 */
#ifndef VZ_MAILMAN_MAIL_H
#define VZ_MAILMAN_MAIL_H

#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/hash.h"
#include "id/identity.h"

#define PEOPLE 16           /* depositors; and as many recipients */
#define STRIDE 100000000ull /* a number is its depositor's times this, and a count from 1 */
#define HEAD   24           /* number, seed, size: the beginning of each message */

static struct {
	uint64_t seed, ops, size;
	unsigned depositors, recipients;
	bool stop_refused, until_eof;
	int ready_fd;
	FILE *journal;
} opt = {.seed = 1, .ops = UINT64_MAX, .depositors = 4, .recipients = 4, .ready_fd = -1};

/* splitmix64 of one number */
static uint64_t
mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void
need(int r, const char *what)
{
	if (r < 0)
		errx(71, "%s: %s", what, vz_strerror(r));
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t
now_ms(void)
{
	return now_ns() / 1000000;
}

/* The same for ever by role and number, so that no files of keys are needed. */
static struct vz_identity *
person(const char *role, unsigned i)
{
	struct vz_identity *id = vz_identity_new();
	uint8_t random[96];
	char seed[64];

	if (id == NULL)
		errx(71, "no memory for an identity");
	for (unsigned part = 0; part < 3; part++) {
		int n = snprintf(seed, sizeof(seed), "mailman %s %u %u", role, i, part);

		vz_blake2b_256(NULL, 0, seed, (size_t)n, NULL, 0, random + 32 * part);
	}
	need(vz_identity_make(id, random, 1, role), "identity");
	return id;
}

static unsigned
depositor_of(uint64_t number)
{
	return (unsigned)(number / STRIDE);
}

static unsigned
recipient_of(uint64_t number)
{
	return (unsigned)(mix(number) >> 40) % (opt.recipients > 0 ? opt.recipients : 1);
}

static uint64_t
size_of(uint64_t number)
{
	uint64_t c = mix(number ^ opt.seed), n = c >> 8;

	if (opt.size > 0)
		return opt.size;
	return HEAD + (c % 32 == 0 ? n % 300000 : c % 4 == 0 ? n % 60000 : n % 2000);
}

static void
put_u64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static uint64_t
get_u64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

/* The bytes of a message, the caller's to free, and their hash. */
static uint8_t *
message(uint64_t number, uint64_t seed, uint64_t size, uint8_t content[static 32])
{
	uint64_t x = mix(number ^ seed) | 1;
	uint8_t *p = malloc((size_t)size + 8);

	if (p == NULL)
		err(71, "malloc");
	put_u64(p, number);
	put_u64(p + 8, seed);
	put_u64(p + 16, size);
	for (uint64_t i = HEAD; i < size; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(p + i, &x, 8);
	}
	vz_blake2b_256(NULL, 0, p, (size_t)size, NULL, 0, content);
	return p;
}

/* The number of what was collected, 0 when it is no message as above. */
static uint64_t
number_of(const uint8_t *p, size_t n, const uint8_t content[static 32])
{
	uint8_t expected[32];
	uint64_t number;
	bool same;
	uint8_t *q;

	if (n < HEAD || get_u64(p + 16) != n)
		return 0;
	number = get_u64(p);
	q = message(number, get_u64(p + 8), n, expected);
	same = memcmp(p, q, n) == 0 && memcmp(content, expected, 32) == 0;
	free(q);
	return same ? number : 0;
}

/* What judges, when there is one. */
static void (*heard)(char what, uint64_t number, uint64_t seq);

/*
 * One line. Nothing is synced: the system that we run on neither dies nor loses power, the relay
 * does.
 */
static void
note(char what, uint64_t number, uint64_t seq)
{
	if (opt.journal != NULL)
		fprintf(opt.journal, "%llu %c %llu %llu\n", (unsigned long long)now_ns(), what,
		    (unsigned long long)number, (unsigned long long)seq);
	if (heard != NULL)
		heard(what, number, seq);
}

static void
noted(void)
{
	if (opt.journal != NULL && fflush(opt.journal) != 0)
		err(71, "the journal");
}

#endif
