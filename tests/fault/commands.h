/*
 * Commands that a test writes to a tool of its own, a line each. Who includes this defines obey.
 */
#ifndef VZ_FAULT_COMMANDS_H
#define VZ_FAULT_COMMANDS_H

#include <unistd.h>
#include "net/loop.h"

static void obey(const char *line);

/* Of a watch on a descriptor that they come from; its end ends the watch. */
static void
on_command(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	static char line[64];
	static size_t len;
	char c;
	ssize_t n = read(w->fd, &c, 1);

	(void)got;
	if (n == 0)
		vz_loop_del(l, w);
	if (n != 1 || len == sizeof(line) - 1)
		return;
	line[len] = c == '\n' ? '\0' : c;
	len = c == '\n' ? 0 : len + 1;
	if (c == '\n')
		obey(line);
}

#endif
