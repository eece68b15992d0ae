#include "cmd/vz-keygen/keygen.h"

#include <stdio.h>
#include <string.h>
#include "base/buf.h"
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "crypto/sign.h"
#include "id/art.h"

/* The public part, for which no passphrase is needed, and the comment as it may be shown. */
static int
read_public(const struct keygen *k, struct vz_bundle *bundle, char *shown, size_t cap)
{
	char comment[256];
	bool encrypted;
	int err = vz_keyfile_public(k->path, bundle, comment, &encrypted);

	if (err)
		return keygen_cannot_read(k, err);
	diag_escape(shown, cap, comment, strlen(comment));
	return 0;
}

static int
show_ssh(const struct vz_bundle *bundle, const char *comment)
{
	struct vz_buf line;
	int err;

	vz_buf_init(&line, 256);
	err = vz_ssh_public_format(bundle->identity.b, &line);
	if (!err)
		printf("%.*s%s%s\n", (int)line.len, (const char *)vz_buf_ptr(&line),
		    *comment ? " " : "", comment);
	vz_buf_free(&line);
	return vz_exit_of(err);
}

int
keygen_show(const struct keygen *k)
{
	char key[VZ_KEY_TEXT], comment[1024];
	struct vz_bundle bundle;
	int status = read_public(k, &bundle, comment, sizeof(comment));

	if (status)
		return status;
	if (k->ssh)
		return show_ssh(&bundle, comment);
	vz_key_format(&bundle.identity, key);
	printf("%s\n", key);
	return 0;
}

static int
show_art(const struct vz_key *key)
{
	struct vz_buf art;
	int err;

	vz_buf_init(&art, VZ_ART_TEXT);
	err = vz_art_of_key(key, &art);
	if (!err)
		printf("%.*s", (int)art.len, (const char *)vz_buf_ptr(&art));
	vz_buf_free(&art);
	return vz_exit_of(err);
}

int
keygen_fingerprint(const struct keygen *k)
{
	char fingerprint[51], comment[1024];
	struct vz_bundle bundle;
	int status = read_public(k, &bundle, comment, sizeof(comment));

	if (status)
		return status;
	vz_ssh_fingerprint(bundle.identity.b, fingerprint);
	printf("256 %s %s (ED25519)\n", fingerprint, *comment ? comment : "no comment");
	return k->common.level > 0 ? show_art(&bundle.identity) : 0;
}
