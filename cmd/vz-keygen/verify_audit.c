#include "cmd/vz-keygen/keygen.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fsutil.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "guard/audit_verify.h"

/* The file of this number, from 1. */
static const char *
file(const struct keygen *k, unsigned n)
{
	return n <= 1 ? k->audit : k->more[n - 2];
}

static const char *
shown(const char *path)
{
	static char buf[1024];

	return diag_escape(buf, sizeof(buf), path, strlen(path));
}

static int
tell_wrong(const struct keygen *k, const struct vz_audit_report *r)
{
	const char *name = shown(file(k, r->file));

	if (r->line == 0)
		diag_error("%s: %s", name, r->why);
	else
		diag_error("%s: line %" PRIu64 " %s", name, r->line, r->why);
	return VZ_EXIT_DATA;
}

static void
tell_well(const struct vz_audit_report *r)
{
	char key[VZ_KEY_TEXT];

	printf("%" PRIu64 " %s\n", r->count, r->head);
	if (r->first > 1)
		diag_verbose(
		    0, "the chain began in a file before, %" PRIu64 " lines earlier", r->first - 1);
	if (r->checkpoints > 0) {
		vz_key_format(&r->signer, key);
		diag_verbose(0, "signed by %s", key);
	}
	if (r->gaps > 0)
		diag_verbose(0, "checkpoints that nobody was there to sign: %" PRIu64, r->gaps);
	if (r->count > r->signed_to)
		diag_verbose(0, "the last %" PRIu64 " lines are not signed",
		    r->count - (r->signed_to > 0 ? r->signed_to : r->first - 1));
}

static int
check_file(const struct keygen *k, struct vz_audit_check *c, const char *path)
{
	int fd, err = vz_fs_open(path, VZ_FS_ANY, &fd);

	if (!err) {
		err = vz_audit_check_file(c, fd);
		if (err == VZ_EAUTH)
			err = tell_wrong(k, vz_audit_check_report(c));
		close(fd);
	}
	if (err < 0) {
		diag_error("%s: %s", shown(path), diag_words(err));
		return err == VZ_ENOMEM ? VZ_EXIT_OSERR : VZ_EXIT_NOINPUT;
	}
	return err;
}

static int
check(const struct keygen *k, struct vz_audit_check *c)
{
	int status = check_file(k, c, k->audit);

	for (size_t i = 0; status == 0 && k->more[i]; i++)
		status = check_file(k, c, k->more[i]);
	if (status)
		return status;
	if (vz_audit_check_end(c) != 0)
		return tell_wrong(k, vz_audit_check_report(c));
	tell_well(vz_audit_check_report(c));
	return 0;
}

int
keygen_verify_audit(const struct keygen *k)
{
	struct vz_audit_check *c;
	struct vz_bundle bundle;
	char comment[256];
	bool encrypted;
	int status;

	if (k->path[0]) {
		int err = vz_keyfile_public(k->path, &bundle, comment, &encrypted);

		if (err)
			return keygen_cannot_read(k, err);
	}
	c = vz_audit_check_new(k->path[0] ? &bundle.identity : NULL, k->head);
	if (!c) {
		diag_error("%s", diag_words(VZ_ENOMEM));
		return VZ_EXIT_OSERR;
	}
	status = check(k, c);
	vz_audit_check_free(c);
	return status;
}
