#include "cmd/common/diag.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/err.h"
#include "base/text.h"
#include "cmd/common/exit.h"

#define EVENT_MAX (16 * 1024)

static const char *prog = "vz";
static int verbosity;
static bool json_lines;

static void (*before_line)(void), (*after_line)(void);

static struct vz_buf event_buf;
static struct vz_json event_json;

void
diag_init(const char *program, int level, bool json)
{
	prog = program;
	verbosity = level;
	json_lines = json;
}

bool
diag_shows(int level)
{
	return level <= verbosity;
}

bool
diag_is_json(void)
{
	return json_lines;
}

void
diag_on_line(void (*before)(void), void (*after)(void))
{
	before_line = before;
	after_line = after;
}

void
diag_put(int fd, const void *text, size_t n)
{
	const char *p = text;

	while (n > 0) {
		ssize_t r = write(fd, p, n);

		if (r > 0) {
			p += r;
			n -= (size_t)r;
		} else if (r == 0 || errno != EINTR) {
			return;
		}
	}
}

static void
put(const void *line, size_t n)
{
	if (before_line)
		before_line();
	diag_put(STDERR_FILENO, line, n);
	if (after_line)
		after_line();
}

static void
now_rfc3339(char out[static 32])
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (!gmtime_r(&ts.tv_sec, &tm))
		memset(&tm, 0, sizeof(tm));
	n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, 32 - n, ".%03ldZ", ts.tv_nsec / 1000000);
}

struct vz_json *
diag_event(const char *name)
{
	char time[32];

	/* With no room every append fails quietly: the event goes nowhere. */
	vz_buf_init(&event_buf, json_lines ? EVENT_MAX : 0);
	vz_json_begin(&event_json, &event_buf);
	if (json_lines) {
		now_rfc3339(time);
		vz_json_str(&event_json, "time", time);
		vz_json_str(&event_json, "program", prog);
		vz_json_str(&event_json, "event", name);
	}
	return &event_json;
}

void
diag_event_end(struct vz_json *event)
{
	if (json_lines && vz_json_end(event) == 0)
		put(vz_buf_ptr(&event_buf), event_buf.len);
	vz_buf_free(&event_buf);
}

/* The last line of defence: a control byte never reaches the terminal, whoever forgot to escape. */
static void
put_words(const char *kind, const char *text)
{
	char line[DIAG_LINE_MAX + 2];
	int n = snprintf(line, DIAG_LINE_MAX, "%s: %s%s", prog, kind, text);
	size_t len = n < 0 ? 0 : (size_t)n;

	if (len >= DIAG_LINE_MAX)
		len = DIAG_LINE_MAX - 1;
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)line[i]))
			line[i] = '?';
	line[len++] = '\n';
	put(line, len);
}

static void say(const char *event, const char *kind, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void
say(const char *event, const char *kind, const char *fmt, va_list ap)
{
	char text[DIAG_LINE_MAX];
	int saved = errno;
	struct vz_json *j;

	vsnprintf(text, sizeof(text), fmt, ap);
	if (json_lines) {
		j = diag_event(event);
		vz_json_str(j, "text", text);
		diag_event_end(j);
	} else {
		put_words(kind, text);
	}
	errno = saved;
}

void
diag_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("error", "", fmt, ap);
	va_end(ap);
}

void
diag_hint(const char *fmt, ...)
{
	va_list ap;

	if (verbosity < 0)
		return;
	va_start(ap, fmt);
	say("hint", "hint: ", fmt, ap);
	va_end(ap);
}

void
diag_verbose(int level, const char *fmt, ...)
{
	va_list ap;

	if (level > verbosity)
		return;
	va_start(ap, fmt);
	say("info", "", fmt, ap);
	va_end(ap);
}

_Noreturn void
diag_usage(const char *fmt, ...)
{
	char line[64];
	va_list ap;
	int n;

	va_start(ap, fmt);
	say("error", "", fmt, ap);
	va_end(ap);
	if (json_lines) {
		diag_error("try '%s --help'", prog);
	} else {
		n = snprintf(line, sizeof(line), "try '%s --help'\n", prog);
		if (n > 0)
			put(line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
	}
	exit(VZ_EXIT_USAGE);
}

const char *
diag_words(int err)
{
	static char words[128];

	if (err != VZ_ESYSTEM)
		return vz_strerror(err);
	snprintf(words, sizeof(words), "%s", strerror(errno));
	/* "No such file" but not "RPC failed": the system's words begin with a capital. */
	if (words[0] && !isupper((unsigned char)words[1]))
		words[0] = (char)tolower((unsigned char)words[0]);
	return words;
}

const char *
diag_escape(char *buf, size_t cap, const void *p, size_t len)
{
	size_t taken;

	if (cap == 0)
		return "";
	taken = vz_escape(VZ_ESCAPE_LINE, buf, cap, p, len);
	if (taken < len && cap > 4) {
		vz_escape(VZ_ESCAPE_LINE, buf, cap - 3, p, len);
		memcpy(buf + strlen(buf), "...", 4);
	}
	return buf;
}

int
diag_close_stdout(int status)
{
	int bad = ferror(stdout);
	int err = errno;

	if (fflush(stdout) != 0) {
		bad = 1;
		err = errno;
	}
	/* Late errors of network file systems show only here. */
	if (close(STDOUT_FILENO) != 0 && errno != EBADF && errno != EINTR && !bad) {
		bad = 1;
		err = errno;
	}
	if (!bad)
		return status;
	errno = err;
	diag_error("standard output: %s", diag_words(VZ_ESYSTEM));
	return status != 0 ? status : VZ_EXIT_IOERR;
}
