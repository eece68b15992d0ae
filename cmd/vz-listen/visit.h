/*
 * One connection, from accept to its end.
 */
#ifndef VZ_LISTEN_VISIT_H
#define VZ_LISTEN_VISIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "cmd/vz-listen/server.h"

/* A message of this connection on its way into the sink. */
struct incoming {
	LIST_ENTRY(incoming) list;
	struct vz_drop *drop;
	uint64_t number, bytes, begun_at;
	char id[VZ_MESSAGE_ID_TEXT];
	uint8_t name[VZ_NAME_MAX];
	size_t name_len;
};

struct visit {
	TAILQ_ENTRY(visit) all, turn;
	struct server *srv;
	struct vz_conn *conn;
	struct lent *lent; /* until the handshake is over */
	char remote[128];
	bool admitted; /* rights are checked: a session */
	bool leaving;  /* a goodbye was said */
	bool told;     /* that its last message failed, and so that we are stopping: it will go */
	bool waiting;  /* in srv->waiting, for `held` to be tried again */
	struct vz_event held;
	struct vz_key key;
	char key_text[VZ_KEY_TEXT];
	struct vz_grant grant;
	struct quota_place quota;
	LIST_HEAD(, incoming) incoming;
	unsigned n_incoming;
	unsigned delivered;
	int status;          /* of the first message that failed, or of how it ended */
	uint8_t said_status; /* by the peer in its goodbye */
};

/* Takes fd over. NULL when there is no memory or no identity to borrow. */
struct visit *visit_new(struct server *srv, int fd);
/* Ends it without a word, with all that it holds; also from its own handlers. */
void visit_drop(struct visit *v);
/* Ends it with words for the peer, when it was admitted; else without. Its messages are aborted. */
void visit_dismiss(struct visit *v, uint8_t status, const char *text);
/* Tries the held event again; true when the visit waits no longer. */
bool visit_retry(struct visit *v);

#endif
