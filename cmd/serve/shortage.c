#include "cmd/serve/shortage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/serve/report.h"

#define SAY_AGAIN_MS 60000
#define LEFT         32

/* More may be asked for than the soft limit has descriptors; failing that, accept pauses. */
void
shortage_raise_limit(uint64_t need)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= need)
		return;
	l.rlim_cur = l.rlim_max < need ? l.rlim_max : need;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

int
shortage_reserve(void)
{
	struct rlimit l;
	rlim_t left;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur > INT_MAX)
		return INT_MAX;
	left = l.rlim_cur / 4 < LEFT ? l.rlim_cur / 4 : LEFT;
	return (int)(l.rlim_cur - left);
}

bool
shortage_relieve(struct gate *g, int sys_errno)
{
	bool descriptors = sys_errno == EMFILE || sys_errno == ENFILE;
	uint64_t now = vz_loop_now(g->loop);
	struct caller *out = descriptors ? vz_pool_next_out(&g->pool, now) : NULL;

	if (g->starved_at == 0 || now - g->starved_at >= SAY_AGAIN_MS) {
		report_starved(sys_errno);
		g->starved_at = now;
	}
	if (!out)
		return false;
	gate_push_out(g, out, NULL);
	return true;
}

/* Descriptors are given from the lowest up, so the second next tells whether the next leaves one.
 */
static bool
has_descriptors(const struct gate *g, int any)
{
	int next = fcntl(any, F_DUPFD_CLOEXEC, 0), second = fcntl(any, F_DUPFD_CLOEXEC, 0);

	if (next >= 0)
		close(next);
	if (second >= 0)
		close(second);
	return second >= 0 && second < g->descriptors;
}

bool
shortage_allows(struct gate *g)
{
	return has_descriptors(g, STDERR_FILENO) ||
	    (shortage_relieve(g, EMFILE) && has_descriptors(g, STDERR_FILENO));
}

int
shortage_accept(struct gate *g, int listener, struct sockaddr_storage *from)
{
	socklen_t len = sizeof(*from);
	int fd;

	if (g->is_short && !has_descriptors(g, listener)) {
		errno = EMFILE;
		return VZ_ESYSTEM;
	}
	memset(from, 0, sizeof(*from));
	fd = vz_listen_accept(listener, from, &len);
	if (fd >= g->descriptors - 1)
		g->is_short = true;
	else if (fd < 0 && g->pool.n_strangers == 0)
		g->is_short = false;
	return fd;
}
