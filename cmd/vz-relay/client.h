/*
 * One connection, from accept to its end, alone or as one side of a pair.
 */
#ifndef VZ_RELAY_CLIENT_H
#define VZ_RELAY_CLIENT_H

#include "cmd/serve/caller.h"
#include "cmd/vz-relay/relay.h"
#include "cmd/vz-relay/use.h"

enum client_state {
	CLIENT_RUNNING,
	CLIENT_CLOSING,  /* close is said; output drains */
	CLIENT_DRAINING, /* our side is shut down: read and drop until end of file */
	CLIENT_SILENT,   /* failed before authentication: read and drop, hold the descriptor */
	CLIENT_PAIRED,   /* its socket is the mover's (pair.h) */
	CLIENT_OVER,
};

struct pair;
struct talk;

struct client {
	TAILQ_ENTRY(client) all;
	struct relay *rl;
	struct talk *talk; /* of -vv, or NULL */
	struct caller who;
	bool admitted;
	unsigned rights; /* when it was admitted */
	unsigned needs;  /* the right that its request needed; 0 = it asked for nothing yet */
	struct use_place use;
	struct vz_live_client live; /* with the protocol: live.serve, NULL once that is over */
	struct pair *pair;
	bool refused; /* and told so, by its mailbox */
	bool mails;   /* its requests are those of a mailbox */
	struct vz_mailbox_client mail;

	enum client_state state;
	int fd; /* the mover's, once it is in a pair */
	struct vz_watch watch;
	struct vz_timer timer, soon; /* deadlines; a turn from the loop */
	bool in_turn, write_dead, backlog, more;
	uint64_t moved_at; /* of output, since it waits */
	uint64_t by;       /* the end of closing, draining, silence */
	size_t dropped;    /* bytes read in silence */
	int err;           /* why it is over */
};

/* What the gate asks about them; its arg is the relay. */
extern const struct gate_handler client_gate;

struct client *client_of_live(const struct vz_live_client *l);
struct client *client_of_mail(const struct vz_mailbox_client *m);
/* It has been refused already, by whatever said so. */
void client_refused(struct client *c);
/* Something was said on it: send it from the loop soon, and look at it. */
void client_kick(struct client *c);
/* Ends it without a word; also from its own turn, and with its pair. */
void client_drop(struct client *c);
/* Ends it with words, when it is admitted and in no pair; else without. */
void client_dismiss(struct client *c, uint8_t status, const char *words);
/* It was refused with these, and is closed with them. */
void client_refuse(struct client *c, enum refusal why, uint8_t status, const char *words);
/* It is joined, and has sent all that there is to say before that. */
bool client_is_raw(const struct client *c);
/* Its protocol is over: what is said is not ours any more. */
void client_leave_protocol(struct client *c);
/* The one behind it that is still there when it has been dropped, with its pair. */
struct client *client_beyond(const struct client *c);
/* Frees what is left of one whose socket is gone. */
void client_free(struct client *c);

#endif
