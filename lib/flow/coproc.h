/*
 * --coproc: one long-lived command that is fed all messages as frames and answers them in any
 * order. It is restarted with a growing delay when it dies.
 *
 * Both directions are frames; integers are unsigned and big-endian. A length counts what follows
 * it. To the command's stdin, for each message:
 *
 *	u32 length
 *	u64 number	to be repeated in the answer; means nothing else
 *	u8  flags	1 = the body of the answer is wanted; 2 = the message is signed; other
 *			bits are to be ignored
 *	u8  p		length of the peer's key
 *	u8  i		length of the message id
 *	u8  n		length of the message's name
 *	p bytes		the peer's key as text, vz1...
 *	i bytes		the message id as text, the same when a message comes again
 *	n bytes		the name, UTF-8 as the peer sent it: not a path, not escaped
 *	the rest	the body
 *
 * From its stdout, for each message once, in any order:
 *
 *	u32 length	9 or more
 *	u64 number
 *	u8  status	0 to 63 go to the sender; above: 79
 *	the rest	the reply; dropped when it was not wanted
 *
 * A frame that breaks this, a number that is not waiting for its answer (or that it was not given
 * yet) and an answer over the limit end the command (its whole group) and start it anew. End of
 * file on its stdin means that no message will come any more, and stands between two frames always:
 * it answers what it has, and exits.
 */
#ifndef VZ_FLOW_COPROC_H
#define VZ_FLOW_COPROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "flow/handler.h"

struct vz_coproc;

#define VZ_COPROC_WANTED   1u /* flags: the body of the answer is wanted */
#define VZ_COPROC_SIGNED   2u /* the message is signed, and that was verified */
#define VZ_COPROC_HEAD     16 /* bytes of a message's frame before the peer's key */
#define VZ_COPROC_ANSWER   13 /* bytes of an answer's frame before the reply */
#define VZ_COPROC_LOST     75 /* the status of what it had not answered when it died */
#define VZ_COPROC_FIRST_MS 250
#define VZ_COPROC_MOST_MS  30000

/* Named after what just happened; each from the loop. vz_coproc_free may be called in all. */
struct vz_coproc_events {
	/* The answer to vz_coproc_ask: 0 to 63, VZ_HANDLER_FAILED, or VZ_COPROC_LOST when there
	 * will be none. The reply is there during this call only; it has no bytes when not wanted.
	 */
	void (*answered)(void *arg, void *tag, int status, const void *reply, size_t len);
	/* vz_coproc_ask takes a message again, of the size that was told VZ_EFULL last. May be
	 * NULL. */
	void (*room)(void *arg);
	/* It has ended or could not be started, and why; it is started again in wait_ms. What it
	 * had not answered is told after this. */
	void (*down)(void *arg, const char *words, uint64_t wait_ms);
	/* After vz_coproc_finish: it has ended, and will not be started again. */
	void (*ended)(void *arg, const char *words);
};

struct vz_coproc_config {
	char *const *argv, *const *envp; /* have to stay; as for vz_handler_config */
	size_t max_body, max_reply;      /* bytes; 0 = 1 MiB */
	uint32_t max_unanswered;         /* messages; 0 = 1024 */
	size_t max_queued;               /* bytes not yet written to it; 0 = 4 MiB. One message is
					    always taken. */
	uint64_t answer_ms;         /* the oldest message has to be answered within; 0 = never */
	uint64_t first_ms, most_ms; /* the delays; 0 = the defaults above. One that ran for
				       most_ms begins anew with first_ms. */
};

/*
 * Starts it: the first failure is the caller's. VZ_ESYSTEM: errno says why it could not be run;
 * VZ_EFULL; VZ_ENOMEM. `all` has to outlive it.
 */
int vz_coproc_new(struct vz_handlers *all, const struct vz_coproc_config *config,
    const struct vz_coproc_events *events, void *arg, struct vz_coproc **out);
/* Kills it (its group first, then the pipe is closed); nothing is called any more. */
void vz_coproc_free(struct vz_coproc *c);

/* A message; all is copied. */
struct vz_coproc_message {
	const char *peer, *id; /* at most 255 bytes each */
	const void *name;
	size_t name_len; /* at most 255 */
	const void *body;
	size_t len;
	bool wanted;    /* the reply is */
	bool is_signed; /* the message */
};

/*
 * Queues a message; many of them share one write at the end of the loop's turn. `answered` comes
 * for it once, with tag. *number (may be NULL) is its name for vz_coproc_forget. VZ_EFULL: too many
 * unanswered or queued, or the command is down: wait for `room`. VZ_ELIMIT: a field or the body is
 * too long. VZ_ECLOSED: after vz_coproc_finish. VZ_ENOMEM.
 */
int
vz_coproc_ask(struct vz_coproc *c, const struct vz_coproc_message *m, void *tag, uint64_t *number);
/* Nobody waits for its answer any more; when it comes it is dropped. */
void vz_coproc_forget(struct vz_coproc *c, uint64_t number);
/* While paused no answer is told and none is read, so that the command is held back. */
void vz_coproc_pause(struct vz_coproc *c, bool pause);
/* Lets it answer what it was given, ends its input and waits for its exit: `ended`. How long that
 * may take is the caller's matter: vz_coproc_free. */
void vz_coproc_finish(struct vz_coproc *c);
size_t vz_coproc_unanswered(const struct vz_coproc *c);
/* It is not running, and waits for its restart. */
bool vz_coproc_is_down(const struct vz_coproc *c);

#endif
