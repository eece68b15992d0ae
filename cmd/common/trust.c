#include "cmd/common/trust.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "keep/serials.h"

/* Fails closed: without a clock nothing that has an end is still good. */
static bool
expired(const struct vz_bundle *peer)
{
	time_t now = time(NULL);

	return peer->not_after != 0 && (now < 0 || (uint64_t)now >= peer->not_after);
}

int
trust_judge(const struct self *me, const struct vz_bundle *peer)
{
	int err;

	if (vz_acl_revoked(me->acl, &peer->identity) != 0)
		return VZ_EREVOKED;
	err = vz_serials_raise(me->state_dir, peer);
	if (err < 0)
		return err;
	return expired(peer) ? VZ_EEXPIRED : 0;
}

const char *
trust_words(const struct self *me, int err)
{
	static char words[1024];
	char why[256], dir[512];

	switch (err) {
	case VZ_EREVOKED: return "its key is on this host's revoked list";
	case VZ_EROLLBACK: return "its session keys are older than ones seen before";
	case VZ_ECLASH: return "two hosts share this identity";
	case VZ_EEXPIRED: return "its session keys have expired";
	default: break;
	}
	strlcpy(why, diag_words(err), sizeof(why));
	diag_escape(dir, sizeof(dir), me->state_dir, strlen(me->state_dir));
	if (err == VZ_EFULL)
		snprintf(words, sizeof(words), "no room to remember another peer in %s", dir);
	else
		snprintf(words, sizeof(words), "cannot remember peers in %s: %s", dir, why);
	return words;
}

const char *
trust_hint(int err)
{
	switch (err) {
	case VZ_EREVOKED:
	case VZ_EFULL: return NULL;
	case VZ_EROLLBACK: return "somebody may be using a stolen backup of that host's identity";
	case VZ_ECLASH: return "make a new identity on one of them with vz-keygen";
	case VZ_EEXPIRED: return "look at both clocks; else that host has to renew its keys";
	default: return "--state DIR names another place";
	}
}

bool
trust_hint_told(const char *words)
{
	static const struct {
		const char *words, *hint;
	} own[] = {
	    {"an older bundle of this key than one already seen",
		"this host's identity was put back from a copy: "
		"put back the newest one, or renew its keys with vz-keygen --rotate"},
	    {"two hosts share this identity", "make a new identity on one of them with vz-keygen"},
	    {"this key is revoked", NULL},
	    {"this key was turned down here", NULL},
	    {"nobody answered whether this key is allowed here",
		"its owner was asked on a terminal there: have it answered, and try again"},
	    {"this key may not come from that address",
		"its owner has put from= on this host's line in the authorized file there"},
	    {"this key may not come through that relay",
		"its owner has put from= on this host's line in the authorized file there"},
	    {"this key's right has expired",
		"its owner has to change expires= on this host's line in the authorized file "
		"there"},
	    {"this key's bundle is past its not-after",
		"look at both clocks; else renew this host's keys with vz-keygen --rotate"},
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (strcmp(words, own[i].words) != 0)
			continue;
		if (own[i].hint)
			diag_hint("%s", own[i].hint);
		return true;
	}
	return false;
}

int
trust_status(int err)
{
	switch (err) {
	case VZ_EREVOKED:
	case VZ_EROLLBACK:
	case VZ_ECLASH:
	case VZ_EEXPIRED:
	case VZ_EFULL: return vz_exit_of_peer(err);
	case VZ_ENOMEM: return VZ_EXIT_OSERR;
	default: return VZ_EXIT_CONFIG;
	}
}
