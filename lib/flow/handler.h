/*
 * A command that is run for a message (DESIGN 8): stdin is the message, stdout the reply, its exit
 * status decides. Law 1 lives here: its stdin reaches end of file only after
 * vz_handler_finish_input; whatever else happens, its process group is killed first, and the pipe
 * is closed only when nobody holds its other end any more; also when we die by SIGKILL. SIGPIPE is
 * ignored by the caller.
 */
#ifndef VZ_FLOW_HANDLER_H
#define VZ_FLOW_HANDLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "net/loop.h"

struct vz_starter;
struct vz_handlers; /* all commands of one loop */
struct vz_handler;  /* one of them */

#define VZ_HANDLER_FAILED   79   /* could not start, killed, timed out, exited above 63 */
#define VZ_HANDLER_GRACE_MS 2000 /* from SIGTERM to SIGKILL, when the time is over */
#define VZ_HANDLER_OUTPUT_MS                                                                   \
	2000               /* for what outlives the command: silence on its stdout, or holding \
			      a stdin that may not end. Then its group is killed. */
#define VZ_HANDLER_HELD 64 /* pipes that cannot be closed yet; more: nothing is started */

/* Commands are run by `starter` (flow/starter.h), which stays the caller's and serves one loop at a
 * time. VZ_ENOMEM, VZ_ESYSTEM. */
int vz_handlers_new_with(struct vz_loop *l, struct vz_starter *starter, struct vz_handlers **out);
/* The same with a starter of its own, split off now. */
int vz_handlers_new(struct vz_loop *l, struct vz_handlers **out);
/* Kills what still runs, without callbacks, waits a second at most for it, and closes everything:
 * for the end of the program. Before vz_loop_free. */
void vz_handlers_free(struct vz_handlers *all);
struct vz_loop *vz_handlers_loop(const struct vz_handlers *all);
/*
 * Pipes of messages that were cut whose readers left the process group (setsid(1), timeout(1)), and
 * so outlived the kill. Closing such a pipe would end a cut message well; it is held until they are
 * gone.
 */
size_t vz_handlers_held(const struct vz_handlers *all);

/* How it went. */
struct vz_handler_end {
	int wait;       /* as of waitpid(2); -1 = unknown */
	bool timed_out; /* it was ended because its time was over */
	bool killed;    /* by vz_handler_kill */
};

/* Named after what just happened; each from the loop, none from inside a call. */
struct vz_handler_events {
	/* vz_handler_write takes bytes again. Only after one that did not take all. */
	void (*room)(void *arg, struct vz_handler *h);
	/* There is output, or its end: vz_handler_read. Again in every turn until it is read or
	 * paused. NULL when no reply is wanted. */
	void (*output)(void *arg, struct vz_handler *h);
	/* The command has ended and its output was read to the end; h is gone after this call. */
	void (*ended)(void *arg, struct vz_handler *h, const struct vz_handler_end *end);
};

struct vz_handler_config {
	char *const *argv;   /* argv[0] is looked up in PATH of envp when it holds no slash */
	char *const *envp;   /* vz_handler_env */
	bool reply;          /* false: stdout is /dev/null */
	bool proof;          /* it has a descriptor to read what vz_handler_prove gives it */
	uint64_t timeout_ms; /* for the whole run; 0 = none. Then SIGTERM to its group, and after
				the grace SIGKILL, its stdin open all the while. */
	uint64_t grace_ms, output_ms; /* 0 = the defaults above */
};

/*
 * Starts it; what config points at is not needed afterwards. VZ_ESYSTEM: errno says why it could
 * not be run; VZ_EFULL: VZ_HANDLER_HELD pipes are held; VZ_ENOMEM.
 */
int vz_handler_start(struct vz_handlers *all, const struct vz_handler_config *config,
    const struct vz_handler_events *events, void *arg, struct vz_handler **out);
/*
 * Gives it bytes: how many were taken; fewer than n (also 0) = wait for `room`. A command that has
 * ended or closed its stdin wants no more: all further bytes are dropped, and counted as taken.
 * VZ_ESYSTEM; VZ_EINVAL after vz_handler_finish_input.
 */
ssize_t vz_handler_write(struct vz_handler *h, const void *p, size_t n);
/*
 * What proves the message, for descriptor VZ_RUN_PROOF_FD (flow/handler_exec.h) of one that was
 * started with `proof`: at most VZ_HANDLER_PROOF bytes, which end there. Before
 * vz_handler_finish_input. A second time, or of one that does not want it, without effect.
 * VZ_EINVAL.
 */
#define VZ_HANDLER_PROOF 4096
int vz_handler_prove(struct vz_handler *h, const void *p, size_t n);
/* Its stdin ends here: all bytes were taken, and the message's END is verified. */
void vz_handler_finish_input(struct vz_handler *h);
/* It has ended, or closed its stdin. */
bool vz_handler_input_gone(const struct vz_handler *h);
/* Output: bytes, 0 = none now, VZ_ECLOSED = it has ended. cap is not 0. */
ssize_t vz_handler_read(struct vz_handler *h, void *buf, size_t cap);
/* While paused `output` is not called, and so a command that writes on is held back. */
void vz_handler_pause_output(struct vz_handler *h, bool pause);
/* The message broke, or the peer is gone: SIGKILL to the group before anything is closed. What is
 * left of the output is dropped; `ended` follows. */
void vz_handler_kill(struct vz_handler *h);
/* The same, but nothing is called any more; h is gone for the caller. NULL is nothing. */
void vz_handler_drop(struct vz_handler *h);

/* The exit status that its sender is told (DESIGN 8): 0 to 63 as it is, else VZ_HANDLER_FAILED. */
int vz_handler_status(const struct vz_handler_end *end);
/* "exited 3", "exited 200, above 63", "timed out", "was killed by signal 9 (Killed)". Returns buf.
 */
const char *vz_handler_words(const struct vz_handler_end *end, char *buf, size_t cap);

#endif
