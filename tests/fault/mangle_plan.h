/* What mangle was told to do, and what a seed makes of it. Its manual is in mangle.c. */
#ifndef VZ_MANGLE_PLAN_H
#define VZ_MANGLE_PLAN_H

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PIECE (64 * 1024)
#define NEVER UINT64_MAX

#define BREAKS_MAX 10000

enum { UP, DOWN, BOTH };

enum what { NOTHING, CUT, FLIP, DROP, REPEAT, REORDER, HOLE };

enum how { FIN, RST, SILENCE, ANYHOW };

static const char *const hows[] = {"fin", "rst", "hole"};

static struct {
	enum what what;
	uint64_t a, b; /* of the bytes [a, b); FLIP: b is the mask */
	int dir;
	enum how how;
	uint64_t delay_ms, per_second;
	uint64_t seed, within;
	size_t breaks;
	bool seeded;
	int ready_fd;
	const char *to, *at, *record;
	struct sockaddr_storage addr;
	socklen_t addr_len;
} opt = {.how = ANYHOW, .ready_fd = -1};

/* --breaks: where, in the order of the offsets, and how far it is. */
static uint64_t break_at[BREAKS_MAX], passed;
static size_t broken;

/* splitmix64 of a number: the same for the same. */
static uint64_t
chance(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static _Noreturn void
usage(const char *what)
{
	fprintf(stderr,
	    "mangle: %s\n"
	    "usage: mangle --ready-fd N --to [KEY@]WHERE [--at PATH] [--cut OFFSET |\n"
	    "       --flip OFFSET[:BIT] | --drop A:B | --repeat A:B | --reorder A:B |\n"
	    "       --hole OFFSET | --breaks N] [--seed S] [--within BYTES] [--delay MS]\n"
	    "       [--throttle BYTES] [--record DIR] [--dir up|down|both] [--end fin|rst|hole]\n",
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
	if ((what == DROP || what == REPEAT || what == REORDER) &&
	    (opt.b == NEVER || opt.b <= opt.a))
		usage("a range is A:B with A < B");
	if ((what == REPEAT || what == REORDER) && opt.b - opt.a > PIECE)
		usage("a repeated or moved range is at most 64 KiB");
}

static void
unix_address(const char *path, struct sockaddr_un *un)
{
	*un = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(un->sun_path))
		usage("that path is too long for a socket");
	strcpy(un->sun_path, path);
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
	if (*at == '/') {
		unix_address(at, (struct sockaddr_un *)&opt.addr);
		opt.addr_len = sizeof(struct sockaddr_un);
		return;
	}
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

static int
parse_one_of(const char *value, const char *const *names, int n, const char *else_say)
{
	for (int i = 0; i < n; i++)
		if (strcmp(value, names[i]) == 0)
			return i;
	usage(else_say);
}

static void
parse(int argc, char **argv)
{
	static const char *const dirs[] = {"up", "down", "both"};
	static const struct option longs[] = {{"cut", 1, NULL, CUT}, {"flip", 1, NULL, FLIP},
	    {"drop", 1, NULL, DROP}, {"repeat", 1, NULL, REPEAT}, {"reorder", 1, NULL, REORDER},
	    {"hole", 1, NULL, HOLE}, {"ready-fd", 1, NULL, 'r'}, {"to", 1, NULL, 't'},
	    {"at", 1, NULL, 'a'}, {"record", 1, NULL, 'R'}, {"dir", 1, NULL, 'd'},
	    {"end", 1, NULL, 'e'}, {"delay", 1, NULL, 'l'}, {"throttle", 1, NULL, 's'},
	    {"seed", 1, NULL, 'S'}, {"within", 1, NULL, 'w'}, {"breaks", 1, NULL, 'b'},
	    {NULL, 0, NULL, 0}};
	const char *rest;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'r': opt.ready_fd = (int)number(optarg, '\0', &rest); break;
		case 't': parse_to(optarg); break;
		case 'a': opt.at = optarg; break;
		case 'R': opt.record = optarg; break;
		case 'd': opt.dir = parse_one_of(optarg, dirs, 3, "--dir up|down|both"); break;
		case 'e':
			opt.how = (enum how)parse_one_of(optarg, hows, 3, "--end fin|rst|hole");
			break;
		case 'l': opt.delay_ms = number(optarg, '\0', &rest); break;
		case 's': opt.per_second = number(optarg, '\0', &rest); break;
		case 'S':
			opt.seed = number(optarg, '\0', &rest);
			opt.seeded = true;
			break;
		case 'w': opt.within = number(optarg, '\0', &rest); break;
		case 'b': opt.breaks = (size_t)number(optarg, '\0', &rest); break;
		case '?': usage("unknown option");
		default: parse_what((enum what)c, optarg);
		}
	}
	if (!opt.to || opt.ready_fd < 0 || optind != argc)
		usage("--to and --ready-fd are needed, and nothing else");
	if ((opt.seeded || opt.breaks) && opt.within == 0)
		usage("--seed and --breaks need --within");
	if (opt.dir == BOTH && opt.breaks == 0)
		usage("--dir both goes with --breaks only");
	if (opt.breaks > BREAKS_MAX)
		usage("at most 10000 breaks");
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
plan_breaks(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (!opt.seeded)
		opt.seed = (uint64_t)ts.tv_nsec;
	for (size_t i = 0; i < opt.breaks; i++)
		break_at[i] = chance(opt.seed + 1000003 * (i + 1)) % opt.within;
	qsort(break_at, opt.breaks, sizeof(break_at[0]), by_number);
	printf("seed %llu\n", (unsigned long long)opt.seed);
}

/* --seed alone: one of all that can be done. */
static void
plan_one(void)
{
	static const char *const names[] = {
	    NULL, "cut", "flip", "drop", "repeat", "reorder", "hole"};
	uint64_t at = chance(opt.seed + 1) % opt.within, n = 1 + chance(opt.seed + 2) % 100;
	char value[64];

	opt.what = (enum what)(1 + chance(opt.seed) % HOLE);
	opt.dir = (int)(chance(opt.seed + 3) % 2);
	opt.how = (enum how)(chance(opt.seed + 4) % 3);
	if (opt.what == FLIP)
		n = chance(opt.seed + 5) % 8;
	else if (opt.what != CUT && opt.what != HOLE)
		n += at;
	snprintf(value, sizeof(value), opt.what == CUT || opt.what == HOLE ? "%llu" : "%llu:%llu",
	    (unsigned long long)at, (unsigned long long)n);
	parse_what(opt.what, value);
	printf("seed %llu: --%s %s --dir %s --end %s\n", (unsigned long long)opt.seed,
	    names[opt.what], value, opt.dir == UP ? "up" : "down", hows[opt.how]);
}

#endif
