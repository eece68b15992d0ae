/*
 * Command lines: an input is words with a NUL between them. Whoever would end the program, with a
 * usage error or because help was asked for, comes back to fuzz_argv instead.
 */
#ifndef VZ_TESTS_FUZZ_ARGV_H
#define VZ_TESTS_FUZZ_ARGV_H

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include "base/err.h"
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "tests/fuzz/fuzz.h"

#define ARGV_MAX   64
#define ARGV_BYTES 4096

static jmp_buf argv_out;

/* What cmd/common/diag.c is to the programs. */

void
diag_init(const char *program, int level, bool json)
{
	(void)json;
	PROMISE(program != NULL && level >= -1 && level <= 2);
}

const char *
diag_escape(char *buf, size_t cap, const void *p, size_t len)
{
	(void)vz_escape(VZ_ESCAPE_LINE, buf, cap, p, len);
	return buf;
}

const char *
diag_words(int err)
{
	return vz_strerror(err);
}

void
diag_error(const char *fmt, ...)
{
	PROMISE(fmt == NULL);
}

/* One line that a terminal can be shown, whatever was typed. */
void
diag_usage(const char *fmt, ...)
{
	char words[DIAG_LINE_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	PROMISE(n > 0 && (size_t)n < sizeof(words) && vz_utf8_ok(words, (size_t)n));
	for (int i = 0; i < n; i++)
		PROMISE((uint8_t)words[i] >= 0x20 && words[i] != 0x7f);
	longjmp(argv_out, 1);
}

/* Before the exit of --help and --version. */
int
diag_close_stdout(int status)
{
	PROMISE(status == 0);
	longjmp(argv_out, 1);
}

/* Calls parse(argc, argv); true when it came to its end. */
static bool
fuzz_argv(const uint8_t *data, size_t size, void (*parse)(int argc, char **argv))
{
	static char bytes[ARGV_BYTES + 1], name[] = "program";
	static char *argv[ARGV_MAX + 2];
	int argc = 0;

	size = size < ARGV_BYTES ? size : ARGV_BYTES;
	if (size > 0)
		memcpy(bytes, data, size);
	bytes[size] = '\0';
	argv[argc++] = name;
	for (char *at = bytes; at < bytes + size && argc <= ARGV_MAX; at += strlen(at) + 1)
		argv[argc++] = at;
	argv[argc] = NULL;
	optind = 0; /* getopt_long(3) begins anew */
	if (setjmp(argv_out) != 0)
		return false;
	parse(argc, argv);
	return true;
}

/* --help is printed thousands of times. */
static inline void
fuzz_argv_quiet(void)
{
	PROMISE(freopen("/dev/null", "w", stdout) != NULL);
}

#endif
