#include "cmd/vz-send/renew.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>
#include "cmd/vz-send/words.h"

#define AGAIN_MS (60 * 1000)

uint64_t
renew_after(uint64_t ms)
{
	return ms - ms / 10 + randombytes_uniform((uint32_t)(ms / 5) + 1);
}

static void
on_time(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	renew_begin(t->arg);
}

static void
later(struct link *k, int err, int sys_errno)
{
	words_not_renewed(k, err, sys_errno);
	k->renew = (struct vz_timer){.fn = on_time, .arg = k};
	(void)vz_timer_set(k->loop, &k->renew, renew_after(AGAIN_MS));
}

/* Only where the other side goes on with a stream, and where a break would not be the end here. */
void
renew_begin(struct link *k)
{
	int err;

	if (!k->resumes || !k->goes_on || k->options->retry_ms == 0 || k->stage != LINK_READY ||
	    k->finished || k->status != 0 || link_is_dialling(k))
		return;
	err = link_dial_only(k);
	if (err)
		later(k, err, 0);
}

bool
renew_dialled(struct link *k, int fd, int err, int sys_errno)
{
	if (fd < 0) {
		later(k, err, sys_errno);
		return false;
	}
	/* As long as it is not closed the other side sees no break: the newest connection counts.
	 */
	k->left_fd = fcntl(vz_conn_fd(k->conn), F_DUPFD_CLOEXEC, 0);
	k->renewing = true;
	k->session = vz_conn_leave_session(k->conn);
	vz_conn_drop(k->conn);
	k->conn = NULL;
	return true;
}

static void
let_go(struct link *k)
{
	if (k->renewing && k->left_fd >= 0)
		close(k->left_fd);
	k->renewing = false;
}

bool
renew_over(struct link *k)
{
	bool was = k->renewing;

	let_go(k);
	return was;
}

void
renew_stop(struct link *k)
{
	let_go(k);
	vz_timer_stop(k->loop, &k->renew);
	if (k->conn)
		link_dial_cancel(k);
}
