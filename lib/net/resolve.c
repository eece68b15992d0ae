#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fsutil.h"
#include "net/loop.h"
#include "net/resolve.h"
#include "net/resolver.h"
#include "net/sockopt.h"

#define DEFAULT_MS 10000

static vz_resolver_fn *resolver = getaddrinfo;

/* The child's answer, one write of less than PIPE_BUF. */
struct answer {
	int32_t err, sys_errno;
	uint32_t n;
	struct {
		uint16_t family;
		uint8_t ip[16];
		uint32_t scope;
	} at[VZ_RESOLVE_MAX];
};

struct vz_resolve {
	struct vz_loop *loop;
	struct vz_watch watch;
	struct vz_timer timer;
	pid_t pid;
	uint16_t port;
	int family;
	vz_resolve_fn *fn;
	void *arg;
	size_t got;
	struct answer answer;
};

void
vz_resolve_use(vz_resolver_fn *fn)
{
	resolver = fn != NULL ? fn : getaddrinfo;
}

static int
to_code(int gai)
{
	switch (gai) {
	case 0: return 0;
	case EAI_AGAIN: return VZ_ETIMEOUT;
	case EAI_MEMORY: return VZ_ENOMEM;
	case EAI_SYSTEM: return VZ_ESYSTEM;
	default: return VZ_ENOTFOUND;
	}
}

/* RFC 6761 6.4: names under .invalid do not exist, and nobody need be asked. */
static bool
is_invalid(const char *host)
{
	size_t n = strlen(host);

	if (n > 0 && host[n - 1] == '.')
		n--;
	return (n == 7 || (n > 7 && host[n - 8] == '.')) &&
	    strncasecmp(host + n - 7, "invalid", 7) == 0;
}

static void
collect(struct answer *a, const struct addrinfo *ai)
{
	for (; ai != NULL && a->n < VZ_RESOLVE_MAX; ai = ai->ai_next) {
		if (ai->ai_family == AF_INET) {
			const struct sockaddr_in *in4 = (const void *)ai->ai_addr;

			memcpy(a->at[a->n].ip, &in4->sin_addr, 4);
		} else if (ai->ai_family == AF_INET6) {
			const struct sockaddr_in6 *in6 = (const void *)ai->ai_addr;

			memcpy(a->at[a->n].ip, &in6->sin6_addr, 16);
			a->at[a->n].scope = in6->sin6_scope_id;
		} else {
			continue;
		}
		a->at[a->n++].family = (uint16_t)ai->ai_family;
	}
}

/*
 * The child keeps nothing of the parent's but the pipe: standard streams that it held would keep
 * their readers waiting should the parent die first, and the alarm ends it then. Where nothing can
 * be opened for writing any more (net/resolver) they are /dev/null already.
 */
void
vz_resolver_child(const char *host, int family, uint64_t ms, int out)
{
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
	struct addrinfo *ai = NULL;
	struct answer a;
	int null, i, gai;

	vz_signal_reset();
	alarm((unsigned)(ms / 1000 > 86400 ? 86400 : ms / 1000) + 1);
	if (out != 3 && dup2(out, 3) < 0)
		_exit(1);
	closefrom(4);
	if ((null = vz_fs_openat(AT_FDCWD, "/dev/null", O_RDWR, 0)) >= 0)
		for (i = 0; i < 3; i++)
			dup2(null, i);
	memset(&a, 0, sizeof(a));
	errno = 0;
	gai = is_invalid(host) ? EAI_NONAME : resolver(host, NULL, &hints, &ai);
	a.err = to_code(gai);
	a.sys_errno = errno;
	if (gai == 0)
		collect(&a, ai);
	_exit(write(3, &a, sizeof(a)) == (ssize_t)sizeof(a) ? 0 : 1);
}

/* Signals wait until the child has dropped our handlers: in it they would write to our loop. */
static int
start_child(struct vz_resolve *r, const char *host, uint64_t ms)
{
	sigset_t all, old;
	int p[2], saved;

	if (vz_pipe(p, O_NONBLOCK) != 0)
		return VZ_ESYSTEM;
	if (vz_resolver_is_split()) {
		saved = vz_resolver_ask(host, r->family, ms, p[1]);
		close(p[1]);
		r->watch.fd = p[0];
		return saved;
	}
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	if ((r->pid = fork()) == 0)
		vz_resolver_child(host, r->family, ms, p[1]);
	saved = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(p[1]);
	r->watch.fd = p[0];
	if (r->pid < 0) {
		close(p[0]);
		r->watch.fd = -1;
		errno = saved;
		return VZ_ESYSTEM;
	}
	return 0;
}

/* The child ends at once when killed, so the wait is short; it is unreaped, so the pid is its. */
static void
end(struct vz_resolve *r)
{
	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (r->watch.fd >= 0) {
		vz_loop_del(r->loop, &r->watch);
		close(r->watch.fd);
	}
	vz_timer_stop(r->loop, &r->timer);
	free(r);
}

static void
finish(struct vz_resolve *r, int err, int sys_errno, const struct vz_sockaddr *list, size_t n)
{
	vz_resolve_fn *fn = r->fn;
	void *arg = r->arg;

	end(r);
	fn(arg, err, sys_errno, list, n);
}

/* The child has read what name servers sent, so its answer is looked at as theirs would be. */
static size_t
unpack(const struct vz_resolve *r, struct vz_sockaddr *list)
{
	const struct answer *a = &r->answer;
	size_t i, k, n = 0;

	for (i = 0; i < a->n && i < VZ_RESOLVE_MAX; i++) {
		struct vz_sockaddr *s = &list[n];

		memset(s, 0, sizeof(*s));
		if (a->at[i].family == AF_INET && r->family != AF_INET6) {
			s->len = sizeof(s->u.in4);
			s->u.in4.sin_family = AF_INET;
			memcpy(&s->u.in4.sin_addr, a->at[i].ip, 4);
		} else if (a->at[i].family == AF_INET6 && r->family != AF_INET) {
			s->len = sizeof(s->u.in6);
			s->u.in6.sin6_family = AF_INET6;
			s->u.in6.sin6_scope_id = a->at[i].scope;
			memcpy(&s->u.in6.sin6_addr, a->at[i].ip, 16);
		} else {
			continue;
		}
		vz_sockaddr_set_port(s, r->port);
		for (k = 0; k < n && !vz_sockaddr_equal(&list[k], s); k++)
			;
		n += k == n;
	}
	return n;
}

static void
on_readable(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_resolve *r = w->arg;
	struct vz_sockaddr list[VZ_RESOLVE_MAX];
	ssize_t k;
	size_t n;

	(void)l;
	(void)got;
	k = read(w->fd, (uint8_t *)&r->answer + r->got, sizeof(r->answer) - r->got);
	if (k < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (k <= 0) { /* the child died without a word */
		finish(r, VZ_ESYSTEM, EIO, NULL, 0);
		return;
	}
	r->got += (size_t)k;
	if (r->got < sizeof(r->answer))
		return;
	if (r->answer.err != 0) {
		finish(r, r->answer.err, r->answer.sys_errno, NULL, 0);
		return;
	}
	n = unpack(r, list);
	finish(r, n > 0 ? 0 : VZ_ENOTFOUND, 0, list, n);
}

static void
on_bound(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	finish(t->arg, VZ_ETIMEOUT, ETIMEDOUT, NULL, 0);
}

int
vz_resolve_start(struct vz_loop *l, const char *host, uint16_t port, int family, uint64_t ms,
    vz_resolve_fn *fn, void *arg, struct vz_resolve **out)
{
	struct vz_resolve *r;
	int e, saved;

	*out = NULL;
	if (ms == 0)
		ms = DEFAULT_MS;
	if ((r = calloc(1, sizeof(*r))) == NULL)
		return VZ_ENOMEM;
	r->loop = l;
	r->port = port;
	r->family = family;
	r->fn = fn;
	r->arg = arg;
	r->watch.fd = -1;
	r->watch.fn = on_readable;
	r->watch.arg = r;
	r->timer.fn = on_bound;
	r->timer.arg = r;
	if ((e = vz_timer_set(l, &r->timer, ms)) == 0 && (e = start_child(r, host, ms)) == 0 &&
	    (e = vz_loop_add(l, &r->watch, VZ_READ)) == 0) {
		*out = r;
		return 0;
	}
	saved = errno;
	end(r);
	errno = saved;
	return e;
}

void
vz_resolve_cancel(struct vz_resolve *r)
{
	if (r != NULL)
		end(r);
}

struct waiting {
	struct vz_loop *loop;
	struct vz_sockaddr *list;
	size_t n;
	int sys_errno;
};

static void
on_waited(void *arg, int err, int sys_errno, const struct vz_sockaddr *list, size_t n)
{
	struct waiting *w = arg;

	w->n = n;
	w->sys_errno = sys_errno;
	if (n > 0)
		memcpy(w->list, list, n * sizeof(*list));
	vz_loop_stop(w->loop, err);
}

int
vz_resolve_wait(
    const char *host, uint16_t port, int family, uint64_t ms, struct vz_sockaddr *list, size_t *n)
{
	struct waiting w = {.list = list};
	struct vz_resolve *r;
	int e;

	*n = 0;
	if ((e = vz_loop_new(&w.loop)) != 0)
		return e;
	if ((e = vz_resolve_start(w.loop, host, port, family, ms, on_waited, &w, &r)) == 0) {
		e = vz_loop_run(w.loop);
		*n = w.n;
	}
	vz_loop_free(w.loop);
	if (e == VZ_ESYSTEM && w.sys_errno != 0)
		errno = w.sys_errno;
	return e;
}
