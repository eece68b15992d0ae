#include "cmd/vz-send/send.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

#define GOODBYE_MS 1000 /* how long a signal waits for the other side to be told */

static int
make_items(struct sender *s)
{
	const struct send_options *o = s->options;

	s->n = o->n_files ? o->n_files : 1;
	s->items = calloc(s->n, sizeof(*s->items));
	if (!s->items) {
		diag_error("%s", diag_words(VZ_ENOMEM));
		return VZ_EXIT_OSERR;
	}
	for (size_t i = 0; i < o->n_files; i++)
		item_file(&s->items[i], o->files[i], o->name);
	if (o->n_files == 0)
		item_file(&s->items[0], "-", o->name);
	if (o->command || o->empty) {
		s->items[0].path = NULL;
		s->items[0].stdin_fd = false;
		s->items[0].what = o->empty ? "the empty message" : "the command's output";
	}
	return 0;
}

/* The first failure in input order (DESIGN 8). */
static int
first_failure(const struct sender *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].state != ITEM_OVER || s->items[i].status != 0)
			return s->items[i].state == ITEM_OVER ? s->items[i].status
							      : VZ_EXIT_SOFTWARE;
	return 0;
}

/* The command. */

static void
command_ended(void *arg, int status)
{
	struct sender *s = arg;
	struct item *it = &s->items[0];
	char words[128], text[256];

	if (it->state == ITEM_OVER)
		return;
	if (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		vz_source_finish(it->source);
	} else {
		vz_producer_words(status, words, sizeof(words));
		diag_error("%s: command %s", s->options->command[0], words);
		snprintf(text, sizeof(text), "the sender's command %s", words);
		pump_cancel(s, it, VZ_EXIT_DATA, text);
	}
	pump(s);
	link_kick(&s->link);
}

/* Only now: a command should not run for a peer that is not there or will not have us. */
static void
start_command(struct sender *s)
{
	struct item *it = &s->items[0];
	struct vz_source *source;
	char shown[512];
	int fd, err;

	diag_escape(shown, sizeof(shown), s->options->command[0], strlen(s->options->command[0]));
	err = vz_producer_start(
	    s->link.loop, s->options->command, command_ended, s, &s->producer, &fd);
	if (!err)
		err = vz_source_new(&source, fd, VZ_SOURCE_OWN | VZ_SOURCE_PRODUCER);
	if (err) {
		diag_error("cannot run %s: %s", shown, diag_words(err));
		pump_cancel(s, it, VZ_EXIT_NOINPUT, "the command could not be run");
		return;
	}
	diag_verbose(1, "running %s", shown);
	item_opened(it, source);
}

/* The link. */

static void
on_authenticated(void *arg)
{
	pump(arg);
}

static void
on_ready(void *arg, const struct vz_event *ev)
{
	struct sender *s = arg;

	(void)ev;
	if (s->options->command)
		start_command(s);
	pump(s);
}

static void
on_event(void *arg, const struct vz_event *ev)
{
	struct sender *s = arg;

	if (ev->type == VZ_EVENT_DONE) {
		verdict(s, ev);
	} else if (ev->type == VZ_EVENT_ROOM && s->cur < s->n) {
		struct item *it = &s->items[s->cur];

		if (it->state == ITEM_SENDING && it->number == ev->number)
			vz_source_release(it->source, ev->taken);
	}
}

static void
on_turn(void *arg)
{
	pump(arg);
}

static void
on_over(void *arg, int status)
{
	struct sender *s = arg;

	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].state != ITEM_OVER) {
			if (!s->signo)
				verdict_tell(s, &s->items[i], "failed", status, "", 0);
			item_over(&s->items[i], status);
		}
	vz_loop_stop(s->link.loop, 0);
}

static const struct link_user user = {
    .authenticated = on_authenticated,
    .ready = on_ready,
    .event = on_event,
    .turn = on_turn,
    .over = on_over,
};

/* Signals. */

static void
patience_over(struct vz_loop *l, struct vz_timer *t)
{
	(void)t;
	vz_loop_stop(l, 0);
}

/* The other side is told that the message is not coming, and then we die of the signal. */
static void
on_signal(struct vz_loop *l, int signo, void *arg)
{
	struct sender *s = arg;
	struct item *it = s->cur < s->n ? &s->items[s->cur] : NULL;
	bool again = s->signo != 0;

	s->signo = signo;
	s->patience.fn = patience_over;
	if (again || !s->link.conn || s->link.stage < LINK_AUTHENTICATED ||
	    vz_timer_set(l, &s->patience, GOODBYE_MS) != 0) {
		vz_loop_stop(l, 0);
		return;
	}
	if (it && it->state == ITEM_SENDING)
		(void)vz_session_cancel(
		    link_session(&s->link), it->number, VZ_EXIT_DATA, "the sender was interrupted");
	link_abort(&s->link, VZ_EXIT_DATA, "the sender was interrupted");
}

static int
catch_signals(struct sender *s)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction old;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* Who starts us may have had these ignored: nohup(1), a shell's `&`. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			continue;
		int err = vz_loop_signal(s->link.loop, signals[i], on_signal, s);

		if (err) {
			diag_error("%s", diag_words(err));
			return VZ_EXIT_OSERR;
		}
	}
	return 0;
}

/* Opens the first message that can be opened, so that a run with nothing to send connects to
 * nobody. */
static int
prepare(struct sender *s)
{
	struct vz_source *source;
	int err = make_items(s);

	if (err || s->options->command)
		return err;
	if (s->options->empty) {
		if (vz_source_empty(&source) != 0) {
			diag_error("%s", diag_words(VZ_ENOMEM));
			return VZ_EXIT_OSERR;
		}
		item_opened(&s->items[0], source);
		return 0;
	}
	while (s->cur < s->n && s->items[s->cur].state == ITEM_WAITING) {
		item_open(&s->items[s->cur]);
		if (s->items[s->cur].state == ITEM_OPENED)
			return 0;
		s->cur++;
	}
	return first_failure(s);
}

static int
go(struct sender *s)
{
	int status = prepare(s), err;

	if (!status)
		status = link_start(&s->link);
	if (!status)
		status = catch_signals(s);
	if (status)
		return status;
	pump(s);
	err = vz_loop_run(s->link.loop);
	if (err < 0) {
		diag_error("%s", diag_words(err));
		return vz_exit_of(err);
	}
	return first_failure(s);
}

int
send_run(const struct send_options *options)
{
	static struct sender s;
	int status;

	s.options = options;
	link_open(&s.link, options, &user, &s);
	status = go(&s);
	for (size_t i = 0; i < s.n; i++)
		item_over(&s.items[i], 0);
	/* In this order: a command that takes its time to end holds nobody else up. */
	link_drop(&s.link);
	vz_producer_free(s.producer);
	link_free(&s.link);
	free(s.items);
	if (s.signo) {
		signal(s.signo, SIG_DFL);
		raise(s.signo);
	}
	return status;
}
