#include "cmd/vz-listen/ask_screen.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fsutil.h"
#include "cmd/common/diag.h"
#include "cmd/common/progress.h"
#include "crypto/sign.h"
#include "id/art.h"

bool
ask_screen_open(struct ask_screen *s)
{
	/* The sandbox leaves nobody to ask for it later. */
	*s = (struct ask_screen){.group = getpgrp()};
	s->fd = vz_fs_openat(AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0);
	if (s->fd < 0)
		return false;
	/* In the background reading is an error then, and stops nobody. */
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	return true;
}

void
ask_screen_close(struct ask_screen *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* What a stopped terminal does not take is not seen, and so not answered. */
static void
put(struct ask_screen *s, const char *p, size_t n)
{
	progress_clear();
	diag_put(s->fd, p, n);
}

static void
put_words(struct ask_screen *s, const char *words)
{
	put(s, words, strlen(words));
}

/* An answer is to what was seen, and not to what came before. */
static void
forget_typed(struct ask_screen *s)
{
	char typed[256];

	(void)tcflush(s->fd, TCIFLUSH);
	while (read(s->fd, typed, sizeof(typed)) > 0)
		continue;
	s->len = 0;
	s->too_long = false;
}

static void
put_art(struct ask_screen *s, const struct vz_key *key)
{
	struct vz_buf art;

	vz_buf_init(&art, 2 * VZ_ART_TEXT);
	if (vz_art_of_key(key, &art) == 0)
		put(s, (const char *)vz_buf_ptr(&art), art.len);
	vz_buf_free(&art);
}

void
ask_screen_question(
    struct ask_screen *s, const struct vz_key *key, const char *remote, const char *path)
{
	char text[VZ_KEY_TEXT], fingerprint[51], from[300], to[512], words[1400];

	forget_typed(s);
	vz_key_format(key, text);
	vz_ssh_fingerprint(key->b, fingerprint);
	snprintf(words, sizeof(words),
	    "\nvz-listen: a key that is not known wants to send, from %s:\n%s\n%s (ED25519)\n",
	    diag_escape(from, sizeof(from), remote, strlen(remote)), text, fingerprint);
	put_words(s, words);
	put_art(s, key);
	put_words(s, "It is the right one if 'vz-keygen -l -v' there shows the same.\n");
	if (path) {
		snprintf(words, sizeof(words),
		    "A yes is remembered in %s, and once holds until this ends.\n",
		    diag_escape(to, sizeof(to), path, strlen(path)));
		put_words(s, words);
	}
	ask_screen_prompt(s, path != NULL);
}

void
ask_screen_prompt(struct ask_screen *s, bool remembered)
{
	put_words(s,
	    remembered ? "Allow it? yes, yes NAME, once or no: "
		       : "Allow it for this run? once or no: ");
}

void
ask_screen_newline(struct ask_screen *s)
{
	put_words(s, "\n");
}

void
ask_screen_say(struct ask_screen *s, const char *words)
{
	put_words(s, "vz-listen: ");
	put_words(s, words);
	put_words(s, "\n");
}

/* A byte of a line; true at its end. */
static bool
take(struct ask_screen *s, char c)
{
	if (c == '\n')
		return true;
	if (s->len + 1 < sizeof(s->line))
		s->line[s->len++] = c;
	else
		s->too_long = true;
	return false;
}

enum ask_read
ask_screen_read(struct ask_screen *s)
{
	char c;
	ssize_t r;
	pid_t group;

	while ((r = read(s->fd, &c, 1)) == 1 || (r < 0 && errno == EINTR)) {
		if (r != 1 || !take(s, c))
			continue;
		/* What is too long is no answer, whatever it begins with. */
		s->line[s->too_long ? 0 : s->len] = '\0';
		s->len = 0;
		s->too_long = false;
		return ASK_READ_LINE;
	}
	/* One that hung up reads as if its end had been typed. */
	if (r == 0)
		return isatty(s->fd) ? ASK_READ_END : ASK_READ_GONE;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return ASK_READ_MORE;
	group = errno == EIO ? tcgetpgrp(s->fd) : -1;
	return group >= 0 && group != s->group ? ASK_READ_BEHIND : ASK_READ_GONE;
}
