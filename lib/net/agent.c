#include "net/agent_impl.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "net/sockaddr.h"
#include "net/sockopt.h"

#define MESSAGE_MAX (4 + VZ_AGENT_MESSAGE_MAX)
#define READ_MAX    4096
#define BUSY_NAP_MS 10

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int
vz_agent_new(struct vz_agent **out, const char *path)
{
	struct vz_agent *a = calloc(1, sizeof(*a));

	*out = NULL;
	if (!a || !(a->path = strdup(path ? path : ""))) {
		free(a);
		return VZ_ENOMEM;
	}
	a->fd = -1;
	a->patience_ms = VZ_AGENT_ANSWER_MS;
	TAILQ_INIT(&a->questions);
	vz_buf_init(&a->in, MESSAGE_MAX + READ_MAX);
	vz_buf_init(&a->out, VZ_AGENT_REQUEST_MAX);
	*out = a;
	return 0;
}

void
vz_agent_free(struct vz_agent *a)
{
	if (!a)
		return;
	vz_agent_drop(a);
	if (a->loop)
		vz_timer_stop(a->loop, &a->tell);
	vz_buf_free(&a->in);
	vz_buf_free(&a->out);
	free(a->path);
	free(a);
}

void
vz_agent_fail(struct vz_agent *a, enum vz_agent_fault fault)
{
	if (a->loop) {
		vz_loop_del(a->loop, &a->watch);
		vz_timer_stop(a->loop, &a->patience);
	}
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	a->listing = false;
	vz_buf_clear(&a->in);
	vz_buf_clear(&a->out);
	(void)vz_agent_refuse(a, fault, 0);
	vz_agent_fail_questions(a, fault);
}

void
vz_agent_drop(struct vz_agent *a)
{
	vz_agent_fail(a, VZ_AGENT_SLOW);
	vz_agent_forget_questions(a);
	a->news = false;
}

/* Connecting. */

/* A Unix socket answers at once, unless too many others wait for it. */
static int
connect_to(int fd, const struct vz_sockaddr *at)
{
	const struct timespec nap = {0, BUSY_NAP_MS * 1000000L};

	for (int waited = 0; connect(fd, &at->u.sa, at->len) != 0; waited += BUSY_NAP_MS) {
		if (errno == EISCONN)
			return 0;
		if ((errno != EAGAIN && errno != EINTR) || waited >= VZ_AGENT_CONNECT_MS)
			return -1;
		nanosleep(&nap, NULL);
	}
	return 0;
}

static void on_ready(struct vz_loop *l, struct vz_watch *w, unsigned got);

static int
watch_it(struct vz_agent *a)
{
	if (!a->loop || a->fd < 0)
		return 0;
	a->watch = (struct vz_watch){.fd = a->fd, .fn = on_ready, .arg = a};
	return vz_loop_add(a->loop, &a->watch, VZ_READ);
}

/* Did it end while nothing was asked? An agent may be started anew, or close what is idle. */
static bool
has_ended(const struct vz_agent *a)
{
	char next;

	return recv(a->fd, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0 && !vz_agent_is_asked(a);
}

int
vz_agent_connect(struct vz_agent *a)
{
	struct vz_sockaddr at;
	int fd, err;

	if (a->fd >= 0 && has_ended(a))
		vz_agent_fail(a, VZ_AGENT_LOST);
	if (a->fd >= 0)
		return 0;
	if (!*a->path)
		return vz_agent_refuse(a, VZ_AGENT_NONE, 0);
	if (vz_sockaddr_unix(a->path, &at) != 0)
		return vz_agent_refuse(a, VZ_AGENT_AWAY, ENAMETOOLONG);
	fd = vz_stream_socket(AF_UNIX);
	if (fd < 0)
		return vz_agent_refuse(a, VZ_AGENT_AWAY, errno);
	if (connect_to(fd, &at) != 0) {
		(void)vz_agent_refuse(a, VZ_AGENT_AWAY, errno);
		close(fd);
		return VZ_ESIGNER;
	}
	a->fd = fd;
	err = watch_it(a);
	if (err)
		vz_agent_fail(a, VZ_AGENT_LOST);
	return err;
}

static bool
again(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

void
vz_agent_write(struct vz_agent *a)
{
	ssize_t n;

	while (a->fd >= 0 && a->out.len > 0) {
		n = send(a->fd, vz_buf_ptr(&a->out), a->out.len, MSG_NOSIGNAL);
		if (n < 0) {
			if (!again())
				vz_agent_fail(a, VZ_AGENT_LOST);
			return;
		}
		vz_buf_consume(&a->out, (size_t)n);
	}
}

/* Reads what there is, up to one message more. */
static void
read_some(struct vz_agent *a)
{
	uint8_t *p;
	ssize_t n;

	if (a->fd < 0)
		return;
	if (vz_buf_reserve(&a->in, READ_MAX, &p) != 0) {
		vz_agent_fail(a, VZ_AGENT_MALFORMED);
		return;
	}
	n = recv(a->fd, p, READ_MAX, 0);
	if (n > 0)
		vz_buf_added(&a->in, (size_t)n);
	else if (n == 0 || !again())
		vz_agent_fail(a, VZ_AGENT_LOST);
}

/* The answers that are whole. The list is left for who waits for it. */
static void
take_answers(struct vz_agent *a)
{
	while (a->fd >= 0 && !a->listing) {
		long n = vz_agent_whole(vz_buf_ptr(&a->in), a->in.len);

		if (n == 0)
			return;
		if (n < 0) {
			vz_agent_fail(a, VZ_AGENT_MALFORMED);
			return;
		}
		vz_agent_answered(a, vz_buf_ptr(&a->in) + 4, (size_t)n - 4);
		/* Nothing is left of it when that failed. */
		if (a->fd >= 0)
			vz_buf_consume(&a->in, (size_t)n);
	}
}

/* Waiting. */

/* What can be done now; waits ms at most until something can. */
static void
turn(struct vz_agent *a, unsigned ms)
{
	struct pollfd p = {.fd = a->fd, .events = POLLIN};

	if (a->out.len > 0)
		p.events |= POLLOUT;
	if (poll(&p, 1, (int)ms) <= 0)
		return;
	vz_agent_write(a);
	if (p.revents & ~POLLOUT)
		read_some(a);
	take_answers(a);
	vz_agent_write(a);
}

int
vz_agent_wait(struct vz_agent *a, unsigned ms)
{
	uint64_t end = now_ms() + ms, now;
	bool news;

	while (!a->news && a->fd >= 0 && (now = now_ms()) < end)
		turn(a, (unsigned)(end - now));
	news = a->news;
	a->news = false;
	return news ? 0 : VZ_ETIMEOUT;
}

/* The list is what comes next, or nothing is. */
static int
take_list(struct vz_agent *a, struct vz_buf *message)
{
	long n = vz_agent_whole(vz_buf_ptr(&a->in), a->in.len);
	int err;

	if (n == 0)
		return VZ_EPENDING;
	if (n < 0) {
		vz_agent_fail(a, VZ_AGENT_MALFORMED);
		return VZ_ESIGNER;
	}
	err = vz_buf_put(message, vz_buf_ptr(&a->in) + 4, (size_t)n - 4);
	vz_buf_consume(&a->in, (size_t)n);
	a->listing = false;
	return err;
}

int
vz_agent_list(struct vz_agent *a, struct vz_buf *message)
{
	uint64_t end = now_ms() + VZ_AGENT_LIST_MS, now;
	int err = vz_agent_connect(a);

	if (!err)
		err = vz_agent_ask_keys(&a->out);
	if (err)
		return err;
	a->listing = true;
	while ((err = take_list(a, message)) == VZ_EPENDING) {
		if (a->fd < 0)
			return VZ_ESIGNER;
		if ((now = now_ms()) >= end) {
			vz_agent_fail(a, VZ_AGENT_SLOW);
			return VZ_ESIGNER;
		}
		turn(a, (unsigned)(end - now));
	}
	return err;
}

/* On a loop. */

static void
on_ready(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_agent *a = w->arg;

	vz_agent_write(a);
	if (got & VZ_READ)
		read_some(a);
	take_answers(a);
	vz_agent_write(a);
	if (a->fd >= 0)
		(void)vz_loop_want(l, &a->watch, VZ_READ | (a->out.len > 0 ? VZ_WRITE : 0));
}

static void
on_tell(struct vz_loop *l, struct vz_timer *t)
{
	struct vz_agent *a = t->arg;

	(void)l;
	a->news = false;
	a->fn(a->arg);
}

static void
on_patience_over(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	vz_agent_fail(t->arg, VZ_AGENT_SLOW);
}

int
vz_agent_watch(struct vz_agent *a, struct vz_loop *l, vz_agent_fn *fn, void *arg)
{
	a->loop = l;
	a->fn = fn;
	a->arg = arg;
	a->tell = (struct vz_timer){.fn = on_tell, .arg = a};
	a->patience = (struct vz_timer){.fn = on_patience_over, .arg = a};
	return watch_it(a);
}
