#include "cmd/vz-send/peer.h"

#include "cmd/common/diag.h"
#include "cmd/common/trust.h"

int
peer_check(const struct self *me, const struct vz_bundle *peer, const char *shown)
{
	int err = trust_judge(me, peer);

	if (err == 0)
		return 0;
	diag_error("%s: %s", shown, trust_words(me, err));
	if (trust_hint(err))
		diag_hint("%s", trust_hint(err));
	return trust_status(err);
}
