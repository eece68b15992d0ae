#include "cmd/vz-send/peer.h"

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

static int
check_serial(const struct self *me, const struct vz_bundle *peer, const char *shown)
{
	int err = vz_serials_raise(me->state_dir, peer);

	switch (err) {
	case 0: return 0;
	case VZ_EROLLBACK:
		diag_error("%s: its session keys are older than ones seen before", shown);
		diag_hint("somebody may be using a stolen backup of that host's identity");
		return vz_exit_of_peer(err);
	case VZ_ECLASH:
		diag_error("%s: two hosts share this identity", shown);
		diag_hint("make a new identity on one of them with vz-keygen");
		return vz_exit_of_peer(err);
	case VZ_EFULL:
		diag_error("%s: no room to remember another peer in %s", shown, me->state_dir);
		return vz_exit_of_peer(err);
	default:
		/* Without its memory a rollback would go unnoticed. */
		diag_error("cannot remember peers in %s: %s", me->state_dir, diag_words(err));
		diag_hint("--state DIR names another place");
		return err == VZ_ENOMEM ? VZ_EXIT_OSERR : VZ_EXIT_CONFIG;
	}
}

int
peer_check(const struct self *me, const struct vz_bundle *peer, const char *shown)
{
	int status;

	if (vz_acl_revoked(me->acl, &peer->identity) != 0) {
		diag_error("%s: its key is on this host's revoked list", shown);
		return VZ_EXIT_REFUSED;
	}
	status = check_serial(me, peer, shown);
	if (status != 0 || !expired(peer))
		return status;
	diag_error("%s: its session keys have expired", shown);
	diag_hint("look at both clocks; else that host has to renew its keys");
	return VZ_EXIT_REFUSED;
}
