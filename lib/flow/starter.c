#include "flow/starter.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "flow/spawn.h"
#include "flow/starter_impl.h"
#include "net/fdpass.h"
#include "net/sockopt.h"

struct vz_starter {
	int sock, ends;
	bool gone;
	uint32_t last; /* id */
	struct vz_loop *loop;
	struct vz_watch watch;
	vz_starter_fn *fn;
	void *arg;
};

/* The answer, and what came with it. 0, or the errno. */
static int
hear(int sock, int fds[static VZ_RUN_FDS])
{
	struct vz_starter_answer a;
	ssize_t n = vz_fdpass_get(sock, &a, sizeof(a), fds, VZ_RUN_FDS);

	return n == (ssize_t)sizeof(a) ? a.err : n < 0 ? errno : EPIPE;
}

static void
close_all(int *fds, size_t n)
{
	int saved = errno;

	for (size_t i = 0; i < n; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
	errno = saved;
}

int
vz_starter_split(const struct vz_starter_config *config, struct vz_starter **out)
{
	int sock[2] = {-1, -1}, ends[2] = {-1, -1}, none[VZ_RUN_FDS], err = VZ_ESYSTEM, why;
	struct vz_starter *s = calloc(1, sizeof(*s));
	sigset_t mask;
	pid_t pid;

	*out = NULL;
	if (s == NULL)
		return VZ_ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock) != 0 ||
	    vz_pipe(ends, 0) != 0 || (pid = vz_spawn_fork(&mask)) < 0)
		goto fail;
	if (pid == 0)
		vz_starter_serve(sock[1], ends[1], config);
	close(sock[1]);
	close(ends[1]);
	sock[1] = ends[1] = -1;
	why = hear(sock[0], none);
	if (why != 0) {
		vz_spawn_reap(pid);
		errno = why;
		goto fail;
	}
	*s = (struct vz_starter){.sock = sock[0], .ends = ends[0]};
	*out = s;
	return 0;
fail:
	close_all(sock, 2);
	close_all(ends, 2);
	free(s);
	return err;
}

void
vz_starter_ignore(struct vz_starter *s)
{
	if (s->loop != NULL)
		vz_loop_del(s->loop, &s->watch);
	s->loop = NULL;
}

void
vz_starter_free(struct vz_starter *s)
{
	if (s == NULL)
		return;
	vz_starter_ignore(s);
	close(s->sock);
	close(s->ends);
	free(s);
}

/* One end, or that there are no more of them to come. */
static void
take_end(struct vz_starter *s)
{
	struct vz_starter_end e;
	size_t have = 0;
	ssize_t n = 1;

	/* The rest of one that has begun does not keep us waiting. */
	while (have < sizeof(e) && (n > 0 || (n < 0 && errno == EINTR))) {
		n = read(s->ends, (char *)&e + have, sizeof(e) - have);
		if (n > 0)
			have += (size_t)n;
	}
	if (have == sizeof(e)) {
		s->fn(s->arg, e.id, e.status);
		return;
	}
	s->gone = true;
	vz_starter_ignore(s);
	s->fn(s->arg, 0, -1);
}

bool
vz_starter_is_gone(const struct vz_starter *s)
{
	return s->gone;
}

static void
on_end(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	(void)l;
	(void)got;
	take_end(w->arg);
}

int
vz_starter_watch(struct vz_starter *s, struct vz_loop *l, vz_starter_fn *fn, void *arg)
{
	int r;

	s->fn = fn;
	s->arg = arg;
	s->watch = (struct vz_watch){.fd = s->ends, .fn = on_end, .arg = s};
	r = vz_loop_add(l, &s->watch, VZ_READ);
	if (r == 0)
		s->loop = l;
	return r;
}

bool
vz_starter_wait(struct vz_starter *s, int ms)
{
	struct pollfd p = {.fd = s->ends, .events = POLLIN};

	if (s->loop == NULL || poll(&p, 1, ms) <= 0)
		return false;
	take_end(s);
	return true;
}

/* The strings one after the other, each with its NUL. */
static size_t
measure(char *const list[], uint32_t *count)
{
	size_t n = 0;

	for (*count = 0; list[*count] != NULL; ++*count)
		n += strlen(list[*count]) + 1;
	return n;
}

static char *
pack(char *to, char *const list[])
{
	for (; *list != NULL; list++) {
		size_t n = strlen(*list) + 1;

		memcpy(to, *list, n);
		to += n;
	}
	return to;
}

static int
ask(struct vz_starter *s, char *const argv[], char *const envp[], unsigned wants, uint32_t id)
{
	struct vz_starter_request q = {.what = VZ_STARTER_START, .id = id, .wants = wants};
	size_t text = measure(argv, &q.argc) + measure(envp, &q.envc);
	char *all;
	int r;

	if (text > VZ_STARTER_TEXT_MAX) {
		errno = E2BIG;
		return VZ_ESYSTEM;
	}
	q.text = (uint32_t)text;
	all = malloc(sizeof(q) + text);
	if (all == NULL)
		return VZ_ENOMEM;
	memcpy(all, &q, sizeof(q));
	(void)pack(pack(all + sizeof(q), argv), envp);
	r = vz_fdpass_put(s->sock, all, sizeof(q) + text, NULL, 0);
	free(all);
	return r;
}

/* They come in the order of enum vz_run_fd, without those that were not wanted: to their places. */
static bool
in_place(unsigned wants, int fds[static VZ_RUN_FDS])
{
	if ((wants & VZ_RUN_REPLY) == 0) {
		fds[VZ_RUN_PROOFS] = fds[VZ_RUN_OUT];
		fds[VZ_RUN_OUT] = -1;
	}
	/* Else the system had no room for them here. */
	return fds[VZ_RUN_IN] >= 0 && ((wants & VZ_RUN_REPLY) == 0 || fds[VZ_RUN_OUT] >= 0) &&
	    ((wants & VZ_RUN_PROOF) == 0 || fds[VZ_RUN_PROOFS] >= 0);
}

int
vz_starter_start(struct vz_starter *s, char *const argv[], char *const envp[], unsigned wants,
    uint32_t *id, int fds[static VZ_RUN_FDS])
{
	int r, why;

	*id = 0;
	for (int i = 0; i < VZ_RUN_FDS; i++)
		fds[i] = -1;
	if (++s->last == 0)
		s->last++; /* 0 is nobody's */
	r = ask(s, argv, envp, wants, s->last);
	if (r != 0)
		return r;
	why = hear(s->sock, fds);
	if (why == 0 && !in_place(wants, fds))
		why = EMFILE;
	if (why != 0) {
		close_all(fds, VZ_RUN_FDS);
		vz_starter_signal(s, s->last, SIGKILL);
		vz_starter_forget(s, s->last);
		errno = why;
		return VZ_ESYSTEM;
	}
	*id = s->last;
	return 0;
}

/* One that is gone needs to be told nothing. */
static void
tell(struct vz_starter *s, struct vz_starter_request q)
{
	int saved = errno;

	(void)vz_fdpass_put(s->sock, &q, sizeof(q), NULL, 0);
	errno = saved;
}

void
vz_starter_signal(struct vz_starter *s, uint32_t id, int signo)
{
	tell(s, (struct vz_starter_request){.what = VZ_STARTER_SIGNAL, .id = id, .signo = signo});
}

void
vz_starter_finish(struct vz_starter *s, uint32_t id)
{
	tell(s, (struct vz_starter_request){.what = VZ_STARTER_FINISH, .id = id});
}

void
vz_starter_forget(struct vz_starter *s, uint32_t id)
{
	tell(s, (struct vz_starter_request){.what = VZ_STARTER_FORGET, .id = id});
}
