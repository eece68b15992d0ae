#include "cmd/vz-send/dest.h"

#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

struct lookup {
	const struct self *me;
	struct vz_peers *peers;
};

static int
look_up(void *arg, const char *name, size_t len, const char **text)
{
	struct lookup *l = arg;

	if (!l->peers)
		l->peers = self_peers(l->me);
	return vz_peers_lookup(l->peers, name, len, text);
}

_Noreturn static void
explain(const char *text, int err, const char *why)
{
	char shown[512];

	diag_escape(shown, sizeof(shown), text, strlen(text));
	switch (err) {
	case VZ_ENOTFOUND:
		diag_error("%s: no such name in peers", shown);
		diag_hint("a full address is vz1KEY@HOST:PORT");
		exit(VZ_EXIT_NOHOST);
	case VZ_EAUTH: diag_usage("%s: not a key: mistyped or cut", shown);
	case VZ_ENOMEM: diag_error("%s", diag_words(err)); exit(vz_exit_of(err));
	default: diag_usage("%s: %s", shown, why ? why : "not an address");
	}
}

void
dest_parse(const struct self *me, const char *text, struct vz_address *out)
{
	struct lookup l = {.me = me};
	const char *why = NULL;
	int err = vz_address_parse(text, strlen(text), look_up, &l, out, &why);

	vz_peers_free(l.peers);
	if (err)
		explain(text, err, why);
	if (out->relayed)
		diag_usage("an address through a relay: this version connects directly only");
}
