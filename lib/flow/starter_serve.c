/*
 * The small process of flow/starter.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/err.h"
#include "base/fsutil.h"
#include "flow/handler_exec.h"
#include "flow/held.h"
#include "flow/starter_impl.h"
#include "net/fdpass.h"

enum place { IN_NULL, OUT_NULL, OUR_STDERR, OUR_SOCK, OUR_ENDS, FIRST_FREE };

struct job {
	struct job *next, **back;
	struct serving *all;
	uint32_t id;
	pid_t pid;
	int in;              /* the writing end that is ours, -1 = closed or held */
	struct vz_held held; /* it, when its input is not whole */
	bool running, forgotten;
};

struct serving {
	const struct vz_starter_config *config;
	struct vz_loop *loop;
	struct vz_watch sock;
	struct job *first;
	bool orphaned; /* nobody asks any more */
};

static struct job *
job_of(struct serving *all, uint32_t id)
{
	struct job *j = all->first;

	while (j != NULL && j->id != id)
		j = j->next;
	return j;
}

static bool
has_input(const struct job *j)
{
	return j->in >= 0 || j->held.on;
}

/* The last one out. */
static void
release(struct job *j)
{
	struct serving *all = j->all;

	if (!j->running && !has_input(j) && (j->forgotten || all->orphaned)) {
		if (j->next != NULL)
			j->next->back = j->back;
		*j->back = j->next;
		free(j);
	}
	if (all->orphaned && all->first == NULL)
		vz_loop_stop(all->loop, 0);
}

static void
close_in(struct job *j)
{
	if (j->in >= 0)
		close(j->in);
	j->in = -1;
	vz_held_close(&j->held);
}

static void
on_readers_gone(void *arg)
{
	release(arg);
}

/* Its input is not whole: closed only when nobody could see it end. */
static void
hold(struct job *j)
{
	int fd = j->in;

	if (fd < 0)
		return;
	j->in = -1; /* moved */
	vz_held_take(&j->held, j->all->loop, fd, on_readers_gone, j);
}

static void
signal_job(const struct job *j, int signo)
{
	kill(-j->pid, signo);
	if (j->running) /* the leader may have joined another group */
		kill(j->pid, signo);
}

static void
on_child(struct vz_loop *l, pid_t pid, int status, void *arg)
{
	struct job *j = arg;
	struct vz_starter_end e = {.id = j->id, .status = status};
	size_t done = 0;
	ssize_t r = 1;

	(void)l;
	(void)pid;
	j->running = false;
	/* The pipe holds more of these than there are commands, so this waits for nobody. */
	while (done < sizeof(e) && (r > 0 || (r < 0 && errno == EINTR))) {
		r = write(OUR_ENDS, (const char *)&e + done, sizeof(e) - done);
		if (r > 0)
			done += (size_t)r;
	}
	hold(j);
	release(j);
}

/* Requests. */

static int
run(struct serving *all, const struct vz_starter_request *q, char *const argv[], char *const envp[],
    int fds[static VZ_RUN_FDS])
{
	const struct vz_starter_config *c = all->config;
	struct job *j;
	int r;

	if (c != NULL && c->permit != NULL && (r = c->permit(c->arg, argv, envp)) != 0)
		return r;
	if ((j = calloc(1, sizeof(*j))) == NULL)
		return ENOMEM;
	r = vz_handler_exec(argv, envp, IN_NULL, q->wants, &j->pid, fds);
	if (r != 0) {
		free(j);
		return r == VZ_ESYSTEM ? errno : ENOMEM;
	}
	j->all = all;
	j->id = q->id;
	j->in = fds[VZ_RUN_IN];
	j->running = true;
	j->next = all->first;
	j->back = &all->first;
	if (j->next != NULL)
		j->next->back = &j->next;
	all->first = j;
	if (vz_loop_child(all->loop, j->pid, on_child, j) == 0)
		return 0;
	/* Out of memory: it is not waited for, and nobody may think that it runs. */
	signal_job(j, SIGKILL);
	j->running = false;
	hold(j);
	return ENOMEM;
}

/* Cuts the text into argv and envp; NULL when it does not hold what it says. */
static char **
cut(const struct vz_starter_request *q, char *text)
{
	size_t n = (size_t)q->argc + q->envc, at = 0;
	char **list;

	if (q->argc == 0 || q->argc > q->text || q->envc > q->text ||
	    (list = calloc(n + 2, sizeof(*list))) == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *end = memchr(text + at, '\0', q->text - at);

		if (end == NULL) {
			free(list);
			return NULL;
		}
		list[i < q->argc ? i : i + 1] = text + at;
		at = (size_t)(end - text) + 1;
	}
	return list;
}

static bool
read_all(void *p, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t r = read(OUR_SOCK, (char *)p + have, n - have);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		have += (size_t)r;
	}
	return true;
}

/* False: the other side is gone, or talks nonsense. */
static bool
start(struct serving *all, const struct vz_starter_request *q)
{
	struct vz_starter_answer a = {.err = EINVAL};
	char *text = q->text <= VZ_STARTER_TEXT_MAX ? malloc((size_t)q->text + 1) : NULL, **list;
	int fds[VZ_RUN_FDS] = {-1, -1, -1}, given[VZ_RUN_FDS];
	size_t n = 0;
	bool well = text != NULL && read_all(text, q->text);

	if (well && (list = cut(q, text)) != NULL) {
		a.err = run(all, q, list, list + q->argc + 1, fds);
		free(list);
	}
	free(text);
	for (int i = 0; a.err == 0 && i < VZ_RUN_FDS; i++)
		if (fds[i] >= 0)
			given[n++] = fds[i];
	well = well && vz_fdpass_put(OUR_SOCK, &a, sizeof(a), given, n) == 0;
	/* Of its stdin there is one here too. */
	for (int i = VZ_RUN_OUT; i < VZ_RUN_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return well;
}

static void
obey(struct serving *all, const struct vz_starter_request *q)
{
	struct job *j = job_of(all, q->id);

	if (j == NULL)
		return;
	switch (q->what) {
	case VZ_STARTER_SIGNAL: signal_job(j, q->signo); break;
	case VZ_STARTER_FINISH: close_in(j); break;
	case VZ_STARTER_FORGET:
		j->forgotten = true;
		hold(j);
		break;
	default: break;
	}
	release(j);
}

/* Whose input is whole goes on; the others are not to see an end that is none. */
static void
be_orphaned(struct serving *all)
{
	struct job *j, *next;

	vz_loop_del(all->loop, &all->sock);
	close(STDERR_FILENO);
	all->orphaned = true;
	for (j = all->first; j != NULL; j = next) {
		next = j->next;
		if (has_input(j)) {
			signal_job(j, SIGKILL);
			hold(j);
		}
		release(j);
	}
	if (all->first == NULL)
		vz_loop_stop(all->loop, 0);
}

static void
on_request(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct serving *all = w->arg;
	struct vz_starter_request q;

	(void)l;
	(void)got;
	if (!read_all(&q, sizeof(q)) || (q.what == VZ_STARTER_START && !start(all, &q)))
		be_orphaned(all);
	else if (q.what != VZ_STARTER_START)
		obey(all, &q);
}

/* Nothing of the parent's stays but stderr, which is the commands'. */
static bool
settle(int sock, int ends)
{
	int null;

	sock = fcntl(sock, F_DUPFD_CLOEXEC, FIRST_FREE);
	ends = fcntl(ends, F_DUPFD_CLOEXEC, FIRST_FREE);
	null = vz_fs_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	if (sock < 0 || ends < 0 || null < 0)
		return false;
	for (int fd = IN_NULL; fd <= OUT_NULL; fd++)
		if (dup2(null, fd) < 0)
			return false;
	if (dup2(sock, OUR_SOCK) < 0 || dup2(ends, OUR_ENDS) < 0)
		return false;
	closefrom(FIRST_FREE);
	return fcntl(OUR_SOCK, F_SETFD, FD_CLOEXEC) == 0 &&
	    fcntl(OUR_ENDS, F_SETFD, FD_CLOEXEC) == 0;
}

void
vz_starter_serve(int sock, int ends, const struct vz_starter_config *config)
{
	static const int deaf[] = {
	    SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2};
	static struct serving all;
	struct vz_starter_answer a = {0};

	vz_signal_reset();
	for (size_t i = 0; i < sizeof(deaf) / sizeof(deaf[0]); i++)
		signal(deaf[i], SIG_IGN);
	if (!settle(sock, ends))
		_exit(1);
#ifdef __linux__
	prctl(PR_SET_NAME, "vz-starter", 0, 0, 0);
#endif
	all = (struct serving){.config = config};
	all.sock = (struct vz_watch){.fd = OUR_SOCK, .fn = on_request, .arg = &all};
	if (config != NULL && config->enter != NULL)
		a.err = config->enter(config->arg);
	if (a.err == 0 &&
	    (vz_loop_new(&all.loop) != 0 || vz_loop_children(all.loop) != 0 ||
		vz_loop_add(all.loop, &all.sock, VZ_READ) != 0))
		a.err = errno ? errno : ENOMEM;
	if (vz_fdpass_put(OUR_SOCK, &a, sizeof(a), NULL, 0) != 0 || a.err != 0)
		_exit(1);
	(void)vz_loop_run(all.loop);
	_exit(0);
}
