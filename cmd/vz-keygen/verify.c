#include "cmd/vz-keygen/keygen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "guard/allowed.h"

#define SHOWN 1024

static const char *
escaped(char out[static SHOWN], const char *s, size_t len)
{
	return diag_escape(out, SHOWN, s, len);
}

static int
bad_signature(const struct keygen *k, const char *words)
{
	char path[SHOWN];

	diag_error("%s: %s", escaped(path, k->signature.file, strlen(k->signature.file)), words);
	return VZ_EXIT_DATA;
}

/* Is it one of what is on standard input, in the namespace that was asked for? */
static int
prove(const struct keygen *k, const struct vz_sshsig *sig)
{
	const char *ns = k->signature.ns;
	char path[SHOWN], found[SHOWN];
	uint8_t digest[64];
	int err;

	if (sig->ns_len != strlen(ns) || memcmp(sig->ns, ns, sig->ns_len) != 0) {
		diag_error("%s: it is in another namespace: %s",
		    escaped(path, k->signature.file, strlen(k->signature.file)),
		    escaped(found, sig->ns, sig->ns_len));
		return VZ_EXIT_DATA;
	}
	err = keygen_digest(STDIN_FILENO, sig->hash_bits, digest);
	if (err) {
		diag_error("standard input: %s", diag_words(err));
		return err == VZ_ESYSTEM ? VZ_EXIT_NOINPUT : vz_exit_of(err);
	}
	err = vz_sshsig_verify_digest(sig->public, ns, sig->hash_bits, digest, sig->sig);
	return err ? bad_signature(k, "it is not one of this message, or was changed") : 0;
}

static int64_t
time_of(const struct keygen *k)
{
	return k->signature.at != 0 ? k->signature.at : (int64_t)time(NULL);
}

/* May the key sign as the principal? */
static int
allow(const struct keygen *k, const struct vz_key *key, const char *fingerprint)
{
	struct vz_allowed_query q = {.key = key,
	    .principal = k->signature.principal,
	    .ns = k->signature.ns,
	    .at = time_of(k),
	    .local = mktime};
	char path[SHOWN], name[SHOWN];
	unsigned line;
	int err;

	if (k->signature.revoked) {
		err = vz_allowed_revoked(k->signature.revoked, key, &line);
		if (err && err != VZ_EREVOKED)
			return keygen_cannot_use(k->signature.revoked, err, line);
		if (err) {
			diag_error("%s: %s", fingerprint, diag_words(err));
			return VZ_EXIT_REFUSED;
		}
	}
	err = vz_allowed_find(k->path, &q, keygen_tell_line, (void *)k, NULL, &line);
	if (err && err != VZ_EDENIED)
		return keygen_cannot_use(k->path, err, line);
	if (err) {
		diag_error("%s: no line lets %s sign as %s",
		    escaped(path, k->path, strlen(k->path)), fingerprint,
		    escaped(name, q.principal, strlen(q.principal)));
		return VZ_EXIT_REFUSED;
	}
	return 0;
}

/* In ssh-keygen's words, which git(1), for one, reads. */
static void
tell_good(const struct keygen *k, const char *fingerprint)
{
	const char *principal = k->signature.principal;
	char ns[SHOWN], name[SHOWN];

	if (k->common.level < 0)
		return;
	escaped(ns, k->signature.ns, strlen(k->signature.ns));
	if (k->mode == KEYGEN_CHECK)
		printf("Good \"%s\" signature with ED25519 key %s\n", ns, fingerprint);
	else
		printf("Good \"%s\" signature for %s with ED25519 key %s\n", ns,
		    escaped(name, principal, strlen(principal)), fingerprint);
}

int
keygen_verify(const struct keygen *k)
{
	struct vz_sshsig sig;
	struct vz_key key;
	char fingerprint[51];
	int status = keygen_read_signature(k, &sig);

	if (!status)
		status = prove(k, &sig);
	if (status)
		return status;
	memcpy(key.b, sig.public, sizeof(key.b));
	vz_ssh_fingerprint(key.b, fingerprint);
	if (k->mode == KEYGEN_VERIFY)
		status = allow(k, &key, fingerprint);
	if (status)
		return status;
	tell_good(k, fingerprint);
	if (k->signature.print_key)
		keygen_print_key(&key);
	return 0;
}

/* One a line, each as it stands between the commas. */
static void
print_principals(const char *list)
{
	char shown[SHOWN];

	for (;;) {
		size_t n = strcspn(list, ",");

		printf("%s\n", escaped(shown, list, n));
		if (list[n] == '\0')
			return;
		list += n + 1;
	}
}

int
keygen_find(const struct keygen *k)
{
	struct vz_allowed_query q = {.at = time_of(k), .local = mktime};
	char path[SHOWN], fingerprint[51], *principals;
	struct vz_sshsig sig;
	struct vz_key key;
	unsigned line;
	int status = keygen_read_signature(k, &sig), err;

	if (status)
		return status;
	memcpy(key.b, sig.public, sizeof(key.b));
	q.key = &key;
	err = vz_allowed_find(k->path, &q, keygen_tell_line, (void *)k, &principals, &line);
	if (err && err != VZ_EDENIED)
		return keygen_cannot_use(k->path, err, line);
	if (err) {
		vz_ssh_fingerprint(key.b, fingerprint);
		diag_error(
		    "%s: no line is for %s", escaped(path, k->path, strlen(k->path)), fingerprint);
		return VZ_EXIT_REFUSED;
	}
	print_principals(principals);
	free(principals);
	return 0;
}
