/* The bytes of a joined pair, carried by a process of its own, which lies about them as told. */
#ifndef VZ_LIAR_RAW_H
#define VZ_LIAR_RAW_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/fault/liar_lies.h"

#define RAW_CHUNK (64 * 1024)

struct raw {
	int from, to;
	bool down, ended;
	uint64_t at;             /* bytes that have come */
	uint8_t held[RAW_CHUNK]; /* what is sent later, or again */
	size_t held_len;
	FILE *copy; /* of what a sender sends, to be played again; or NULL */
};

static void
raw_put(const struct raw *r, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t w = send(r->to, p, n, MSG_NOSIGNAL);

		if (w <= 0)
			_exit(0);
		p += w;
		n -= (size_t)w;
	}
}

static bool
raw_lie(const struct raw *r, enum lie what)
{
	return lies[what].on && lies[what].down == r->down && r->at >= lies[what].a &&
	    r->at < lies[what].b;
}

static void
raw_put_held(struct raw *r, int times)
{
	for (; r->held_len > 0 && times > 0; times--)
		raw_put(r, r->held, r->held_len);
	r->held_len = 0;
}

/* Byte by byte where a lie is told, else as it came. */
static void
raw_byte(struct raw *r, uint8_t byte)
{
	bool keep = raw_lie(r, REPEAT) || raw_lie(r, REORDER);
	/* What is moved comes after as many bytes as it has itself. */
	bool again = lies[REPEAT].on && r->at == lies[REPEAT].b;
	bool later =
	    lies[REORDER].on && r->at == lies[REORDER].b + (lies[REORDER].b - lies[REORDER].a);

	if (lies[CUT].on && lies[CUT].down == r->down && r->at == lies[CUT].a)
		_exit(0);
	if (r->held_len > 0 && (again || later))
		raw_put_held(r, again ? 2 : 1);
	if (raw_lie(r, FLIP))
		byte ^= 1;
	if (keep && r->held_len < sizeof(r->held))
		r->held[r->held_len++] = byte;
	else if (!raw_lie(r, DROP))
		raw_put(r, &byte, 1);
	r->at++;
}

static bool
raw_lies_near(const struct raw *r, size_t n)
{
	for (int i = CUT; i <= REORDER; i++)
		if (lies[i].on && lies[i].down == r->down && r->at + n > lies[i].a &&
		    r->at < 2 * lies[i].b)
			return true;
	return false;
}

static void
raw_take(struct raw *r, const uint8_t *p, size_t n)
{
	if (r->copy)
		(void)fwrite(p, 1, n, r->copy), (void)fflush(r->copy);
	if (raw_lies_near(r, n)) {
		for (size_t i = 0; i < n; i++)
			raw_byte(r, p[i]);
	} else {
		raw_put(r, p, n);
		r->at += n;
	}
}

static void
raw_carry(struct raw *r)
{
	uint8_t bytes[RAW_CHUNK];
	ssize_t n = read(r->from, bytes, sizeof(bytes));

	if (n < 0)
		_exit(0);
	if (n == 0) {
		raw_put_held(r, 1);
		(void)shutdown(r->to, SHUT_WR);
		r->ended = true;
		return;
	}
	raw_take(r, bytes, (size_t)n);
}

/* In the child: no other connection is to live on because we know it. */
static void
raw_begin(int a, int b)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int fd = 3; fd < 1024; fd++)
		if (fd != a && fd != b)
			close(fd);
}

/* Both are closed here and carried there. What the sender says, `first` first, is kept in the file
 * `copy`. */
static void
raw_join(int sender, int listener, const char *copy, const uint8_t *first, size_t first_len)
{
	static struct raw way[2];
	pid_t pid = fork();

	if (pid != 0) {
		close(sender);
		close(listener);
		return;
	}
	raw_begin(sender, listener);
	way[0] = (struct raw){.from = sender, .to = listener};
	way[1] = (struct raw){.from = listener, .to = sender, .down = true};
	way[0].copy = copy ? fopen(copy, "we") : NULL;
	for (int i = 0; i < 2; i++)
		(void)fcntl(way[i].from, F_SETFL, 0);
	raw_take(&way[0], first, first_len);
	while (!way[0].ended || !way[1].ended) {
		struct pollfd p[2] = {{.fd = way[0].ended ? -1 : sender, .events = POLLIN},
		    {.fd = way[1].ended ? -1 : listener, .events = POLLIN}};

		if (poll(p, 2, -1) < 0)
			break;
		for (int i = 0; i < 2; i++)
			if (p[i].revents)
				raw_carry(&way[i]);
	}
	_exit(0);
}

/* The file's bytes instead of a sender, who hears nothing of it. */
static void
raw_replay(const char *copy, int listener)
{
	static uint8_t bytes[RAW_CHUNK];
	struct raw r = {.to = listener};
	FILE *f;
	size_t n;

	if (fork() != 0) {
		close(listener);
		return;
	}
	raw_begin(listener, listener);
	(void)fcntl(listener, F_SETFL, 0);
	f = fopen(copy, "re");
	while (f && (n = fread(bytes, 1, sizeof(bytes), f)) > 0)
		raw_put(&r, bytes, n);
	while (read(listener, bytes, sizeof(bytes)) > 0)
		;
	_exit(0);
}

#endif
