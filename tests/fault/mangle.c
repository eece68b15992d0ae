/*
 * mangle: a proxy on this host that damages what passes through it.
 *
 *	mangle --ready-fd N --to [KEY@]WHERE [--at PATH] [what] [--dir up|down] [--end fin|rst|hole]
 *	mangle --ready-fd N --to [KEY@]WHERE [--at PATH] --seed S --within BYTES
 *	mangle --ready-fd N --to [KEY@]WHERE [--at PATH] --breaks N [--seed S] --within BYTES
 *	       [--dir up|down|both] [--end fin|rst|hole]
 *
 * WHERE is HOST:PORT, numeric and with [v6] in brackets, or the path of a Unix socket. It binds
 * 127.0.0.1 with a port of the system's choice, or makes the Unix socket PATH, and serves
 * any number of connections until it is killed. When it accepts, it writes the address to call,
 * `[KEY@]127.0.0.1:PORT` or `[KEY@]PATH`, and a newline to descriptor N and closes it, so that a
 * caller can put it in the place of the address it was given.
 *
 * What is done, to each connection alike:
 *	--cut OFFSET          forward that many bytes, then end both connections
 *	--flip OFFSET[:BIT]   change one bit (0-7, 0 without :BIT) of that byte
 *	--drop A:B            leave the bytes from A up to and without B out
 *	--repeat A:B          send these bytes twice
 *	--reorder A:B         send these bytes after the B-A ones that follow them
 *	--hole OFFSET         forward that many bytes and swallow the rest; connections stay open
 *	--delay MS            hold every piece for so long
 *	--throttle BYTES      at most so many a second
 * Offsets count from 0 the bytes of one direction: up (from those who connect to us, the default)
 * or down. --end says how a cut looks: fin (the default) is an orderly end of file to both sides,
 * rst a reset, hole a silence: whatever comes from either side is swallowed, and nothing is closed
 * before both sides are. An end of file or a reset from one side is handed on to the other as it
 * is. With --record DIR the bytes that come are also written there, for each connection to N.up
 * and N.down.
 *
 * With --seed and without --breaks one of these is chosen, with its offset below BYTES, its
 * direction and its end; it is said on stdout: `seed S: --flip 1234:3 --dir up --end fin`. The same
 * S gives the same.
 *
 * With --breaks connections are broken N times in all, at random offsets below BYTES of what went
 * up (or down, or in both directions together) over all connections; then everything passes. How
 * they look is random too, unless --end says it. stdout has `seed S`, and for each break a line
 * `break K at OFFSET fin|rst|hole`. Without --seed one is made up.
 *
 * For each connection that has ended a line `up N down M` says on stdout how many bytes came from
 * either side. Exit status: 0 never, 64 wrong use, 71 the system refused.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/fault/mangle_plan.h"

#define LINKS_MAX 128
#define LINGER_MS 5000

/* One direction of a connection. */
struct lane {
	uint64_t seen;           /* bytes read so far */
	uint8_t buf[2 * PIECE];  /* twice: a piece may be repeated */
	uint8_t kept[PIECE];     /* what --repeat repeats, and --reorder holds back */
	size_t off, len;         /* what of it is still to be written */
	uint64_t ready_at;       /* not written before */
	uint64_t began, written; /* for the throttle */
	bool eof, done, cut;     /* cut: what is in buf is the last */
};

struct link {
	int fd[2]; /* who connected to us; whom we connected to */
	struct lane lane[2];
	unsigned number; /* of the connection, from 1 */
	enum how how;    /* it will be cut so */
	uint64_t linger; /* set: the cut is made, all input is dropped until then */
};

static struct link *links[LINKS_MAX];
static nfds_t n_links;

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void
link_end(nfds_t i, bool rst)
{
	struct link *k = links[i];
	struct linger hard = {1, 0};

	for (int s = 0; s < 2; s++) {
		if (rst)
			setsockopt(k->fd[s], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		close(k->fd[s]);
	}
	printf("up %llu down %llu\n", (unsigned long long)k->lane[UP].seen,
	    (unsigned long long)k->lane[DOWN].seen);
	fflush(stdout);
	free(k);
	links[i] = links[--n_links];
}

/* Ends both connections as they are to be. */
static void
link_cut(nfds_t i)
{
	struct link *k = links[i];

	if (k->how == RST) {
		link_end(i, true);
		return;
	}
	if (k->how == SILENCE) {
		k->linger = NEVER;
		return;
	}
	/* A close with unread input would be a reset: say FIN, and read on for a while. */
	shutdown(k->fd[0], SHUT_WR);
	shutdown(k->fd[1], SHUT_WR);
	k->linger = now_ms() + LINGER_MS;
}

/* Byte by byte, since a piece may hold any part of the two ranges: [a, b) waits in `kept`. */
static size_t
reorder(struct lane *l, uint64_t at, size_t n)
{
	static uint8_t in[PIECE];
	uint64_t size = opt.b - opt.a;
	size_t out = 0;

	memcpy(in, l->buf, n);
	for (size_t i = 0; i < n; i++) {
		uint64_t pos = at + i;

		if (pos >= opt.a && pos < opt.b)
			l->kept[pos - opt.a] = in[i];
		else
			l->buf[out++] = in[i];
		if (pos + 1 == opt.b + size) {
			memcpy(l->buf + out, l->kept, (size_t)size);
			out += (size_t)size;
		}
	}
	return out;
}

/* --breaks: how many of n bytes pass before the next one. */
static size_t
until_break(struct link *k, int dir, size_t n)
{
	uint64_t left;

	if (broken == opt.breaks || (opt.dir != dir && opt.dir != BOTH))
		return n;
	left = break_at[broken] - passed;
	if (n < left) {
		passed += n;
		return n;
	}
	passed += left;
	k->lane[dir].cut = true;
	k->how = opt.how != ANYHOW ? opt.how : (enum how)(chance(opt.seed ^ broken) % 3);
	printf("break %zu at %llu %s\n", ++broken, (unsigned long long)passed, hows[k->how]);
	fflush(stdout);
	return (size_t)left;
}

/* n bytes that begin at offset `at` of the direction are in buf; returns how many go on. */
static size_t
edit(struct lane *l, uint64_t at, size_t n)
{
	uint64_t end = at + n;
	uint64_t a = opt.a < at ? at : opt.a, b = opt.b > end ? end : opt.b;
	uint8_t *p;

	switch (opt.what) {
	case CUT:
	case HOLE: return opt.a >= end ? n : (size_t)(opt.a > at ? opt.a - at : 0);
	case FLIP:
		if (opt.a >= at && opt.a < end)
			l->buf[opt.a - at] ^= (uint8_t)opt.b;
		return n;
	case REORDER: return reorder(l, at, n);
	case DROP:
	case REPEAT: break;
	case NOTHING: return n;
	}
	if (a >= b)
		return n;
	p = l->buf + (b - at);
	if (opt.what == DROP) {
		memmove(l->buf + (a - at), p, (size_t)(end - b));
		return n - (size_t)(b - a);
	}
	memcpy(l->kept + (a - opt.a), l->buf + (a - at), (size_t)(b - a));
	if (b < opt.b)
		return n;
	/* The last byte of the range is here: all of it follows once more. */
	memmove(p + (b - opt.a), p, (size_t)(end - b));
	memcpy(p, l->kept, (size_t)(b - opt.a));
	return n + (size_t)(b - opt.a);
}

/* --record: n bytes came in a direction. */
static void
record(const struct link *k, int dir, const uint8_t *p, size_t n)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%u.%s", opt.record, k->number, dir == UP ? "up" : "down");
	if ((f = fopen(path, "ae")) == NULL || fwrite(p, n, 1, f) != 1 || fclose(f) != 0)
		err(71, "%s", path);
}

/* False when the link is gone or the turn is over for it. */
static bool
lane_read(nfds_t i, int dir)
{
	struct link *k = links[i];
	struct lane *l = &k->lane[dir];
	ssize_t n = recv(k->fd[dir], l->buf, PIECE, MSG_DONTWAIT);

	if (n < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return true;
		link_end(i, true);
		return false;
	}
	if (n == 0) {
		l->eof = true;
		return true;
	}
	if (opt.record != NULL)
		record(k, dir, l->buf, (size_t)n);
	if (l->seen == 0)
		l->began = now_ms();
	l->off = 0;
	l->len = opt.dir == dir ? edit(l, l->seen, (size_t)n) : (size_t)n;
	l->len = until_break(k, dir, l->len);
	l->seen += (uint64_t)n;
	if (opt.what == CUT && opt.dir == dir && l->seen >= opt.a)
		l->cut = true;
	l->ready_at = now_ms() + opt.delay_ms;
	return true;
}

/* How many of n bytes the throttle lets go now; *when it lets more go. */
static size_t
allowed(const struct lane *l, size_t n, uint64_t now, uint64_t *when)
{
	uint64_t may;

	*when = l->ready_at;
	if (now < l->ready_at)
		return 0;
	if (opt.per_second == 0)
		return n;
	may = (now - l->began) * opt.per_second / 1000;
	may = may > l->written ? may - l->written : 0;
	if (may == 0)
		*when = now + 1 + 1000 / opt.per_second;
	return may < n ? (size_t)may : n;
}

static bool
lane_write(nfds_t i, int dir)
{
	struct link *k = links[i];
	struct lane *l = &k->lane[dir];
	uint64_t when;
	size_t may = allowed(l, l->len, now_ms(), &when);
	ssize_t n = may ? send(k->fd[!dir], l->buf + l->off, may, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

	if (n < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return true;
		link_end(i, true);
		return false;
	}
	l->off += (size_t)n;
	l->len -= (size_t)n;
	l->written += (uint64_t)n;
	return true;
}

/* What is left to do in a direction when its buffer is empty. False when the link is gone. */
static bool
lane_settle(nfds_t i, int dir)
{
	struct link *k = links[i];
	struct lane *l = &k->lane[dir];

	if (l->len > 0)
		return true;
	if (l->cut) {
		link_cut(i);
		return false;
	}
	if (l->eof && !l->done) {
		if (opt.what != HOLE || opt.dir != dir || l->seen <= opt.a)
			shutdown(k->fd[!dir], SHUT_WR);
		l->done = true;
	}
	if (k->lane[UP].done && k->lane[DOWN].done) {
		link_end(i, false);
		return false;
	}
	return true;
}

/* After a cut: reads and drops until both sides have ended too, or it took long enough. */
static void
link_drain(nfds_t i)
{
	struct link *k = links[i];
	uint8_t bin[4096];
	ssize_t n;

	for (int s = 0; s < 2; s++) {
		while ((n = recv(k->fd[s], bin, sizeof(bin), MSG_DONTWAIT)) > 0)
			;
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			k->lane[s].done = true;
	}
	if ((k->lane[UP].done && k->lane[DOWN].done) || now_ms() >= k->linger)
		link_end(i, false);
}

static void
link_turn(nfds_t i, const struct pollfd p[2])
{
	struct link *k = links[i];

	if (k->linger) {
		link_drain(i);
		return;
	}
	for (int dir = 0; dir < 2; dir++) {
		struct lane *l = &k->lane[dir];

		if (l->len == 0 && !l->eof && (p[dir].revents & (POLLIN | POLLHUP | POLLERR)))
			if (!lane_read(i, dir))
				return;
		if (l->len > 0 && !lane_write(i, dir))
			return;
		if (!lane_settle(i, dir))
			return;
	}
}

/* Says what to poll for, and shortens *wait to the time when held bytes may go. */
static void
link_poll(const struct link *k, struct pollfd p[2], uint64_t now, uint64_t *wait)
{
	uint64_t when;

	for (int s = 0; s < 2; s++) {
		p[s] = (struct pollfd){.fd = k->fd[s]};
		if (k->linger && k->lane[s].done)
			p[s].fd = -1;
		if (k->linger || (k->lane[s].len == 0 && !k->lane[s].eof))
			p[s].events |= POLLIN;
	}
	if (k->linger && k->linger <= now)
		*wait = 0;
	else if (k->linger && k->linger != NEVER && k->linger - now < *wait)
		*wait = k->linger - now;
	for (int dir = 0; dir < 2 && !k->linger; dir++) {
		const struct lane *l = &k->lane[dir];

		if (l->len == 0)
			continue;
		if (allowed(l, l->len, now, &when) > 0)
			p[!dir].events |= POLLOUT;
		else if (when > now && when - now < *wait)
			*wait = when - now;
	}
	/* Nothing is wanted: poll would tell of a hang-up without end. */
	for (int s = 0; s < 2; s++)
		if (p[s].events == 0)
			p[s].fd = -1;
}

static void
link_accept(int listener)
{
	int in = accept(listener, NULL, NULL), one = 1, out;
	struct link *k = NULL;
	static unsigned number;

	if (in < 0)
		return;
	out = socket(opt.addr.ss_family, SOCK_STREAM, 0);
	if (n_links < LINKS_MAX && out >= 0 &&
	    connect(out, (struct sockaddr *)&opt.addr, opt.addr_len) == 0)
		k = calloc(1, sizeof(*k));
	if (!k) {
		warn("%s", opt.to);
		close(in);
		if (out >= 0)
			close(out);
		return;
	}
	/* Refused by Unix sockets, which do not need it. */
	setsockopt(in, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	k->number = ++number;
	k->fd[0] = in;
	k->fd[1] = out;
	links[n_links++] = k;
	k->how = opt.how == ANYHOW ? FIN : opt.how;
	if (opt.what == CUT && opt.a == 0) {
		k->lane[opt.dir].cut = true;
		lane_settle(n_links - 1, opt.dir);
	}
}

static _Noreturn void
serve(int listener)
{
	struct pollfd p[1 + 2 * LINKS_MAX];
	uint64_t wait, now;
	nfds_t n;

	for (;;) {
		n = n_links;
		now = now_ms();
		wait = NEVER;
		p[0] = (struct pollfd){.fd = listener, .events = POLLIN};
		for (nfds_t i = 0; i < n; i++)
			link_poll(links[i], p + 1 + 2 * i, now, &wait);
		if (poll(p, 1 + 2 * n, wait > 60000 ? 60000 : (int)wait) < 0 && errno != EINTR)
			err(71, "poll");
		/* From the end, since an ended link is replaced by the last one. */
		for (nfds_t i = n; i-- > 0;)
			link_turn(i, p + 1 + 2 * i);
		if (p[0].revents)
			link_accept(listener);
	}
}

/* Listens, and tells where. */
static int
listen_somewhere(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un;
	struct sockaddr *at = (struct sockaddr *)&in;
	socklen_t len = sizeof(in);
	const char *key_end = strrchr(opt.to, '@');
	int key = key_end ? (int)(key_end + 1 - opt.to) : 0, fd;

	if (opt.at) {
		unix_address(opt.at, &un);
		at = (struct sockaddr *)&un;
		len = sizeof(un);
	}
	fd = socket(at->sa_family, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, at, len) < 0 || listen(fd, 64) < 0)
		err(71, "%s", opt.at ? opt.at : "127.0.0.1");
	len = sizeof(in);
	if (opt.at)
		dprintf(opt.ready_fd, "%.*s%s\n", key, opt.to, opt.at);
	else if (getsockname(fd, at, &len) == 0)
		dprintf(opt.ready_fd, "%.*s127.0.0.1:%u\n", key, opt.to, ntohs(in.sin_port));
	close(opt.ready_fd);
	return fd;
}

int
main(int argc, char **argv)
{
	parse(argc, argv);
	if (opt.breaks > 0)
		plan_breaks();
	else if (opt.seeded)
		plan_one();
	fflush(stdout);
	serve(listen_somewhere());
}
