/* faultio's rules: what each call is told, and how often that was. Its manual is in faultio.c. */
#ifndef VZ_FAULTIO_RULES_H
#define VZ_FAULTIO_RULES_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/fault/faultio_calls.h"

#define RULES_MAX 64
#define LINE      64 /* bytes of one line of FAULTIO_COUNTS */

enum { FAULT_SHORT = -1, FAULT_BYTE = -2 };

enum answer { PASS, FAIL, PART };

struct rule {
	enum call call;
	mode_t kind; /* 0: any */
	int fd;      /* -1: any */
	int fault;   /* an errno or FAULT_ */
	char fault_name[16];
	uint64_t from, to; /* of the calls, counted from 1 */
	uint64_t chance;   /* of 2^32; 0: always */
	atomic_ullong calls, faults;
};

static struct rule rules[RULES_MAX];
static size_t n_rules;
static atomic_ullong luck;
static char *counts; /* n_rules + 1 lines, shared with the file */
static atomic_bool active;
static void *reals[CALLS];
static __thread bool inside;
static __thread bool one_byte; /* what the last PART was told */

static void *
real_of(enum call c)
{
	if (!reals[c])
		reals[c] = dlsym(RTLD_NEXT, call_names[c]);
	return reals[c];
}

/* splitmix64: each number from one atomic addition. */
static uint64_t
chance(void)
{
	uint64_t z = atomic_fetch_add(&luck, UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void
note(size_t i)
{
	const struct rule *r = &rules[i];
	char line[LINE + 1];

	if (!counts)
		return;
	snprintf(line, sizeof(line), "%-14s %-12s calls %-10llu faults %-10llu ",
	    call_names[r->call], r->fault_name, (unsigned long long)atomic_load(&r->calls),
	    (unsigned long long)atomic_load(&r->faults));
	line[LINE - 1] = '\n';
	memcpy(counts + (i + 1) * LINE, line, LINE);
}

static bool
is_of_kind(const struct rule *r, int fd)
{
	struct stat st;

	if (r->fd >= 0)
		return fd == r->fd;
	return r->kind == 0 || (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == r->kind);
}

static bool
strikes(struct rule *r)
{
	unsigned long long n = atomic_fetch_add(&r->calls, 1) + 1;

	return n >= r->from && n <= r->to && (r->chance == 0 || (chance() >> 32) < r->chance);
}

static enum answer
judge(enum call c, int fd)
{
	enum answer a = PASS;
	int saved = errno;

	if (!atomic_load(&active) || inside)
		return PASS;
	inside = true;
	for (size_t i = 0; i < n_rules && a == PASS; i++) {
		struct rule *r = &rules[i];

		if (r->call != c || !is_of_kind(r, fd))
			continue;
		if (strikes(r)) {
			atomic_fetch_add(&r->faults, 1);
			a = r->fault > 0 ? FAIL : PART;
			one_byte = r->fault == FAULT_BYTE;
			if (r->fault > 0)
				saved = r->fault;
		}
		note(i);
	}
	inside = false;
	errno = saved;
	return a;
}

static size_t
part_of(size_t n)
{
	return n < 2 || one_byte ? n > 0 : 1 + (size_t)(chance() % (n - 1));
}

/* Setting up. */

static _Noreturn void
bad(const char *what, const char *rule)
{
	dprintf(STDERR_FILENO, "faultio: %s: '%s'\n", what, rule);
	_exit(64);
}

static const struct {
	const char *name;
	int error;
} errors[] = {
#define E(e)          \
	{             \
#e, e \
	}
    E(ENOSPC), E(EDQUOT), E(EIO), E(EINTR), E(EAGAIN), E(EMFILE), E(ENFILE), E(ENOMEM), E(ENOBUFS),
    E(ECONNRESET), E(ECONNABORTED), E(ECONNREFUSED), E(ETIMEDOUT), E(EPIPE), E(EACCES), E(EPERM),
    E(EROFS), E(EEXIST), E(ENOENT), E(EBADF), E(EINVAL), E(ENETUNREACH), E(EHOSTUNREACH),
    E(EADDRINUSE), E(EPROTO), E(EMLINK), E(EXDEV), E(ENOLCK), E(EFBIG)};

static int
fault_of(const char *name, const char *rule)
{
	if (strcmp(name, "short") == 0)
		return FAULT_SHORT;
	if (strcmp(name, "byte") == 0)
		return FAULT_BYTE;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(name, errors[i].name) == 0)
			return errors[i].error;
	bad("no such fault", rule);
}

static mode_t
kind_of(const char *name, const char *rule)
{
	static const struct {
		const char *name;
		mode_t kind;
	} kinds[] = {{"reg", S_IFREG}, {"sock", S_IFSOCK}, {"fifo", S_IFIFO}, {"dir", S_IFDIR},
	    {"chr", S_IFCHR}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(name, kinds[i].name) == 0)
			return kinds[i].kind;
	bad("no such kind", rule);
}

/* The part after the fault: when. */
static void
parse_when(struct rule *r, const char *when, const char *rule)
{
	char *end = NULL;

	r->from = 1;
	r->to = UINT64_MAX;
	if (*when == '%') {
		r->chance = (uint64_t)(strtod(when + 1, &end) / 100 * 4294967296.0);
	} else if (*when == '@') {
		r->from = strtoull(when + 1, &end, 10);
		r->to = r->from;
		if (*end == '+') {
			r->to = UINT64_MAX;
			end++;
		} else if (*end == '-') {
			r->to = strtoull(end + 1, &end, 10);
		}
	}
	if (end && (*end || end == when + 1))
		bad("when is @N, @N+, @N-M or %P", rule);
}

static void
parse_function(char *name, const struct rule *like, const char *rule)
{
	char *slash = strchr(name, '/');
	struct rule *r = &rules[n_rules];
	int c = 0;

	if (slash)
		*slash++ = '\0';
	while (c < CALLS && strcmp(call_names[c], name) != 0)
		c++;
	if (c == CALLS)
		bad("no such function", rule);
	if (n_rules == RULES_MAX)
		bad("too many rules", rule);
	r->call = (enum call)c;
	r->fd = slash && strspn(slash, "0123456789") == strlen(slash) ? atoi(slash) : -1;
	r->kind = slash && r->fd < 0 ? kind_of(slash, rule) : 0;
	r->fault = like->fault;
	r->from = like->from;
	r->to = like->to;
	r->chance = like->chance;
	memcpy(r->fault_name, like->fault_name, sizeof(r->fault_name));
	n_rules++;
}

static void
parse_rule(char *text)
{
	char rule[256], *colon = strchr(text, ':'), *name, *rest = NULL;
	struct rule like = {0};
	size_t n;

	snprintf(rule, sizeof(rule), "%s", text);
	if (!colon)
		bad("a rule is FUNCTION:FAULT", rule);
	*colon = '\0';
	n = strcspn(colon + 1, "@%");
	if (n >= sizeof(like.fault_name))
		bad("no such fault", rule);
	memcpy(like.fault_name, colon + 1, n);
	like.fault = fault_of(like.fault_name, rule);
	parse_when(&like, colon + 1 + n, rule);
	for (name = strtok_r(text, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
		parse_function(name, &like, rule);
}

static void
open_counts(const char *path, unsigned long long seed)
{
	size_t size = (n_rules + 1) * LINE;
	char line[LINE + 1];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	void *p = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		bad("cannot write the counts", path);
	close(fd);
	counts = p;
	snprintf(line, sizeof(line), "seed %-58llu", seed);
	line[LINE - 1] = '\n';
	memcpy(counts, line, LINE);
	for (size_t i = 0; i < n_rules; i++)
		note(i);
}

static void
in_child(void)
{
	atomic_store(&active, false);
}

__attribute__((constructor)) static void
begin(void)
{
	const char *spec = getenv("FAULTIO"), *seed = getenv("FAULTIO_SEED");
	const char *path = getenv("FAULTIO_COUNTS");
	struct timespec now;
	char text[2048], *rule, *rest = NULL;

	for (int c = 0; c < CALLS; c++)
		real_of((enum call)c);
	if (!spec)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	atomic_store(&luck, seed ? strtoull(seed, NULL, 10) : (unsigned long long)now.tv_nsec);
	if (strlen(spec) >= sizeof(text))
		bad("longer than 2047 bytes", "FAULTIO");
	strcpy(text, spec);
	for (rule = strtok_r(text, " ", &rest); rule; rule = strtok_r(NULL, " ", &rest))
		parse_rule(rule);
	if (path)
		open_counts(path, atomic_load(&luck));
	unsetenv("LD_PRELOAD");
	unsetenv("FAULTIO");
	unsetenv("FAULTIO_SEED");
	unsetenv("FAULTIO_COUNTS");
	pthread_atfork(NULL, NULL, in_child);
	atomic_store(&active, true);
}

#endif
