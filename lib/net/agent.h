/*
 * A connection to an ssh-agent, which holds the identity's key and signs by it (crypto/agent.h is
 * what is said). Questions are put one at a time, in their order, and a person may be asked before
 * one is answered: so nothing here waits unless it is told how long, and a question stays until who
 * put it comes for the answer.
 *
 * The agent is our own user's, but it may lie, hang, or go: lengths, counts and waits are bounded,
 * and whatever is wrong ends the connection and fails all that was asked. The next question makes
 * another connection, as long as the sandbox leaves us to.
 */
#ifndef VZ_NET_AGENT_H
#define VZ_NET_AGENT_H

#include <stdbool.h>
#include "crypto/agent.h"
#include "id/signer.h"
#include "net/loop.h"

#define VZ_AGENT_QUESTIONS  256    /* at a time; an answer nobody came for makes room */
#define VZ_AGENT_CONNECT_MS 1000   /* an agent that is there takes a connection at once, */
#define VZ_AGENT_LIST_MS    5000   /* says which keys it has soon, */
#define VZ_AGENT_ANSWER_MS  120000 /* and signs when somebody has confirmed it */

struct vz_agent;

enum vz_agent_fault {
	VZ_AGENT_WELL,
	VZ_AGENT_NONE,      /* no socket is named */
	VZ_AGENT_AWAY,      /* nobody can be connected to there: errno */
	VZ_AGENT_LOST,      /* it ended the connection */
	VZ_AGENT_SLOW,      /* no answer in time */
	VZ_AGENT_MALFORMED, /* what it says is no answer to what it was asked */
	VZ_AGENT_REFUSED,   /* it does not sign: it lacks the key, is locked, or was told no */
	VZ_AGENT_ALGORITHM, /* a signature of another kind */
};

/* path: the value of $SSH_AUTH_SOCK, NULL or "" = none. VZ_ENOMEM. The caller owns *out. */
int vz_agent_new(struct vz_agent **out, const char *path);
/* NULL is nothing. */
void vz_agent_free(struct vz_agent *a);
/* Connects, if it is not, or no longer: waits VZ_AGENT_CONNECT_MS at most. VZ_ESIGNER. */
int vz_agent_connect(struct vz_agent *a);
/*
 * Asks which keys there are and waits for the answer, VZ_AGENT_LIST_MS at most; `message` takes it,
 * for vz_agent_keys_read. Only while nothing else is asked. VZ_ESIGNER, VZ_ENOMEM.
 */
int vz_agent_list(struct vz_agent *a, struct vz_buf *message);
/*
 * A vz_signer_fn, whose arg is a struct vz_agent: never waits but to connect. VZ_EPENDING: the
 * question is on its way, and vz_agent_wait or vz_agent_watch tells when there is news. VZ_ESIGNER,
 * with the reason in vz_agent_fault; VZ_EFULL; VZ_ENOMEM.
 */
vz_signer_fn vz_agent_sign;
/* Waits for news, ms at most. 0, or VZ_ETIMEOUT: none. */
int vz_agent_wait(struct vz_agent *a, unsigned ms);
/* Gives up all that is asked, and the connection: what comes late answers nothing. */
void vz_agent_drop(struct vz_agent *a);
/*
 * From here on fn is called from the loop when a question was answered or failed, and one that is
 * not answered for VZ_AGENT_ANSWER_MS fails, with all others. VZ_ESYSTEM, VZ_ENOMEM. The loop must
 * outlive it.
 */
typedef void vz_agent_fn(void *arg);
int vz_agent_watch(struct vz_agent *a, struct vz_loop *l, vz_agent_fn *fn, void *arg);

/* Another bound than VZ_AGENT_ANSWER_MS, for tests. */
void vz_agent_set_patience(struct vz_agent *a, unsigned ms);
/* Is an answer awaited? */
bool vz_agent_is_asked(const struct vz_agent *a);

/* Why the last call that returned VZ_ESIGNER failed. */
enum vz_agent_fault vz_agent_fault(const struct vz_agent *a);
/* In words, that "ssh-agent: " may stand before; valid until the next call. */
const char *vz_agent_words(const struct vz_agent *a);

#endif
