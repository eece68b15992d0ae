/*
 * Where messages go: a sink, standard output as items, back to who sent them, or a command.
 * deliver.c does what is the same for all; a taker does the rest.
 */
#ifndef VZ_LISTEN_TAKER_H
#define VZ_LISTEN_TAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/vz-listen/visit.h"

#define TAKER_WAIT 255 /* no status (DESIGN 8): not now */

struct taker {
	/* Questions are taken; and of one session so many messages under way at once, 0 = any. */
	bool answers;
	unsigned open_max;
	/* Before anybody can connect: what does not open ends the program. NULL = nothing to do. */
	void (*open)(struct server *srv);
	/* The loop is there. VZ_ESYSTEM, VZ_ENOMEM. */
	int (*start)(struct server *srv);
	void (*close)(struct server *srv);
	/*
	 * May the message begin (ev is VZ_EVENT_OPEN or VZ_EVENT_WHOLE)? 0, TAKER_WAIT: server_wake
	 * tells when to ask again, or a status and *words (static) of a refusal. NULL: always 0.
	 */
	uint8_t (*may_begin)(struct visit *v, const struct vz_event *ev, const char **words);
	/*
	 * How many bytes of the message are here already, from an earlier process (ev is
	 * VZ_EVENT_OPEN). May be asked more than once. NULL: none.
	 */
	uint64_t (*have)(struct visit *v, const struct vz_event *ev);
	/* It begins: it is among the visit's. What fails here ends it by deliver_failed. */
	void (*begin)(struct visit *v, struct incoming *in, const struct vz_event *ev);
	/*
	 * Its next bytes, which are taken off the front of ev as they go; that it is whole. False:
	 * wait, the same again after server_wake.
	 */
	bool (*data)(struct visit *v, struct incoming *in, struct vz_event *ev);
	bool (*end)(struct visit *v, struct incoming *in);
	/*
	 * Its manifest (text_len bytes) and the signature of that (the rest), which were verified:
	 * kept where there is a place for them. VZ_ENOMEM. NULL: nowhere.
	 */
	int (*prove)(struct incoming *in, const uint8_t *p, size_t text_len, size_t len);
	/* Up to n of its bytes from `at` on, which are here from an earlier process. VZ_ESYSTEM. */
	ssize_t (*read_back)(const struct incoming *in, uint64_t at, uint8_t *p, size_t n);
	/*
	 * A small message that came whole, without all that; NULL when there is no such way. False:
	 * wait, before anything was done.
	 */
	bool (*whole)(struct visit *v, const struct vz_event *ev);
	/* As drop, but what has come stays, for another process to go on with. False: it cannot.
	 * NULL: always so. */
	bool (*leave)(struct visit *v, struct incoming *in);
	/* It is over: nothing more of it, and nothing may look whole that is not. */
	void (*drop)(struct visit *v, struct incoming *in);
	/* A turn of v's connection, or (v NULL) output_fd can be written again; v is gone. NULL =
	 * nothing to do. */
	void (*turn)(struct server *srv, struct visit *v);
	void (*left)(struct visit *v);
	/* Comes each second. NULL = nothing to do. */
	void (*second)(struct server *srv);
	/* Nobody is left, and the program is to end: false when that takes a while, after which
	 * server_over is called. NULL: true. */
	bool (*finish)(struct server *srv);
};

extern const struct taker taker_sink, taker_items, taker_echo, taker_command, taker_coproc;
const struct taker *taker_of(const struct listen_options *o);

#endif
