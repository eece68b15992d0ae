/*
 * The small process that starts commands (DESIGN 3, 8), split off before there are secrets and
 * before the sandbox closes: afterwards the process that faces the network can neither fork nor
 * execute, and asks here. It is the commands' parent, and holds the writing end of each one's stdin
 * beside us, so that law 1 outlives our death by SIGKILL: it kills the groups of those whose input
 * is not whole, and lets go of a pipe only when nobody reads it any more. Then it ends.
 *
 * All calls but vz_starter_split are the main process's; they wait no longer than a fork and an
 * exec take.
 */
#ifndef VZ_FLOW_STARTER_H
#define VZ_FLOW_STARTER_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/handler_exec.h"
#include "net/loop.h"

struct vz_starter;

/* What the small process does itself; both may be NULL. */
struct vz_starter_config {
	/* First: 0, or an errno with which nothing is split off. */
	int (*enter)(void *arg);
	/* Whether this may be run: the other side is not trusted. 0, or an errno. */
	int (*permit)(void *arg, char *const argv[], char *const envp[]);
	void *arg;
};

/*
 * Splits it off. It keeps no descriptor but stderr, ignores the signals of the keyboard and
 * SIGTERM, and belongs to no loop. VZ_ESYSTEM, VZ_ENOMEM.
 */
int vz_starter_split(const struct vz_starter_config *config, struct vz_starter **out);
/* What runs is dealt with as at our death; nothing is waited for. NULL is nothing. */
void vz_starter_free(struct vz_starter *s);

/* A command has ended, with its wait status; -1 when the small process is gone. From the loop. */
typedef void vz_starter_fn(void *arg, uint32_t id, int status);
/* Tells of ends from here on. VZ_ESYSTEM, VZ_ENOMEM. */
int vz_starter_watch(struct vz_starter *s, struct vz_loop *l, vz_starter_fn *fn, void *arg);
/* Tells no more. */
void vz_starter_ignore(struct vz_starter *s);
/* Waits: calls fn for one that has ended within ms, or returns false. */
bool vz_starter_wait(struct vz_starter *s, int ms);

/* It was seen to be gone: nothing can be started any more. */
bool vz_starter_is_gone(const struct vz_starter *s);
/*
 * Starts one, as vz_handler_exec does; *id names it until vz_starter_forget. VZ_ESYSTEM: errno says
 * why it could not be run, and there is no id.
 */
int vz_starter_start(struct vz_starter *s, char *const argv[], char *const envp[], unsigned wants,
    uint32_t *id, int fds[static VZ_RUN_FDS]);
/* A signal to its group, and to itself while it has not been reaped. */
void vz_starter_signal(struct vz_starter *s, uint32_t id, int signo);
/* Its input is whole: from here on our own closing of the pipe ends it. */
void vz_starter_finish(struct vz_starter *s, uint32_t id);
/* We are done with it. Should its input not be whole and somebody read it, the pipe stays. */
void vz_starter_forget(struct vz_starter *s, uint32_t id);

#endif
