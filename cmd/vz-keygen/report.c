#include "cmd/vz-keygen/keygen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

static void
complain(const struct keygen *k, int err)
{
	char shown[1024];

	diag_error(
	    "%s: %s", diag_escape(shown, sizeof(shown), k->path, strlen(k->path)), diag_words(err));
	switch (err) {
	case VZ_EMODE:
		diag_hint("a key file is a regular file of your own, no link, with mode 0600");
		break;
	case VZ_ENOTFOUND: diag_hint("vz-keygen makes an identity, -f FILE names one"); break;
	case VZ_EEXISTS:
		diag_hint(
		    "-f FILE makes another one; --force replaces it, and what it holds is lost");
		break;
	case VZ_ELOCKED:
		diag_hint("it is asked on the terminal, from --passphrase-fd or by $VZ_ASKPASS");
		break;
	default: break;
	}
}

/* Any reason why a key file cannot be read is one of the configuration (DESIGN 8). */
int
keygen_cannot_read(const struct keygen *k, int err)
{
	complain(k, err);
	return err == VZ_ESYSTEM ? VZ_EXIT_CONFIG : vz_exit_of(err);
}

int
keygen_cannot_save(const struct keygen *k, int err)
{
	complain(k, err);
	return err == VZ_ESYSTEM || err == VZ_EMODE ? VZ_EXIT_CANTCREAT : vz_exit_of(err);
}

void
keygen_saved(const struct keygen *k, const char *what)
{
	char shown[1024];
	struct vz_json *event;

	if (!diag_is_json()) {
		diag_verbose(0, "%s saved in %s", what,
		    diag_escape(shown, sizeof(shown), k->path, strlen(k->path)));
		return;
	}
	event = diag_event("saved");
	vz_json_str(event, "what", what);
	vz_json_str(event, "path", k->path);
	diag_event_end(event);
}

int
keygen_check_free(const struct keygen *k)
{
	if (k->force || faccessat(AT_FDCWD, k->path, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	return keygen_cannot_save(k, VZ_EEXISTS);
}
