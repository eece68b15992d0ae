#include "cmd/vz-keygen/keygen.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "base/err.h"
#include "base/secret.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "id/address.h"

/* Enough for -f and its name, each quote written as four bytes. */
#define AS_WHO (4 * 4096 + 16)

/* " -i 'FILE'" for a shell, where it is not the one that is found by itself. False: it has no way
 * there. */
static bool
as_who(const struct keygen *k, char out[static AS_WHO])
{
	char *p = out;

	*p = '\0';
	if (!k->common.identity)
		return true;
	p = stpcpy(p, " -i '");
	for (const char *c = k->path; *c; c++) {
		if (iscntrl((unsigned char)*c))
			return false;
		if (*c == '\'')
			p = stpcpy(p, "'\\");
		*p++ = *c;
		if (*c == '\'')
			*p++ = '\'';
	}
	strcpy(p, "'");
	return true;
}

/*
 * What one does with a new key, ready to be pasted: for who made it by hand. A script that takes
 * the key from standard output wants no more.
 */
static void
tell_next(const struct keygen *k, const char *key)
{
	struct utsname host;
	char who[AS_WHO];

	if (diag_is_json() || !isatty(STDOUT_FILENO) || !isatty(STDERR_FILENO) || !as_who(k, who))
		return;
	if (uname(&host) != 0 || !vz_peer_name_ok(host.nodename, strlen(host.nodename)))
		strcpy(host.nodename, "HOST");
	diag_hint("to send from here, have the other host run: vz-listen --allow %s '*:4433'", key);
	diag_hint("to receive here, run: vz-listen%s --allow KEY '*:4433'; others send to "
		  "%s@%s:4433",
	    who, key, host.nodename);
}

/* In guarded memory, or NULL. */
static struct vz_identity *
new_identity(const char *comment)
{
	struct vz_identity *id = vz_identity_new();
	uint8_t *random = vz_secret_new(96);
	time_t now = time(NULL);
	int err = VZ_ENOMEM;

	if (id && random) {
		randombytes_buf(random, 96);
		/* DESIGN 4: max(last + 1, Unix seconds), and there is no last. */
		err = vz_identity_make(id, random, now > 1 ? (uint64_t)now : 1, comment);
	}
	vz_secret_free(random);
	if (err) {
		vz_identity_free(id);
		return NULL;
	}
	return id;
}

static int
make(const struct keygen *k, const char *passphrase, size_t len)
{
	struct vz_identity *id = new_identity(k->comment);
	char key[VZ_KEY_TEXT];
	int err;

	if (!id)
		return keygen_cannot_save(k, VZ_ENOMEM);
	err = vz_keyfile_save(k->path, id, passphrase, len, !k->force);
	vz_key_format(&id->bundle.identity, key);
	vz_identity_free(id);
	if (err)
		return keygen_cannot_save(k, err);
	keygen_saved(k, "identity");
	printf("%s\n", key);
	fflush(stdout);
	tell_next(k, key);
	return 0;
}

int
keygen_make(const struct keygen *k)
{
	char *passphrase;
	size_t len = 0;
	int status;

	/* Before anybody is asked for a passphrase; the save itself looks again. */
	status = keygen_check_free(k);
	if (status || !k->want_passphrase)
		return status ? status : make(k, NULL, 0);
	passphrase = vz_secret_new(VZ_PASSPHRASE_MAX);
	if (!passphrase)
		return keygen_cannot_save(k, VZ_ENOMEM);
	status = keygen_ask_new(k, false, passphrase, &len);
	if (!status)
		status = make(k, passphrase, len);
	vz_secret_free(passphrase);
	return status;
}
