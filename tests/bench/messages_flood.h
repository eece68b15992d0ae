/*
 * The questions that tests/bench/messages asks: always `depth` of them on their way, each 100 bytes
 * that say which it is, each answer compared, the answers counted in a stretch of time. How bytes
 * get to the other side and back is the includer's.
 */
#ifndef VZ_BENCH_MESSAGES_FLOOD_H
#define VZ_BENCH_MESSAGES_FLOOD_H

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FLOOD_BODY     100
#define FLOOD_BLOCK    2560u /* questions in a block, sent over and over; 256 KiB */
#define FLOOD_WARM     0.1   /* seconds before the clock runs */
#define FLOOD_PATIENCE 20    /* and those after which a run is given up */

/* Messages back to back, each of `len` bytes. */
struct flood_block {
	uint8_t *bytes;
	size_t len, total;
};

struct flood_way {
	/* Writes some without waiting; 0 when nothing could be. */
	size_t (*put)(void *arg, const uint8_t *p, size_t n);
	/* Waits until something can be read or, when told so, written; true for the first. */
	bool (*wait)(void *arg, bool write);
	/* Reads some; 0 when nothing came after all. */
	size_t (*get)(void *arg, uint8_t *p, size_t n);
	void *arg;
};

static inline double
flood_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A body between two texts. */
static inline struct flood_block
flood_block_new(const char *before, const char *after)
{
	size_t head = strlen(before), tail = strlen(after), len = head + FLOOD_BODY + tail;
	struct flood_block b = {malloc(len * FLOOD_BLOCK), len, len * FLOOD_BLOCK};

	if (b.bytes == NULL)
		err(1, "malloc");
	for (unsigned i = 0; i < FLOOD_BLOCK; i++) {
		uint8_t *p = b.bytes + i * len;
		char number[16];

		snprintf(number, sizeof(number), "%08u", i);
		memcpy(p, before, head);
		memset(p + head, 'x', FLOOD_BODY);
		memcpy(p + head, number, 8);
		memcpy(p + head + FLOOD_BODY, after, tail);
	}
	return b;
}

/* The n bytes at p are what comes at `at` bytes from the start, or this is the end of it. */
static inline void
flood_check(const struct flood_block *b, uint64_t at, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t from = (size_t)(at % b->total);
		size_t here = n < b->total - from ? n : b->total - from;

		if (memcmp(p, b->bytes + from, here) != 0)
			errx(1, "another answer than the one to question %llu",
			    (unsigned long long)(at / b->len));
		at += here;
		p += here;
		n -= here;
	}
}

/* Sends from byte *sent up to `end`; true when there was no room for all of it. */
static inline bool
flood_send(const struct flood_way *w, const struct flood_block *b, uint64_t *sent, uint64_t end)
{
	while (*sent < end) {
		size_t from = (size_t)(*sent % b->total), n = b->total - from;

		if (n > end - *sent)
			n = (size_t)(end - *sent);
		n = w->put(w->arg, b->bytes + from, n);
		if (n == 0)
			return true;
		*sent += n;
	}
	return false;
}

/* Answers a second; every question is answered when this returns. */
static inline double
flood(const struct flood_way *w, const struct flood_block *questions,
    const struct flood_block *answers, uint64_t depth, double seconds)
{
	static uint8_t buf[256 * 1024];
	uint64_t sent = 0, got = 0, limit = UINT64_MAX, first = 0;
	double began = flood_now(), start = 0, rate = 0, now;

	alarm((unsigned)seconds + FLOOD_PATIENCE);
	while (got / answers->len < limit) {
		uint64_t end = limit != UINT64_MAX ? limit : got / answers->len + depth;
		size_t n;

		if (!w->wait(w->arg, flood_send(w, questions, &sent, end * questions->len)))
			continue;
		n = w->get(w->arg, buf, sizeof(buf));
		flood_check(answers, got, buf, n);
		got += n;
		now = flood_now();
		if (start <= 0 && got > 0 && now - began >= FLOOD_WARM) {
			start = now;
			first = got;
		} else if (start > 0 && limit == UINT64_MAX && now - start >= seconds) {
			rate = (double)(got - first) / (double)answers->len / (now - start);
			limit = (sent + questions->len - 1) / questions->len;
		}
	}
	return rate;
}

static inline uint64_t
flood_depth(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (n < 1 || n > 1000000 || *end != '\0')
		errx(64, "not a depth: %s", text);
	return n;
}

static inline double
flood_seconds(const char *text)
{
	double n = strtod(text, NULL);

	if (!(n > 0 && n <= 60))
		errx(64, "not a number of seconds up to 60: %s", text);
	return n;
}

#endif
