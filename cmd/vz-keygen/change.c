#include "cmd/vz-keygen/keygen.h"

#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

int
keygen_ask_new(const struct keygen *k, bool may_be_empty, char *out, size_t *len)
{
	int err = passphrase_new(&k->from, k->path, out, VZ_PASSPHRASE_MAX, len);

	if (!err && (*len > 0 || may_be_empty))
		return 0;
	switch (err) {
	case 0: diag_error("an empty passphrase protects nothing"); break;
	case VZ_EINVAL: diag_error("the two passphrases differ"); break;
	case VZ_ELOCKED:
		diag_error("no new passphrase: there is nobody to ask");
		diag_hint("it is asked on the terminal, from --passphrase-fd or by $VZ_ASKPASS");
		break;
	default: diag_error("no new passphrase: %s", diag_words(err)); break;
	}
	return err == VZ_ESYSTEM || err == VZ_ENOMEM ? VZ_EXIT_OSERR : VZ_EXIT_CONFIG;
}

static int
change(const struct keygen *k, const struct vz_identity *id, char *passphrase)
{
	size_t len = 0;
	int status = keygen_ask_new(k, true, passphrase, &len), err;

	if (status)
		return status;
	err = vz_keyfile_save(k->path, id, len > 0 ? passphrase : NULL, len, false);
	if (err)
		return keygen_cannot_save(k, err);
	keygen_saved(
	    k, len > 0 ? "identity with its new passphrase" : "identity without passphrase");
	return 0;
}

int
keygen_passphrase(const struct keygen *k)
{
	struct passphrase_from from = k->from;
	struct vz_identity *id;
	char *passphrase;
	time_t now = time(NULL);
	int fd, err = vz_keyfile_lock(k->path, &fd), status;

	if (err)
		return keygen_cannot_read(k, err);
	err = vz_keyfile_load(k->path, passphrase_ask, &from, &id);
	if (err) {
		close(fd);
		return keygen_cannot_read(k, err);
	}
	(void)vz_identity_expire(id, now > 0 ? (uint64_t)now : 0);
	passphrase = vz_secret_new(VZ_PASSPHRASE_MAX);
	status = passphrase ? change(k, id, passphrase) : keygen_cannot_save(k, VZ_ENOMEM);
	vz_secret_free(passphrase);
	vz_identity_free(id);
	close(fd);
	return status;
}
