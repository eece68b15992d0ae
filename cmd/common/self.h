/*
 * Who we are and whom we know: identity, pre-shared keys, peers, revoked keys, serials, loaded from
 * where the options and the environment say. Failures are reported and end the program with their
 * status.
 */
#ifndef VZ_CMD_SELF_H
#define VZ_CMD_SELF_H

#include <sys/stat.h>
#include "cmd/common/options.h"
#include "guard/acl.h"
#include "id/signer.h"
#include "keep/peers.h"
#include "mail/manifest.h"
#include "wire/session.h"

struct vz_agent;

struct self {
	char identity_path[4096];
	char lists_path[4096]; /* "peers" and the others are beside this (keep/paths.h) */
	char state_dir[4096];
	struct vz_identity *identity;
	uint8_t (*psk)[VZ_PSK_LEN]; /* guarded memory */
	unsigned psks;
	uint8_t *relay_psk;     /* guarded memory; NULL = none */
	struct vz_acl *acl;     /* revoked keys are in it; a listener adds the authorised ones */
	struct stat seen;       /* the identity file when it was last read, well or not */
	struct vz_agent *agent; /* who holds the identity's key; NULL: nobody is asked */
};

/* Loads identity (asking for a passphrase where it has one), pre-shared keys and the revoked list,
 * or exits. */
void self_load(struct self *me, const struct common *options);
/* The peers file beside the identity, or exits. The caller owns it. */
struct vz_peers *self_peers(const struct self *me);
/* Becoming another user may change what can be seen of the file: that is no change of it. */
void self_look_again(struct self *me);
/*
 * Reads the identity again when its file changed since it was loaded: 1 = changed and loaded, 0 =
 * the same, negative = kept the old one (and said why once for each change). Nobody is asked for a
 * passphrase: a running program has no business at the terminal.
 */
int self_reload(struct self *me);
/*
 * A session's config for a connection from now on: identity, keys, fresh randomness, DESIGN 9's
 * times with -w. An initiator gets a new stream id. responder NULL = ourselves. The config borrows
 * from `me`, whose identity may not be loaded again before the handshake is over.
 */
void self_session(const struct self *me, const struct common *options, bool initiator,
    const struct vz_key *responder, struct vz_session_config *out);
/* The channel's config for a connection from now on to a relay, whose psk is another one. As above.
 */
void self_channel_to_relay(
    const struct self *me, const struct vz_key *relay, struct vz_channel_config *ch);
/*
 * Before the sandbox closes, and only where something is to be signed: connects to the ssh-agent
 * that holds the identity's key, if one does, and sees that it has it. 0, or the exit status of
 * what was said.
 */
int self_agent(struct self *me);
/*
 * Who signs by the identity as it is now. `how` is how an agent is asked: vz_agent_sign or one of
 * cmd/common/agent.h.
 */
struct vz_signer self_signer(const struct self *me, vz_signer_fn *how);
/*
 * A vz_manifest_sign_fn, whose arg is a struct self; VZ_EPENDING as vz_agent_sign gives it.
 */
int
self_sign_message(void *me, const uint8_t digest[static VZ_MANIFEST_HASH], uint8_t sig[static 64]);
void self_free(struct self *me);

#endif
