#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "net/dial.h"
#include "net/resolve.h"
#include "net/sockaddr.h"
#include "net/sockopt.h"

#define DEFAULT_MS     10000
#define STAGGER_MS     250 /* RFC 8305 section 8: Connection Attempt Delay */
#define RETRY_FIRST_MS 5   /* a Unix socket whose queue is full is asked again after this, */
#define RETRY_LAST_MS  100 /* doubled up to this */
#define IDLE_MS        (UINT64_C(24) * 3600 * 1000)

struct attempt {
	struct vz_dial *dial;
	struct vz_watch watch; /* fd -1: not under way */
	struct vz_timer timer;
	uint64_t deadline, retry_ms;
};

struct vz_dial {
	struct vz_loop *loop;
	uint64_t connect_ms;
	vz_dial_fn *fn;
	void *arg;
	struct vz_resolve *resolve; /* while that step lasts */
	struct vz_timer timer;      /* the next step; always set, so that setting it cannot fail */
	enum vz_dial_step step;
	struct vz_sockaddr at[VZ_RESOLVE_MAX];
	struct attempt attempts[VZ_RESOLVE_MAX];
	size_t n, next, under_way;
	int fd;             /* the connection, or -1 */
	int err, sys_errno; /* the failure to tell */
	size_t told_by;     /* the address that it is of */
	bool over;          /* fn is being called */
};

static void
attempt_end(struct attempt *a, bool keep)
{
	if (a->watch.fd < 0)
		return;
	vz_loop_del(a->dial->loop, &a->watch);
	vz_timer_stop(a->dial->loop, &a->timer);
	if (!keep)
		close(a->watch.fd);
	a->watch.fd = -1;
	a->dial->under_way--;
}

static void
release(struct vz_dial *d)
{
	size_t i;

	vz_resolve_cancel(d->resolve);
	d->resolve = NULL;
	for (i = 0; i < d->n; i++)
		attempt_end(&d->attempts[i], false);
	vz_timer_stop(d->loop, &d->timer);
}

static void
deliver(struct vz_dial *d)
{
	release(d);
	d->over = true;
	if (d->fd >= 0)
		d->fn(d->arg, d->fd, 0, 0, d->step);
	else
		d->fn(d->arg, -1, d->err, d->sys_errno, d->step);
	free(d);
}

static void
soon(struct vz_dial *d)
{
	(void)vz_timer_set(d->loop, &d->timer, 0);
}

/* An address of a family that this host has no way to tells less than one where somebody said no.
 */
static bool
no_way(int err)
{
	return err == ENETUNREACH || err == EAFNOSUPPORT || err == EADDRNOTAVAIL;
}

/* The failure of the last address stands, whenever it came; the next address need not wait. */
static void
failed(struct attempt *a, int err)
{
	struct vz_dial *d = a->dial;
	size_t i = (size_t)(a - d->attempts);
	bool first = d->err == 0;

	attempt_end(a, false);
	if (first || no_way(d->sys_errno) > no_way(err) ||
	    (no_way(d->sys_errno) == no_way(err) && i > d->told_by)) {
		d->err = err == ETIMEDOUT ? VZ_ETIMEOUT : VZ_ESYSTEM;
		d->sys_errno = err;
		d->told_by = i;
	}
	if (d->next < d->n || d->under_way == 0)
		soon(d);
}

/*
 * Where nobody listens on a port of the local range, TCP may pick that very port for our end and
 * connect the socket to itself (RFC 9293 3.5, simultaneous open).
 */
static bool
is_itself(const struct attempt *a)
{
	const struct vz_sockaddr *at = &a->dial->at[a - a->dial->attempts];
	struct vz_sockaddr own = {.len = sizeof(own.u)};

	return at->u.sa.sa_family != AF_UNIX &&
	    getsockname(a->watch.fd, &own.u.sa, &own.len) == 0 && vz_sockaddr_equal(at, &own);
}

static void
connected(struct attempt *a)
{
	struct vz_dial *d = a->dial;
	size_t i;

	if (is_itself(a)) {
		failed(a, ECONNREFUSED);
		return;
	}
	d->fd = a->watch.fd;
	attempt_end(a, true);
	for (i = 0; i < d->next; i++)
		attempt_end(&d->attempts[i], false);
	if (d->at[0].u.sa.sa_family != AF_UNIX)
		vz_tcp_nodelay(d->fd);
	soon(d);
}

static void
on_writable(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct attempt *a = w->arg;
	socklen_t len = sizeof(int);
	int err = 0;

	(void)l;
	(void)got;
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		err = errno;
	if (err != 0)
		failed(a, err);
	else
		connected(a);
}

/* unix(7): EAGAIN, and nothing under way, when the listener's queue is full. */
static void
ask(struct attempt *a)
{
	const struct vz_sockaddr *at = &a->dial->at[a - a->dial->attempts];
	struct vz_loop *l = a->dial->loop;
	uint64_t now = vz_loop_now(l), left, ms;

	left = a->deadline > now ? a->deadline - now : 0;
	if (connect(a->watch.fd, &at->u.sa, at->len) == 0) {
		connected(a);
	} else if (errno == EINPROGRESS || errno == EINTR) {
		if (vz_loop_add(l, &a->watch, VZ_WRITE) != 0 ||
		    vz_timer_set(l, &a->timer, left) != 0)
			failed(a, ENOMEM);
	} else if (errno == EAGAIN && at->u.sa.sa_family == AF_UNIX) {
		ms = a->retry_ms < left ? a->retry_ms : left;
		a->retry_ms = a->retry_ms < RETRY_LAST_MS / 2 ? 2 * a->retry_ms : RETRY_LAST_MS;
		if (left == 0)
			failed(a, ETIMEDOUT);
		else if (vz_timer_set(l, &a->timer, ms) != 0)
			failed(a, ENOMEM);
	} else {
		failed(a, errno);
	}
}

static void
on_attempt_timer(struct vz_loop *l, struct vz_timer *t)
{
	struct attempt *a = t->arg;

	(void)l;
	if (a->watch.added)
		failed(a, ETIMEDOUT);
	else
		ask(a);
}

static void
begin(struct vz_dial *d)
{
	struct attempt *a = &d->attempts[d->next];
	int fd = vz_stream_socket(d->at[d->next].u.sa.sa_family);

	d->next++;
	*a = (struct attempt){.dial = d,
	    .watch = {.fd = fd, .fn = on_writable, .arg = a},
	    .timer = {.fn = on_attempt_timer, .arg = a},
	    .deadline = vz_loop_now(d->loop) + d->connect_ms,
	    .retry_ms = RETRY_FIRST_MS};
	if (fd < 0) {
		failed(a, errno);
		return;
	}
	d->under_way++;
	ask(a);
}

/* The timer's place in the heap was freed just now, so it can be taken again. */
static void
on_timer(struct vz_loop *l, struct vz_timer *t)
{
	struct vz_dial *d = t->arg;

	if (d->fd >= 0 || (d->next == d->n && d->under_way == 0)) {
		deliver(d);
		return;
	}
	(void)vz_timer_set(l, t, d->next + 1 < d->n ? STAGGER_MS : IDLE_MS);
	if (d->next < d->n)
		begin(d);
}

/*
 * RFC 8305 section 4: families take turns, beginning with the family that RFC 6724 put first, which
 * is IPv6 wherever this host has a way to it.
 */
static void
take_turns(struct vz_dial *d, const struct vz_sockaddr *list, size_t n)
{
	size_t first = 0, second = 0, i;
	bool turn = true;

	for (i = 0; i < n; i++, turn = !turn) {
		while (first < n && list[first].u.sa.sa_family != list[0].u.sa.sa_family)
			first++;
		while (second < n && list[second].u.sa.sa_family == list[0].u.sa.sa_family)
			second++;
		d->at[i] = (turn && first < n) || second == n ? list[first++] : list[second++];
	}
	for (i = 0; i < n; i++)
		d->attempts[i].watch.fd = -1;
	d->n = n;
}

static void
on_resolved(void *arg, int err, int sys_errno, const struct vz_sockaddr *list, size_t n)
{
	struct vz_dial *d = arg;

	d->resolve = NULL;
	if (err != 0) {
		d->err = err;
		d->sys_errno = sys_errno;
	} else {
		take_turns(d, list, n);
		d->step = VZ_DIAL_CONNECT;
	}
	soon(d);
}

static int
start(struct vz_dial *d, const struct vz_dial_config *c)
{
	struct vz_sockaddr one;
	int r;

	if (c->at.kind == VZ_ADDRESS_UNIX) {
		r = vz_sockaddr_unix(c->at.path, &one);
	} else if (c->at.numeric) {
		r = vz_sockaddr_literal(c->at.host, c->at.port, c->family, &one);
	} else {
		return vz_resolve_start(d->loop, c->at.host, c->at.port, c->family, c->resolve_ms,
		    on_resolved, d, &d->resolve);
	}
	if (r == VZ_ENOTFOUND) { /* a literal of the other family */
		d->err = r;
		soon(d);
		return 0;
	}
	if (r != 0)
		return r;
	take_turns(d, &one, 1);
	d->step = VZ_DIAL_CONNECT;
	begin(d);
	return 0;
}

int
vz_dial_start(struct vz_loop *l, const struct vz_dial_config *c, vz_dial_fn *fn, void *arg,
    struct vz_dial **out)
{
	struct vz_dial *d;
	int r, saved;

	*out = NULL;
	if (c->at.kind == VZ_ADDRESS_RELAY)
		return VZ_EINVAL;
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return VZ_ENOMEM;
	d->loop = l;
	d->connect_ms = c->connect_ms != 0 ? c->connect_ms : DEFAULT_MS;
	d->fn = fn;
	d->arg = arg;
	d->fd = -1;
	d->timer = (struct vz_timer){.fn = on_timer, .arg = d};
	if ((r = vz_timer_set(l, &d->timer, IDLE_MS)) == 0 && (r = start(d, c)) == 0) {
		*out = d;
		return 0;
	}
	saved = errno;
	release(d);
	free(d);
	errno = saved;
	return r;
}

void
vz_dial_cancel(struct vz_dial *d)
{
	if (d == NULL || d->over)
		return;
	release(d);
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}
