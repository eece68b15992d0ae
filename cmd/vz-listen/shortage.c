#include "cmd/vz-listen/shortage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/vz-listen/gate.h"
#include "cmd/vz-listen/report.h"
#include "cmd/vz-listen/visit.h"

#define SAY_AGAIN_MS 60000

bool
shortage_relieve(struct server *srv, int sys_errno)
{
	bool descriptors = sys_errno == EMFILE || sys_errno == ENFILE;
	uint64_t now = vz_loop_now(srv->loop);
	struct visit *out = descriptors ? vz_pool_next_out(&srv->pool, now) : NULL;

	if (srv->starved_at == 0 || now - srv->starved_at >= SAY_AGAIN_MS) {
		report_starved(sys_errno);
		srv->starved_at = now;
	}
	if (!out)
		return false;
	gate_push_out(out, NULL);
	return true;
}

/* Descriptors are given from the lowest up, so the second next tells whether the next leaves one.
 */
static bool
has_descriptors(const struct server *srv, int any)
{
	int next = fcntl(any, F_DUPFD_CLOEXEC, 0), second = fcntl(any, F_DUPFD_CLOEXEC, 0);

	if (next >= 0)
		close(next);
	if (second >= 0)
		close(second);
	return second >= 0 && second < srv->descriptors;
}

int
shortage_accept(struct server *srv, int listener, struct sockaddr_storage *from)
{
	socklen_t len = sizeof(*from);
	int fd;

	if (srv->is_short && !has_descriptors(srv, listener)) {
		errno = EMFILE;
		return VZ_ESYSTEM;
	}
	memset(from, 0, sizeof(*from));
	fd = vz_listen_accept(listener, from, &len);
	if (fd >= srv->descriptors - 1)
		srv->is_short = true;
	else if (fd < 0 && srv->pool.n_strangers == 0)
		srv->is_short = false;
	return fd;
}
