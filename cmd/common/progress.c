#include "cmd/common/progress.h"

#include <signal.h>
#include <unistd.h>

#include "cmd/common/diag.h"

#define LOOK_MS 200         /* while something is drawn */
#define TELL_MS (10 * 1000) /* where it is told instead */

/* The one whose lines are on the terminal. */
static struct progress *drawing;
static bool held;

void
progress_deaf(void)
{
	signal(SIGUSR1, SIG_IGN);
}

void
progress_clear(void)
{
	if (drawing)
		progress_screen_clear(&drawing->screen);
}

void
progress_hold(bool on)
{
	progress_clear();
	held = on;
}

void
progress_add(struct progress *p, const struct progress_state *s)
{
	progress_screen_add(&p->screen, s);
}

void
progress_more(struct progress *p, size_t n)
{
	progress_screen_more(&p->screen, n);
}

static uint64_t
look(struct progress *p)
{
	if (p->tells && p->busy && !p->busy(p->arg))
		return PROGRESS_FIRST_MS;
	if (p->tells) {
		p->tell(p->arg);
		return TELL_MS;
	}
	if (held)
		return PROGRESS_FIRST_MS;
	progress_screen_begin(&p->screen);
	p->show(p->arg, p);
	return progress_screen_draw(&p->screen) ? LOOK_MS : PROGRESS_FIRST_MS;
}

static void
on_time(struct vz_loop *l, struct vz_timer *t)
{
	(void)vz_timer_set(l, t, look(t->arg));
}

static void
on_asked(struct vz_loop *l, int signo, void *arg)
{
	struct progress *p = arg;

	(void)l;
	(void)signo;
	p->tell(p->arg);
}

/* Drawn for another width it is not where it was. */
static void
on_resized(struct vz_loop *l, int signo, void *arg)
{
	struct progress *p = arg;

	(void)signo;
	if (!p->screen.is_drawn)
		return;
	progress_screen_clear(&p->screen);
	(void)vz_timer_set(l, &p->timer, look(p));
}

/* The shell that has the terminal next begins on an empty line. Whether we stop is the system's to
 * say, as it is for those who do not catch it. */
static void
on_stopped(struct vz_loop *l, int signo, void *arg)
{
	struct sigaction usual = {.sa_handler = SIG_DFL}, ours;

	(void)l;
	(void)arg;
	progress_clear();
	if (sigaction(signo, &usual, &ours) != 0)
		return;
	raise(signo);
	sigaction(signo, &ours, NULL);
}

static bool
is_ignored(int signo)
{
	struct sigaction now;

	return sigaction(signo, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static void
choose(struct progress *p)
{
	if (!p->show || p->wish == PROGRESS_NEVER)
		return;
	if (p->wish == PROGRESS_AS_USUAL && (p->quiet || p->taken || diag_is_json()))
		return;
	if (!p->taken && !diag_is_json())
		p->draws = progress_screen_open(&p->screen);
	p->tells = !p->draws && p->wish == PROGRESS_ALWAYS;
}

int
progress_start(struct progress *p)
{
	int r = vz_loop_signal(p->loop, SIGUSR1, on_asked, p);

#ifdef SIGINFO
	if (r == 0)
		r = vz_loop_signal(p->loop, SIGINFO, on_asked, p);
#endif
	if (r < 0)
		return r;
	choose(p);
	if (p->draws) {
		drawing = p;
		diag_on_line(progress_clear, NULL);
		r = vz_loop_signal(p->loop, SIGWINCH, on_resized, p);
		if (r == 0 && !is_ignored(SIGTSTP))
			r = vz_loop_signal(p->loop, SIGTSTP, on_stopped, p);
	}
	p->timer = (struct vz_timer){.fn = on_time, .arg = p};
	if (r == 0 && (p->draws || p->tells))
		r = vz_timer_set(p->loop, &p->timer, PROGRESS_FIRST_MS);
	return r;
}

void
progress_stop(struct progress *p)
{
	if (p->draws) {
		progress_clear();
		diag_on_line(NULL, NULL);
		drawing = NULL;
		progress_screen_free(&p->screen);
	}
	if (p->loop)
		vz_timer_stop(p->loop, &p->timer);
	p->draws = p->tells = false;
	p->loop = NULL;
}
