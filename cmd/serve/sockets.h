/*
 * The listening sockets of a program: from its operands and from a service manager, and who is told
 * of them.
 */
#ifndef VZ_SERVE_SOCKETS_H
#define VZ_SERVE_SOCKETS_H

#include "cmd/common/sandbox.h"
#include "cmd/common/self.h"
#include "cmd/serve/options.h"
#include "net/listen.h"

/* Set `relays`, the rest zero. */
struct sockets {
	bool relays;                         /* may be among the addresses */
	struct vz_listen_address *addresses; /* as many as the options have */
	struct vz_listener listeners[VZ_LISTEN_MAX];
	size_t n_listeners;
};

/* Understands the operands, or ends the program: 64. */
void sockets_parse(struct sockets *s, const struct serve_options *o);
/* Those that are names of the peers file, which is beside me's identity; or ends the program: 64,
 * 68, or 78 when that cannot be read. */
void sockets_names(struct sockets *s, const struct serve_options *o, const struct self *me);
/* Opens all that are no relays, and takes those of LISTEN_FDS, or ends the program; what was made
 * so far goes away again. */
void sockets_open(struct sockets *s, const struct serve_options *o, int family);
/* Writes all addresses, those at relays too, with the key, one a line, to o->ready_fd, if there is
 * one, and closes it; tells the service manager that we are ready. 0, or the exit status, and that
 * was said. */
int sockets_tell(const struct sockets *s, const struct serve_options *o, const struct vz_key *self);
/* The address that senders use for who is `self` at a relay. VZ_ELIMIT. */
int sockets_relayed(
    const struct vz_listen_address *a, const struct vz_key *self, char *out, size_t cap);
/* Once: tells the service manager that this is the end, which takes at most so long. */
void sockets_notify_end(uint64_t ms);
/* Those on disk that are ours go away. */
void sockets_close(struct sockets *s);
/* Leaves what closing needs. */
void sockets_keep(const struct sockets *s, const struct serve_options *o, struct vz_sandbox *box);

#endif
