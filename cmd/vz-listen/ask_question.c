#include "cmd/vz-listen/ask_impl.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/vz-listen/report.h"
#include "cmd/vz-listen/rights.h"
#include "cmd/vz-listen/visit.h"
#include "keep/authorized.h"

/* Where a yes goes: NULL when no file is read. */
static const char *
remembered_in(const struct server *srv, char path[static RIGHTS_PATH_MAX])
{
	return rights_authorized_path(&srv->rights, path) ? path : NULL;
}

/* Lines of standard error that come to the same terminal push the prompt down. */
static struct server *prompting;

static void
before_line(void)
{
	ask_screen_newline(&prompting->ask.screen);
}

static void
after_line(void)
{
	char path[RIGHTS_PATH_MAX];

	ask_screen_prompt(&prompting->ask.screen, remembered_in(prompting, path) != NULL);
}

static void
share_terminal(struct server *srv)
{
	progress_clear();
	prompting = srv;
	if (isatty(STDERR_FILENO))
		diag_on_line(before_line, after_line);
}

void
ask_end_question(struct server *srv)
{
	srv->ask.asking = false;
	if (isatty(STDERR_FILENO))
		diag_on_line(progress_clear, NULL);
	vz_timer_stop(srv->loop, &srv->ask.over);
	(void)vz_loop_want(srv->loop, &srv->ask.watch, 0);
}

void
ask_next(struct server *srv)
{
	char path[RIGHTS_PATH_MAX];
	struct ask *a = &srv->ask;
	const struct visit *v;

	if (ask_is_full(a))
		ask_refuse_rest(srv, "this key is not authorised here");
	v = TAILQ_FIRST(&a->held);
	if (!v || a->asking || a->screen.fd < 0)
		return;
	a->asking = true;
	a->key = v->who.key;
	share_terminal(srv);
	ask_screen_question(&a->screen, &a->key, v->who.remote, remembered_in(srv, path));
	(void)vz_loop_want(srv->loop, &a->watch, VZ_READ);
	(void)vz_timer_set(srv->loop, &a->over, ASK_QUESTION * ask_patience(srv));
}

void
ask_over(struct vz_loop *l, struct vz_timer *t)
{
	struct server *srv = t->arg;

	(void)l;
	ask_screen_newline(&srv->ask.screen);
	ask_screen_say(&srv->ask.screen, "nobody answered; it is asked again when it comes again");
	ask_end_question(srv);
	ask_refuse_all(srv, &srv->ask.key, ASK_NOBODY);
	ask_next(srv);
}

/* Nobody can be asked any more. */
static void
gone(struct server *srv)
{
	ask_end_question(srv);
	vz_loop_del(srv->loop, &srv->ask.watch);
	ask_screen_close(&srv->ask.screen);
	diag_verbose(0, "the terminal is gone: nobody is asked any more");
	ask_refuse_rest(srv, ASK_NOBODY);
}

/* Answers. */

static int
allow_now(struct server *srv, const struct vz_key *key)
{
	struct ask *a = &srv->ask;

	if (a->n_now == ASK_KEYS)
		return VZ_EFULL;
	a->now[a->n_now++] = *key;
	srv->rights.more = a->now;
	srv->rights.n_more = a->n_now;
	/* Also where the files cannot be read now, and the old rights go on. */
	return vz_acl_allow(srv->me.acl, key);
}

/* A yes that cannot be remembered holds as long as we do. */
static void
remember(struct server *srv, const struct vz_key *key, const char *name)
{
	char path[RIGHTS_PATH_MAX], words[RIGHTS_PATH_MAX + 200], shown[600];
	int r = VZ_ENOTFOUND;

	if (remembered_in(srv, path))
		r = vz_authorized_add(path, key, name);
	if (r == 0) {
		ask_screen_say(&srv->ask.screen, "allowed, and remembered");
		return;
	}
	diag_escape(shown, sizeof(shown), path, strlen(path));
	snprintf(words, sizeof(words), "cannot be remembered in %s: %s; allowed for this run",
	    shown, r == VZ_EMODE ? "it, or its folder, is writable by others" : diag_words(r));
	if (!isatty(STDERR_FILENO))
		ask_screen_say(&srv->ask.screen, words);
	diag_error("%s", words);
	(void)allow_now(srv, key);
}

/* From here on lines are lines again. */
static struct vz_key
taken(struct server *srv)
{
	ask_end_question(srv);
	return srv->ask.key;
}

static void
on_yes(struct server *srv, const char *name)
{
	struct vz_key key = taken(srv);

	remember(srv, &key, name);
	report_answered(srv, &key, "yes");
	rights_renew(srv); /* and so ask_again */
	ask_next(srv);
}

static void
on_once(struct server *srv)
{
	struct vz_key key = taken(srv);

	(void)allow_now(srv, &key);
	ask_screen_say(&srv->ask.screen, "allowed for this run");
	report_answered(srv, &key, "once");
	rights_renew(srv);
	ask_next(srv);
}

static void
on_no(struct server *srv)
{
	struct vz_key key = taken(srv);
	struct ask *a = &srv->ask;

	a->no[a->n_no++] = key;
	ask_screen_say(&a->screen,
	    a->n_no < ASK_KEYS
		? "turned down"
		: "turned down; that was the last one: no more are asked about in this run");
	report_answered(srv, &key, "no");
	ask_refuse_all(srv, &key, "this key was turned down here");
	ask_next(srv);
}

/* Without blanks at its ends; the name behind "yes " is what is left. */
static char *
trimmed(char *s)
{
	size_t n;

	while (*s == ' ' || *s == '\t')
		s++;
	for (n = strlen(s); n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'); n--)
		s[n - 1] = '\0';
	return s;
}

static void
take_line(struct server *srv, char *line)
{
	char path[RIGHTS_PATH_MAX];
	bool file = remembered_in(srv, path) != NULL;
	char *s = trimmed(line), *name = s + 3;

	if (strcasecmp(s, "no") == 0) {
		on_no(srv);
	} else if (strcasecmp(s, "once") == 0) {
		on_once(srv);
	} else if (file && strncasecmp(s, "yes", 3) == 0 &&
	    (*name == '\0' || *name == ' ' || *name == '\t')) {
		name = trimmed(name);
		if (vz_name_ok(name, strlen(name))) {
			on_yes(srv, name);
			return;
		}
		ask_screen_say(&srv->ask.screen,
		    "a name is at most 255 bytes of UTF-8 without control characters");
		ask_screen_prompt(&srv->ask.screen, file);
	} else {
		ask_screen_prompt(&srv->ask.screen, file);
	}
}

void
ask_typed(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct server *srv = w->arg;
	struct ask *a = &srv->ask;

	(void)got;
	while (a->asking)
		switch (ask_screen_read(&a->screen)) {
		case ASK_READ_LINE: take_line(srv, a->screen.line); break;
		case ASK_READ_END: on_no(srv); break;
		case ASK_READ_GONE: gone(srv); return;
		case ASK_READ_BEHIND: /* what is typed is for others: looked at in a second */
			(void)vz_loop_want(l, w, 0);
			return;
		case ASK_READ_MORE: return;
		}
}
