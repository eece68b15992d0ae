#include "cmd/common/agent.h"

#include <string.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/exit.h"

#define PATIENCE_MS 1000 /* until it is said what is waited for */

const char *
agent_words(const struct vz_agent *a, int err)
{
	switch (err) {
	case VZ_ESIGNER:
		return a ? vz_agent_words(a)
			 : "the identity's key is in an ssh-agent, and none is asked";
	case VZ_EAUTH: return "what it signed does not verify by the key that it was asked for";
	default: return diag_words(err);
	}
}

static void
hint(const struct vz_agent *a, int err)
{
	if (err != VZ_ESIGNER)
		return;
	switch (a ? vz_agent_fault(a) : VZ_AGENT_NONE) {
	case VZ_AGENT_NONE:
		diag_hint("eval \"$(ssh-agent)\" starts one, ssh-add gives it the key");
		break;
	case VZ_AGENT_AWAY:
	case VZ_AGENT_LOST:
		diag_hint("is the ssh-agent running that SSH_AUTH_SOCK names? ssh-add -l asks it");
		break;
	case VZ_AGENT_REFUSED:
		diag_hint("the key may be gone (ssh-add -l), the agent locked (ssh-add -X unlocks "
			  "it), or somebody said no");
		break;
	default: break;
	}
}

int
agent_complain(const struct vz_agent *a, const char *before, int err)
{
	char shown[1024] = "";

	if (before)
		diag_escape(shown, sizeof(shown), before, strlen(before));
	diag_error("%s%sssh-agent: %s", shown, before ? ": " : "", agent_words(a, err));
	hint(a, err);
	if (err == VZ_ESIGNER && a && vz_agent_fault(a) == VZ_AGENT_SLOW)
		return VZ_EXIT_TEMPFAIL;
	return vz_exit_of(err);
}

int
agent_connect(struct vz_agent **out)
{
	int err = vz_agent_new(out, env_agent()), status;

	if (!err)
		err = vz_agent_connect(*out);
	if (!err)
		return 0;
	status = agent_complain(*out, NULL, err);
	vz_agent_free(*out);
	*out = NULL;
	return status;
}

/* 1, 0, or VZ_E... of a list that is none. */
static int
is_listed(const struct vz_buf *message, const struct vz_key *key)
{
	struct vz_agent_keys keys;
	struct vz_agent_key k;
	int r = vz_agent_keys_read(vz_buf_ptr(message), message->len, &keys), found = 0;

	if (r)
		return r;
	while ((r = vz_agent_keys_next(&keys, &k)) > 0)
		if (k.kind == VZ_AGENT_ED25519 && memcmp(k.public, key->b, sizeof(key->b)) == 0)
			found = 1;
	return r < 0 ? r : found;
}

int
agent_has(struct vz_agent *a, const struct vz_key *key)
{
	char fingerprint[51];
	struct vz_buf message;
	int err, r;

	vz_buf_init(&message, VZ_AGENT_MESSAGE_MAX);
	err = vz_agent_list(a, &message);
	if (err) {
		vz_buf_free(&message);
		return agent_complain(a, NULL, err);
	}
	r = is_listed(&message, key);
	vz_buf_free(&message);
	if (r > 0)
		return 0;
	if (r < 0) {
		diag_error("ssh-agent: its list of keys is none");
		return VZ_EXIT_CONFIG;
	}
	vz_ssh_fingerprint(key->b, fingerprint);
	diag_error("ssh-agent: it does not hold the identity's key, %s", fingerprint);
	diag_hint("ssh-add adds a key; one that is locked (ssh-add -x) shows none");
	return VZ_EXIT_CONFIG;
}

/* The answer, or that there is none after so long. */
static int
wait_for(struct vz_agent *a, const struct vz_key *key, const char *ns, const uint8_t *digest,
    uint8_t *sig, unsigned ms)
{
	int err = vz_agent_sign(a, key, ns, digest, sig);

	if (err != VZ_EPENDING)
		return err;
	(void)vz_agent_wait(a, ms);
	return vz_agent_sign(a, key, ns, digest, sig);
}

static int
too_slow(struct vz_agent *a, int err)
{
	if (err != VZ_EPENDING)
		return err;
	vz_agent_drop(a);
	return VZ_ESIGNER;
}

int
agent_sign_patient(void *arg, const struct vz_key *key, const char *ns,
    const uint8_t digest[static 64], uint8_t sig[static 64])
{
	int err = wait_for(arg, key, ns, digest, sig, PATIENCE_MS);

	if (err != VZ_EPENDING)
		return err;
	diag_verbose(0, "waiting for ssh-agent: it may be asking somebody to confirm");
	return too_slow(arg, wait_for(arg, key, ns, digest, sig, VZ_AGENT_ANSWER_MS - PATIENCE_MS));
}

int
agent_sign_quick(void *arg, const struct vz_key *key, const char *ns,
    const uint8_t digest[static 64], uint8_t sig[static 64])
{
	return too_slow(arg, wait_for(arg, key, ns, digest, sig, AGENT_QUICK_MS));
}
