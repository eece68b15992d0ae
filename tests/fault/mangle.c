/*
 * mangle: a TCP proxy on loopback that damages what passes through it.
 *
 *	mangle --ready-fd N --to [KEY@]HOST:PORT [what] [--dir up|down] [--end fin|rst]
 *
 * It binds 127.0.0.1 with a port of the system's choice and serves any number of connections until
 * it is killed. When it accepts, it writes `[KEY@]127.0.0.1:PORT` and a newline to descriptor N and
 * closes it, so that a caller can put it in the place of the address it was given. HOST is numeric,
 * [v6] in brackets.
 *
 * What is done, to each connection alike:
 *	--cut OFFSET          forward that many bytes, then end both connections
 *	--flip OFFSET[:BIT]   change one bit (0-7, 0 without :BIT) of that byte
 *	--drop A:B            leave the bytes from A up to and without B out
 *	--repeat A:B          send these bytes twice
 *	--hole OFFSET         forward that many bytes and swallow the rest; connections stay open
 *	--delay MS            hold every piece for so long
 *	--throttle BYTES      at most so many a second
 * Offsets count from 0 the bytes of one direction: up (from those who connect to us, the default)
 * or down. --end says how a cut looks: fin (the default) is an orderly end of file to both sides,
 * rst a reset. An end of file or a reset from one side is handed on to the other as it is.
 *
 * For each connection that has ended a line `up N down M` says on stdout how many bytes came from
 * either side. Exit status: 0 never, 64 wrong use, 71 the system refused.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINKS_MAX 128
#define PIECE     (64 * 1024)
#define LINGER_MS 5000
#define NEVER     UINT64_MAX

enum { UP, DOWN };

enum what { NOTHING, CUT, FLIP, DROP, REPEAT, HOLE };

static struct {
	enum what what;
	uint64_t a, b; /* of the bytes [a, b); FLIP: b is the mask */
	int dir;
	bool rst;
	uint64_t delay_ms, per_second;
	int ready_fd;
	const char *to;
	struct sockaddr_storage addr;
	socklen_t addr_len;
} opt = {.ready_fd = -1};

/* One direction of a connection. */
struct lane {
	uint64_t seen;           /* bytes read so far */
	uint8_t buf[2 * PIECE];  /* twice: a piece may be repeated */
	uint8_t kept[PIECE];     /* what --repeat repeats */
	size_t off, len;         /* what of it is still to be written */
	uint64_t ready_at;       /* not written before */
	uint64_t began, written; /* for the throttle */
	bool eof, done;
};

struct link {
	int fd[2]; /* who connected to us; whom we connected to */
	struct lane lane[2];
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

/* Ends both connections as --end says. */
static void
link_cut(nfds_t i)
{
	struct link *k = links[i];

	if (opt.rst) {
		link_end(i, true);
		return;
	}
	/* A close with unread input would be a reset: say FIN, and read on for a while. */
	shutdown(k->fd[0], SHUT_WR);
	shutdown(k->fd[1], SHUT_WR);
	k->linger = now_ms() + LINGER_MS;
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
	if (l->seen == 0)
		l->began = now_ms();
	l->off = 0;
	l->len = opt.dir == dir ? edit(l, l->seen, (size_t)n) : (size_t)n;
	l->seen += (uint64_t)n;
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
	if (opt.what == CUT && opt.dir == dir && l->seen >= opt.a) {
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
	if (k->linger && k->linger - now < *wait)
		*wait = k->linger > now ? k->linger - now : 0;
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
	setsockopt(in, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	k->fd[0] = in;
	k->fd[1] = out;
	links[n_links++] = k;
	lane_settle(n_links - 1, opt.dir); /* --cut 0 */
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

static _Noreturn void
usage(const char *what)
{
	fprintf(stderr,
	    "mangle: %s\n"
	    "usage: mangle --ready-fd N --to [KEY@]HOST:PORT [--cut OFFSET | --flip OFFSET[:BIT] "
	    "|\n"
	    "       --drop A:B | --repeat A:B | --hole OFFSET] [--delay MS] [--throttle BYTES]\n"
	    "       [--dir up|down] [--end fin|rst]\n",
	    what);
	exit(64);
}

static uint64_t
number(const char *s, char stop, const char **rest)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (end == s || errno != 0 || *s == '-' || (*end != '\0' && *end != stop))
		usage("that is not a number");
	*rest = *end ? end + 1 : NULL;
	return v;
}

static void
parse_what(enum what what, const char *value)
{
	const char *rest;

	opt.what = what;
	opt.a = number(value, ':', &rest);
	opt.b = what == FLIP ? 1 : NEVER;
	if (rest && what == FLIP)
		opt.b = 1u << (number(rest, '\0', &rest) & 7);
	else if (rest)
		opt.b = number(rest, '\0', &rest);
	if ((what == DROP || what == REPEAT) && (opt.b == NEVER || opt.b <= opt.a))
		usage("a range is A:B with A < B");
	if (what == REPEAT && opt.b - opt.a > PIECE)
		usage("a repeated range is at most 64 KiB");
}

static void
parse_to(const char *to)
{
	const char *at = strrchr(to, '@'), *colon = strrchr(to, ':');
	char host[64];
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *ai;
	size_t n;

	opt.to = to;
	at = at ? at + 1 : to;
	if (!colon || colon < at || (size_t)(colon - at) >= sizeof(host))
		usage("--to wants HOST:PORT");
	n = (size_t)(colon - at);
	if (*at == '[' && n > 2) {
		at++;
		n -= 2;
	}
	memcpy(host, at, n);
	host[n] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &ai) != 0)
		usage("--to wants a numeric HOST:PORT");
	memcpy(&opt.addr, ai->ai_addr, ai->ai_addrlen);
	opt.addr_len = ai->ai_addrlen;
	freeaddrinfo(ai);
}

static void
parse(int argc, char **argv)
{
	static const struct option longs[] = {{"cut", 1, NULL, CUT}, {"flip", 1, NULL, FLIP},
	    {"drop", 1, NULL, DROP}, {"repeat", 1, NULL, REPEAT}, {"hole", 1, NULL, HOLE},
	    {"ready-fd", 1, NULL, 'r'}, {"to", 1, NULL, 't'}, {"dir", 1, NULL, 'd'},
	    {"end", 1, NULL, 'e'}, {"delay", 1, NULL, 'l'}, {"throttle", 1, NULL, 's'},
	    {NULL, 0, NULL, 0}};
	const char *rest;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'r': opt.ready_fd = (int)number(optarg, '\0', &rest); break;
		case 't': parse_to(optarg); break;
		case 'd': opt.dir = strcmp(optarg, "down") == 0 ? DOWN : UP; break;
		case 'e': opt.rst = strcmp(optarg, "rst") == 0; break;
		case 'l': opt.delay_ms = number(optarg, '\0', &rest); break;
		case 's': opt.per_second = number(optarg, '\0', &rest); break;
		case '?': usage("unknown option");
		default: parse_what((enum what)c, optarg);
		}
	}
	if (!opt.to || opt.ready_fd < 0 || optind != argc)
		usage("--to and --ready-fd are needed, and nothing else");
}

int
main(int argc, char **argv)
{
	struct sockaddr_in here = {.sin_family = AF_INET};
	socklen_t len = sizeof(here);
	int listener;
	const char *at;

	parse(argc, argv);
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&here, len) < 0 ||
	    listen(listener, 64) < 0 || getsockname(listener, (struct sockaddr *)&here, &len) < 0)
		err(71, "127.0.0.1");
	at = strrchr(opt.to, '@');
	dprintf(opt.ready_fd, "%.*s127.0.0.1:%u\n", at ? (int)(at + 1 - opt.to) : 0, opt.to,
	    ntohs(here.sin_port));
	close(opt.ready_fd);
	serve(listener);
}
