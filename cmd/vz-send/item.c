#include "cmd/vz-send/item.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "net/sockopt.h"

#define PIPE_SIZE (1024 * 1024)

static const char *
basename_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void
item_file(struct item *it, const char *path, const char *name)
{
	memset(it, 0, sizeof(*it));
	it->path = path;
	it->name = name;
	if (strcmp(path, "-") == 0) {
		it->what = "standard input";
		it->stdin_fd = true;
	} else if (!name) {
		it->name = basename_of(path);
	}
}

const char *
item_shown(const struct item *it)
{
	static char buf[512];

	return it->what ? it->what : diag_escape(buf, sizeof(buf), it->path, strlen(it->path));
}

int
item_input_failed(const struct item *it, int err)
{
	if (err == VZ_ECHANGED)
		diag_error("%s: changed its size while it was sent", item_shown(it));
	else
		diag_error("%s: %s", item_shown(it), diag_words(err));
	return err == VZ_ENOMEM ? VZ_EXIT_OSERR : VZ_EXIT_NOINPUT;
}

/*
 * A FIFO without a writer would make open(2) wait, and nobody would serve the connection; opened
 * without waiting it is simply not readable until somebody writes. Reading asks before each read,
 * so the flag is taken off again for devices that heed it in other ways.
 */
static int
open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	int mode;

	if (fd >= 0 && (mode = fcntl(fd, F_GETFL)) >= 0)
		(void)fcntl(fd, F_SETFL, mode & ~O_NONBLOCK);
	return fd;
}

void
item_opened(struct item *it, struct vz_source *source)
{
	it->source = source;
	it->state = ITEM_OPENED;
}

void
item_open(struct item *it)
{
	struct vz_source *source = NULL;
	int fd = STDIN_FILENO, err;

	if (it->name && !vz_name_ok(it->name, strlen(it->name))) {
		diag_error("%s: its name is no message name: over 255 bytes, control characters, "
			   "or not UTF-8",
		    item_shown(it));
		diag_hint("give it one with --name");
		item_over(it, VZ_EXIT_NOINPUT);
		return;
	}
	if (!it->stdin_fd)
		fd = open_file(it->path);
	else
		vz_pipe_grow(fd, PIPE_SIZE);
	err = fd < 0 ? VZ_ESYSTEM : vz_source_new(&source, fd, it->stdin_fd ? 0 : VZ_SOURCE_OWN);
	if (err)
		item_over(it, item_input_failed(it, err));
	else
		item_opened(it, source);
}

void
item_over(struct item *it, int status)
{
	vz_source_free(it->source);
	it->source = NULL;
	it->status = status;
	it->state = ITEM_OVER;
}
