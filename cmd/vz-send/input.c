#include "cmd/vz-send/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/send.h"
#include "cmd/vz-send/store.h"
#include "flow/ring.h"
#include "net/sockopt.h"

#define PIPE_SIZE (1024 * 1024)

static const char *
basename_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void
input_other(struct input *in, struct run *run, const char *what, const char *name)
{
	memset(in, 0, sizeof(*in));
	in->run = run;
	in->what = what;
	in->name = name;
}

void
input_file(struct input *in, struct run *run, const char *path, const char *name)
{
	input_other(in, run, NULL, name);
	in->path = path;
	if (strcmp(path, "-") == 0) {
		in->what = "standard input";
		in->stdin_fd = true;
	} else if (!name) {
		in->name = basename_of(path);
	}
}

const char *
input_shown(const struct input *in)
{
	static char buf[512];

	return in->what ? in->what : diag_escape(buf, sizeof(buf), in->path, strlen(in->path));
}

/* What scp does, and what ends the options. */
static void
hint_path(const struct input *in, int err, int sys_errno)
{
	if (err != VZ_ESYSTEM && err != VZ_ENOTFOUND)
		return;
	if (!in->what && sys_errno == EISDIR)
		diag_hint("a folder goes as an archive: vz-send --run DEST -- tar c FOLDER");
	else if (!in->what && in->path[0] == '-')
		diag_hint("options come before DEST");
}

int
input_failed(struct input *in, int err)
{
	int sys_errno = errno;

	if (in->status)
		return in->status;
	in->status = err == VZ_ENOMEM ? VZ_EXIT_OSERR : VZ_EXIT_NOINPUT;
	if (err == VZ_ECHANGED)
		diag_error("%s: changed its size while it was sent", input_shown(in));
	else
		diag_error("%s: %s", input_shown(in), diag_words(err));
	hint_path(in, err, sys_errno);
	return in->status;
}

/*
 * A FIFO without a writer would make open(2) wait, and nobody would serve the connection; opened
 * without waiting it is simply not readable until somebody writes. Reading asks before each read,
 * so the flag is taken off again for devices that heed it in other ways.
 */
static int
open_file(const char *path)
{
	int fd = vz_fs_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0);
	int mode;

	if (fd >= 0 && (mode = fcntl(fd, F_GETFL)) >= 0)
		(void)fcntl(fd, F_SETFL, mode & ~O_NONBLOCK);
	return fd;
}

static int
open_source(struct input *in, struct vz_source **source)
{
	/* Many messages are cut from the ring; a mapped file is seen through windows. */
	unsigned flags = in->run->options->batch ? VZ_SOURCE_READ : 0;
	int fd = STDIN_FILENO;

	if (!in->stdin_fd) {
		fd = open_file(in->path);
		flags |= VZ_SOURCE_OWN;
	} else {
		vz_pipe_grow(fd, PIPE_SIZE);
	}
	return fd < 0 ? VZ_ESYSTEM : vz_source_new(source, fd, flags);
}

/* A file that can be read again is each lane's when it comes there; anything else is everybody's.
 */
static int
take(struct input *in, struct vz_source *source, size_t who, bool all)
{
	in->user = calloc(in->run->n_lanes, sizeof(*in->user));
	if (!in->user) {
		vz_source_free(source);
		return input_failed(in, VZ_ENOMEM);
	}
	in->source = source;
	for (size_t i = 0; i < in->run->n_lanes; i++)
		in->user[i].uses = i == who || (all && !in->run->lanes[i].over);
	in->users = 0;
	for (size_t i = 0; i < in->run->n_lanes; i++)
		in->users += in->user[i].uses;
	return 0;
}

int
input_give(struct input *in, struct vz_source *source)
{
	return take(in, source, 0, true);
}

int
input_open(struct input *in, size_t who)
{
	struct vz_source *source = NULL;
	int err;

	if (in->source || in->status) {
		if (in->source && !in->user[who].uses) {
			in->user[who] = (struct input_user){.uses = true};
			in->users++;
		}
		return in->status;
	}
	if (in->name && !vz_name_ok(in->name, strlen(in->name))) {
		diag_error("%s: its name is no message name: over 255 bytes, control characters, "
			   "or not UTF-8",
		    input_shown(in));
		diag_hint("give it one with --name");
		return in->status = VZ_EXIT_NOINPUT;
	}
	err = open_source(in, &source);
	if (err)
		return input_failed(in, err);
	return take(in, source, who, in->stdin_fd || !vz_source_rereadable(source));
}

/* Those without a connection could only read ahead, which was just done. */
static void
tell_others(struct input *in, size_t who)
{
	for (size_t i = 0; i < in->run->n_lanes; i++)
		if (i != who && in->user[i].uses && in->run->lanes[i].store)
			store_kick(&in->run->lanes[i]);
		else if (i != who && in->user[i].uses)
			link_kick(&in->run->lanes[i].link);
}

static void
tell_all(struct input *in)
{
	for (size_t i = 0; in->source && i < in->run->n_lanes; i++)
		if (in->user[i].uses)
			lane_kick(&in->run->lanes[i]);
}

/* Asked for again only when the first word of it has been heeded: else nobody can take it now. */
static void
on_readable(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct input *in = w->arg;

	(void)got;
	if (!in->dry) {
		(void)vz_loop_want(l, w, 0);
		return;
	}
	in->dry = false;
	tell_all(in);
}

/* Waits for the descriptor exactly while that is what is missing. */
static int
wait_for(struct input *in)
{
	int fd = vz_source_fd(in->source);

	in->dry = true;
	if (fd < 0) {
		vz_loop_del(in->run->loop, &in->watch);
		return 0;
	}
	if (in->watch.added)
		return vz_loop_want(in->run->loop, &in->watch, VZ_READ);
	in->watch = (struct vz_watch){.fd = fd, .fn = on_readable, .arg = in};
	return vz_loop_add(in->run->loop, &in->watch, VZ_READ);
}

int
input_fill(struct input *in, size_t who, uint64_t goal)
{
	uint64_t before = vz_source_end(in->source);
	int got, err;

	if (in->dry)
		return VZ_SOURCE_DRY;
	got = vz_source_fill(in->source, goal);
	if (vz_source_end(in->source) > before || (got == VZ_SOURCE_END && !in->told) || got < 0)
		tell_others(in, who);
	in->told |= got == VZ_SOURCE_END;
	in->full |= got == VZ_SOURCE_FULL;
	if (got == VZ_SOURCE_DRY && (err = wait_for(in)) != 0)
		return err;
	return got;
}

void
input_wake(struct input *in)
{
	in->dry = false;
	tell_all(in);
}

static uint64_t
least_taken(const struct input *in)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < in->run->n_lanes; i++)
		if (in->user[i].uses && in->user[i].taken < least)
			least = in->user[i].taken;
	return least;
}

static void
let_go(struct input *in, size_t who, uint64_t before)
{
	uint64_t least = least_taken(in);

	vz_source_release(in->source, least);
	if (!in->full || least == before)
		return;
	/* Who stood before the full ring may go on. */
	in->full = vz_source_end(in->source) - least > VZ_RING_MAX / 2;
	tell_others(in, who);
}

void
input_release(struct input *in, size_t who, uint64_t offset)
{
	uint64_t before;

	if (!in->source || !in->user[who].uses || offset <= in->user[who].taken)
		return;
	if (in->users == 1) {
		in->user[who].taken = offset;
		vz_source_release(in->source, offset);
		return;
	}
	before = least_taken(in);
	in->user[who].taken = offset;
	let_go(in, who, before);
}

void
input_leave(struct input *in, size_t who)
{
	uint64_t before;

	if (!in->source || !in->user[who].uses)
		return;
	before = least_taken(in);
	in->user[who].uses = false;
	if (--in->users > 0) {
		let_go(in, who, before);
		return;
	}
	if (in->run->loop)
		vz_loop_del(in->run->loop, &in->watch);
	vz_source_free(in->source);
	free(in->user);
	in->source = NULL;
	in->user = NULL;
	in->dry = in->full = in->told = false;
}

bool
input_full(const struct input *in)
{
	return in->source && in->users > 1 && in->full;
}

bool
input_slowest(const struct input *in, size_t *who)
{
	uint64_t least = least_taken(in);

	for (size_t i = 0; i < in->run->n_lanes; i++)
		if (in->user[i].uses && in->user[i].taken == least &&
		    least < vz_source_end(in->source)) {
			*who = i;
			return true;
		}
	return false;
}
