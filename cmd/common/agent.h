/*
 * The ssh-agent that holds an identity's key: found by $SSH_AUTH_SOCK, asked, and what it does
 * said (vz-keygen(1) KEYS IN AN AGENT).
 */
#ifndef VZ_CMD_AGENT_H
#define VZ_CMD_AGENT_H

#include "id/key.h"
#include "net/agent.h"

/* A program that serves others is held up by its agent so long, and not again for a minute. */
#define AGENT_QUICK_MS 2000

/* Connects. 0 and the caller's *out, or the exit status of what was said. */
int agent_connect(struct vz_agent **out);
/* Does it hold this key? 0, or the exit status of what was said. */
int agent_has(struct vz_agent *a, const struct vz_key *key);
/*
 * vz_signer_fns that wait, whose arg is a struct vz_agent: for whoever has to confirm it, which is
 * said when it takes a second; and for a program with other things to do.
 */
vz_signer_fn agent_sign_patient;
vz_signer_fn agent_sign_quick;
/* That the signature was not made: err is of vz_signer_sign. `before` is a path or the like, or
 * NULL. Returns the exit status. */
int agent_complain(const struct vz_agent *a, const char *before, int err);
/* The same as words only, for a line that says more; valid until the next call. */
const char *agent_words(const struct vz_agent *a, int err);

#endif
