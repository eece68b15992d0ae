/*
 * One connection, from accept on, as the parts see it that know nothing of what is said on it.
 */
#ifndef VZ_SERVE_CALLER_H
#define VZ_SERVE_CALLER_H

#include <stdbool.h>
#include <sys/queue.h>

#include "guard/acl.h"
#include "guard/pool.h"
#include "id/key.h"

struct lent;

/* Part of what a program has for each connection. Zeroed it is at no gate yet. */
struct caller {
	TAILQ_ENTRY(caller) list; /* the gate's, until it is admitted */
	bool listed;
	char remote[128]; /* where it comes from */
	struct vz_source source;
	bool relayed; /* it came through `relay` */
	struct vz_key relay;
	bool late; /* came to a socket that nobody else has, when we were stopping already */
	struct lent *lent; /* until the handshake is over */
	/* Once it has proved who it is: */
	struct vz_key key;
	char key_text[VZ_KEY_TEXT]; /* "" before */
	struct vz_grant grant;
};
TAILQ_HEAD(callers, caller);

#endif
