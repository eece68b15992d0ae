#include "cmd/vz-send/peer.h"

#include "cmd/common/diag.h"
#include "cmd/common/trust.h"

int
peer_check(const struct link *k, const struct vz_bundle *peer, const char *shown)
{
	int err = trust_judge(k->me, peer);

	if (err == 0)
		return 0;
	link_failing(k, "identity");
	diag_error("%s: %s", shown, trust_words(k->me, err));
	if (trust_hint(err))
		diag_hint("%s", trust_hint(err));
	return trust_status(err);
}
