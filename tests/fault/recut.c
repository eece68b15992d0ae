/*
 * recut: makes a folder as it may look after the power was cut, of what powercut recorded.
 *
 *	recut --seed S LOG DIR SAID
 *
 * The moment is between two random records of LOG. DIR is made, with the files that have a name
 * then: what was synced is there, and of what was written or truncated since then, page by page,
 * all or nothing or a random part; single pages may be torn between sectors of 512 bytes. Names
 * that were made, changed or removed since the folder was synced are there up to a random one of
 * them. SAID gets what had been written to standard output by then.
 *
 * On stdout one line: the moment, how many pages were kept, dropped and torn, and the time of the
 * first record that is lost (CLOCK_MONOTONIC in nanoseconds; one behind all times when none is):
 * whatever anybody saw before it, the program had done. The same seed does the same. Status 64
 * wrong use, 71 the system refused, or the log is no such log.
 */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fault/powercut.h"

#define FILES  64
#define PAGE   4096
#define SECTOR 512

/* What a name was, and is once the folder is synced. */
struct name {
	const char *text;
	size_t len; /* 0: none */
};

struct file {
	uint8_t *bytes;
	size_t size, cap;
	size_t *pending; /* offsets of records in the log */
	size_t n_pending, cap_pending;
	struct name durable;
};

static struct file files[FILES];
static size_t *name_ops; /* since the folder was synced */
static size_t n_name_ops, cap_name_ops;
static const uint8_t *text; /* of the log */
static size_t text_len;
static uint64_t luck;
static unsigned long kept, dropped, torn;

/* splitmix64 */
static uint64_t
chance(void)
{
	uint64_t z = luck += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void
push(size_t **list, size_t *n, size_t *cap, size_t v)
{
	if (*n == *cap) {
		*cap = *cap ? *cap * 2 : 64;
		if ((*list = realloc(*list, *cap * sizeof(**list))) == NULL)
			err(71, "realloc");
	}
	(*list)[(*n)++] = v;
}

/* The record at an offset of the log, and its bytes. */
static struct powercut_record
record_at(size_t at, const uint8_t **p)
{
	struct powercut_record r;

	if (text_len - at < sizeof(r))
		errx(71, "the log is cut short");
	memcpy(&r, text + at, sizeof(r));
	if (r.len > text_len - at - sizeof(r) || r.file >= FILES)
		errx(71, "this is no log");
	*p = text + at + sizeof(r);
	return r;
}

static void
resize(struct file *f, size_t size)
{
	if (size > f->cap) {
		f->cap = size + size / 2;
		if ((f->bytes = realloc(f->bytes, f->cap)) == NULL)
			err(71, "realloc");
	}
	if (size > f->size)
		memset(f->bytes + f->size, 0, size - f->size);
	f->size = size;
}

static void
put(struct file *f, uint64_t at, const uint8_t *p, size_t n)
{
	if (n == 0)
		return;
	if (at + n > f->size)
		resize(f, (size_t)at + n);
	memcpy(f->bytes + at, p, n);
}

/* One page, or a part of one, of a write: percent of them are kept. */
static void
put_page(struct file *f, uint64_t at, const uint8_t *p, size_t n, unsigned percent)
{
	uint64_t c = chance();

	if (c % 100 >= percent) {
		dropped++;
		return;
	}
	if (percent < 100 && (c >> 32) % 8 == 0 && n > SECTOR) {
		n = SECTOR * (1 + (size_t)(c >> 40) % (n / SECTOR));
		torn++;
	} else {
		kept++;
	}
	put(f, at, p, n);
}

static void
apply(struct file *f, size_t offset, unsigned percent)
{
	const uint8_t *p;
	struct powercut_record r = record_at(offset, &p);

	if (r.op == POWERCUT_TRUNCATE) {
		if (chance() % 100 < percent)
			resize(f, (size_t)r.at);
		return;
	}
	for (uint64_t done = 0, n; done < r.len; done += n) {
		n = PAGE - (r.at + done) % PAGE;
		if (n > r.len - done)
			n = r.len - done;
		if (percent == 100 || n == 0)
			put(f, r.at + done, p + done, (size_t)n);
		else
			put_page(f, r.at + done, p + done, (size_t)n, percent);
	}
}

static void
sync_file(struct file *f)
{
	for (size_t i = 0; i < f->n_pending; i++)
		apply(f, f->pending[i], 100);
	f->n_pending = 0;
}

/* The first n changes of names reached the disk. */
static void
sync_names(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p;
		struct powercut_record r = record_at(name_ops[i], &p);
		struct name *name = &files[r.file].durable;

		name->text = (const char *)p;
		name->len = r.op == POWERCUT_UNLINK ? 0 : (size_t)r.len;
	}
	n_name_ops = 0;
}

static void
step(size_t at, FILE *said)
{
	const uint8_t *p;
	struct powercut_record r = record_at(at, &p);
	struct file *f = &files[r.file];

	switch ((enum powercut_op)r.op) {
	case POWERCUT_WRITE:
	case POWERCUT_TRUNCATE: push(&f->pending, &f->n_pending, &f->cap_pending, at); break;
	case POWERCUT_SYNC: sync_file(f); break;
	case POWERCUT_SYNC_DIR: sync_names(n_name_ops); break;
	case POWERCUT_CREATE:
	case POWERCUT_RENAME:
	case POWERCUT_UNLINK: push(&name_ops, &n_name_ops, &cap_name_ops, at); break;
	case POWERCUT_SAID:
		if (r.len > 0 && fwrite(p, (size_t)r.len, 1, said) != 1)
			err(71, "writing what was said");
		break;
	default: errx(71, "this is no log");
	}
}

/* What was not synced when the power went. */
static void
cut(void)
{
	static const unsigned shares[] = {100, 0, 50, 90, 10};

	for (size_t i = 0; i < FILES; i++) {
		unsigned percent = shares[chance() % 5];

		for (size_t j = 0; j < files[i].n_pending; j++)
			apply(&files[i], files[i].pending[j], percent);
	}
	sync_names(n_name_ops == 0 ? 0 : (size_t)(chance() % (n_name_ops + 1)));
}

static void
write_files(const char *dir)
{
	char path[PATH_MAX];

	if (mkdir(dir, 0700) < 0)
		err(71, "%s", dir);
	for (size_t i = 0; i < FILES; i++) {
		const struct file *f = &files[i];
		int fd;

		if (f->durable.len == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%.*s", dir, (int)f->durable.len, f->durable.text);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, f->bytes, f->size) != (ssize_t)f->size || close(fd) < 0)
			err(71, "%s", path);
	}
}

static void
open_log(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		err(71, "%s", path);
	if (st.st_size == 0)
		errx(71, "%s: nothing was recorded", path);
	text_len = (size_t)st.st_size;
	text = mmap(NULL, text_len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		err(71, "%s", path);
	close(fd);
}

int
main(int argc, char **argv)
{
	size_t *at = NULL, n = 0, cap = 0, when;
	const uint8_t *p;
	FILE *said;

	if (argc != 6 || strcmp(argv[1], "--seed") != 0) {
		fputs("usage: recut --seed S LOG DIR SAID\n", stderr);
		return 64;
	}
	luck = strtoull(argv[2], NULL, 10);
	open_log(argv[3]);
	if ((said = fopen(argv[5], "we")) == NULL)
		err(71, "%s", argv[5]);
	for (size_t i = 0; i < text_len;) {
		push(&at, &n, &cap, i);
		i += sizeof(struct powercut_record) + (size_t)record_at(i, &p).len;
	}
	when = (size_t)(chance() % (n + 1));
	for (size_t i = 0; i < when; i++)
		step(at[i], said);
	cut();
	write_files(argv[4]);
	if (fclose(said) != 0)
		err(71, "%s", argv[5]);
	printf(
	    "seed %s: cut after %zu of %zu records; pages kept %lu, dropped %lu, torn %lu; before "
	    "%llu\n",
	    argv[2], when, n, kept, dropped, torn,
	    when < n ? (unsigned long long)record_at(at[when], &p).when : ULLONG_MAX);
	return fflush(stdout) == 0 ? 0 : 71;
}
