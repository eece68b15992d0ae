/*
 * vz-keygen: makes, shows and protects identities (vz-keygen(1)).
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "base/secret.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/exit.h"
#include "cmd/vz-keygen/options.h"
#include "guard/sandbox.h"

static int (*const run[])(const struct keygen *k) = {
    [KEYGEN_MAKE] = keygen_make,
    [KEYGEN_SHOW] = keygen_show,
    [KEYGEN_FINGERPRINT] = keygen_fingerprint,
    [KEYGEN_PASSPHRASE] = keygen_passphrase,
    [KEYGEN_PSK] = keygen_psk,
    [KEYGEN_ROTATE] = keygen_rotate,
    [KEYGEN_OPEN] = keygen_open,
    [KEYGEN_AUDIT] = keygen_verify_audit,
    [KEYGEN_IMPORT] = keygen_import,
    [KEYGEN_HELD] = keygen_make_held,
    [KEYGEN_SIGN] = keygen_sign,
    [KEYGEN_VERIFY] = keygen_verify,
    [KEYGEN_CHECK] = keygen_verify,
    [KEYGEN_FIND] = keygen_find,
};

/* Which file it is about. 0, or the status of what was reported. */
static int
find_path(struct keygen *k)
{
	enum keygen_mode mode = k->mode;
	const char *option = k->common.identity;
	int err = 0;

	if (mode == KEYGEN_PSK || mode == KEYGEN_AUDIT || mode == KEYGEN_VERIFY ||
	    mode == KEYGEN_CHECK || mode == KEYGEN_FIND)
		err = strlcpy(k->path, option ? option : "", sizeof(k->path)) < sizeof(k->path)
		    ? 0
		    : VZ_ELIMIT;
	else if (mode == KEYGEN_MAKE || mode == KEYGEN_IMPORT || mode == KEYGEN_HELD)
		err = vz_paths_new_identity(env_paths(), option, k->path, sizeof(k->path));
	else
		err = vz_paths_identity(env_paths(), option, k->path, sizeof(k->path));
	if (err == VZ_ENOTFOUND) {
		diag_error("no place for an identity: HOME is not set");
		diag_hint("name a file with -f");
	} else if (err) {
		diag_error("the identity's path is too long");
	}
	return vz_exit_of(err);
}

int
main(int argc, char **argv)
{
	static struct keygen k;
	struct vz_sandbox_state layers;
	int status;

	env_open_std();
	diag_init(KEYGEN_NAME, 0, false);
	/* A reader that is gone shows as EPIPE when stdout is closed, with a status of its own. */
	signal(SIGPIPE, SIG_IGN);
	keygen_options_parse(&k, argc, argv);
	k.from.askpass = env_askpass();
	if (vz_secret_init() != 0) {
		diag_error("no randomness to be had");
		return VZ_EXIT_OSERR;
	}
	vz_sandbox_begin(&layers); /* all that is of use here: it meets no stranger */
	status = find_path(&k);
	if (!status)
		status = run[k.mode](&k);
	return diag_close_stdout(status);
}
