/*
 * The listening sockets: who comes in, and who has to go for it (DESIGN 9).
 */
#ifndef VZ_SERVE_GATE_H
#define VZ_SERVE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/common/self.h"
#include "cmd/serve/caller.h"
#include "cmd/common/lent.h"
#include "cmd/serve/sockets.h"
#include "guard/penalty.h"
#include "guard/pool.h"
#include "net/loop.h"
#include "wire/relay_client.h"

/* Who was claimed at a relay (net/rlink.h); what it points to is borrowed. */
struct arrival {
	int fd;
	const uint8_t *first; /* what has come already */
	size_t first_len;
	const struct vz_relay_client *through; /* knows the path of the channel */
	const struct vz_key *relay;
};

/* What the gate asks of the program about its connections. */
struct gate_handler {
	/* Takes fd over. NULL when there is no memory or no identity to borrow. */
	struct caller *(*arrived)(void *arg, int fd);
	/* The same for who comes through a relay. NULL where nobody does. */
	struct caller *(*relayed)(void *arg, const struct arrival *a);
	/* It failed before it proved a key, and is only held open (vz_conn_silent). */
	bool (*silent)(const struct caller *c);
	/* Its first message is verified: it knows whom it calls. */
	bool (*begun)(const struct caller *c);
	/* Reads what may be there already, and acts on it. False: it is gone. */
	bool (*look)(struct caller *c);
	/* Ends it without a word. */
	void (*drop)(struct caller *c);
};

/* Set what is before the line, the rest zero. */
struct gate {
	struct vz_loop *loop;
	struct self *me;
	struct sockets *sockets;
	const struct gate_handler *handler;
	void *arg; /* of `arrived` */

	struct lent *lent; /* the identity that is in `me` */
	struct vz_watch watches[VZ_LISTEN_MAX];
	struct vz_timer pause; /* no descriptors left: accepting again later */
	uint64_t starved_at;   /* ... and that was said; 0 = never */
	bool is_short;         /* the last one took a descriptor of the reserve */
	int descriptors;       /* what accepting may not go beyond */
	bool ending;           /* who comes now is late, unless others accept here too */
	bool handing;          /* they do */
	struct vz_timer hand_over;
	struct callers callers; /* who is not admitted yet */
	struct vz_pool pool;
	struct vz_penalties penalties;
	struct vz_bucket penalty_words; /* how often they are spoken of */
	uint64_t accepted, pushed_out;
};

/* Begins to accept. VZ_ESYSTEM, VZ_ENOMEM. */
int gate_open(struct gate *g);
/*
 * Leaves the sockets that somebody else may accept on to them, with nothing lost of what has come
 * for us; false when there are none. The others stay open.
 */
bool gate_hand_over(struct gate *g);
/* True while that goes on. */
bool gate_is_open_for_others(const struct gate *g);
/* Takes a->fd in as if it had been accepted, now. */
void gate_take_relayed(struct gate *g, const struct arrival *a);
/* Reads our identity again if it has changed; so does the gate before each that it accepts. */
void gate_refresh_identity(struct gate *g);
/* Closes the sockets; those on disk that are ours go away. */
void gate_close(struct gate *g);
/* Everybody is gone. */
void gate_free(struct gate *g);

/* What became of a caller. */

/* Its first message is verified. May be said again and again. */
void gate_begun(struct gate *g, struct caller *c);
/* Its handshake is over: what it borrowed goes back. */
void gate_settle(struct caller *c);
/* It is in. */
void gate_admit(struct gate *g, struct caller *c);
/* It ended with err; before it proved a key that may be a failure of its source
 * (guard/penalty.h). */
void gate_ended(struct gate *g, const struct caller *c, int err);
/* It is about to be freed. */
void gate_forget(struct gate *g, struct caller *c);
/* out, a stranger, makes room for one of source `by` (NULL: for nobody). */
void gate_push_out(struct gate *g, struct caller *out, const struct vz_source *by);

/* For the files of the gate: fd came from there. */
void gate_take_in(struct gate *g, int fd, const struct sockaddr_storage *from, bool late);

#endif
