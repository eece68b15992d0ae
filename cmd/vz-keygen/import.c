#include "cmd/vz-keygen/keygen.h"

#include <string.h>
#include "base/err.h"
#include "base/fsutil.h"
#include "base/secret.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

static const char *
shown(const char *path)
{
	static char buf[1024];

	return diag_escape(buf, sizeof(buf), path, strlen(path));
}

static int
cannot_read(const char *path, int err)
{
	diag_error("%s: %s", shown(path), diag_words(err));
	if (err == VZ_EMODE)
		diag_hint("a key file is a regular file of your own, no link, with mode 0600");
	return err == VZ_ESYSTEM ? VZ_EXIT_CONFIG : vz_exit_of(err);
}

/* What to do about it, as far as something can be done. */
static void
advise(enum vz_openssh_fault fault)
{
	switch (fault) {
	case VZ_OPENSSH_ENCRYPTED:
		diag_hint("make a copy, and take it off that: ssh-keygen -p -N '' -f COPY");
		diag_hint("or leave it to ssh-agent: vz-keygen --agent, and the .pub file");
		break;
	case VZ_OPENSSH_PUBLIC: diag_hint("the private key is the file without .pub"); break;
	case VZ_OPENSSH_PEM:
	case VZ_OPENSSH_OTHER_TYPE:
		diag_hint("what ssh-keygen -t ed25519 makes can be an identity");
		break;
	default: break;
	}
}

int
keygen_read_openssh(const char *path, struct vz_openssh_key **out)
{
	struct vz_openssh_key *key = vz_secret_new(sizeof(*key));
	enum vz_openssh_fault fault;
	struct vz_buf text;
	int err;

	*out = NULL;
	if (!key)
		return cannot_read(path, VZ_ENOMEM);
	vz_buf_init(&text, VZ_OPENSSH_FILE_MAX);
	err = vz_fs_read(path, VZ_FS_SECRET, &text);
	fault = err ? VZ_OPENSSH_WELL
		    : vz_openssh_key_parse((const char *)vz_buf_ptr(&text), text.len, key);
	vz_buf_free(&text);
	if (!err && !fault) {
		*out = key;
		return 0;
	}
	vz_secret_free(key);
	if (err)
		return cannot_read(path, err);
	diag_error("%s: %s", shown(path), vz_openssh_words(fault));
	advise(fault);
	return fault == VZ_OPENSSH_NO_MEMORY ? VZ_EXIT_OSERR : VZ_EXIT_CONFIG;
}

int
keygen_import(const struct keygen *k)
{
	struct vz_openssh_key *key;
	struct keygen_of of = {0};
	int status = keygen_check_free(k);

	if (!status)
		status = keygen_read_openssh(k->imported, &key);
	if (status)
		return status;
	if (key->comment_unfit && !*k->comment)
		diag_verbose(0, "its comment is left out: over 255 bytes, or not plain UTF-8");
	of.seed = key->seed;
	status = keygen_make_of(k, &of, *k->comment ? k->comment : key->comment);
	vz_secret_free(key);
	return status;
}
