#include "cmd/vz-keygen/keygen.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fsutil.h"
#include "base/secret.h"
#include "cmd/common/agent.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

#define ARMOUR_MAX 4096

/* Whose key it is: one of the first two, the other is NULL. */
struct signer {
	struct vz_identity *identity;
	struct vz_openssh_key *ssh;
	struct vz_agent *agent; /* who holds the identity's, or NULL */
};

static const char *
shown(const char *path)
{
	static char buf[1024];

	return diag_escape(buf, sizeof(buf), path, strlen(path));
}

/* Is it meant as a private key of OpenSSH? Whatever else it is, is told by who reads it. */
static bool
is_openssh(const char *path)
{
	struct vz_buf text;
	bool is;

	vz_buf_init(&text, VZ_OPENSSH_FILE_MAX);
	is = vz_fs_read(path, VZ_FS_SECRET, &text) == 0 &&
	    vz_openssh_key_is((const char *)vz_buf_ptr(&text), text.len);
	vz_buf_free(&text);
	return is;
}

/* Is it a public key of OpenSSH? Then it is to be in an agent, as for ssh-keygen. */
static bool
is_public(const char *path, struct vz_key *key)
{
	struct vz_buf text;
	size_t used;
	bool is;

	vz_buf_init(&text, VZ_OPENSSH_FILE_MAX);
	is = vz_fs_read(path, VZ_FS_ANY, &text) == 0 &&
	    vz_ssh_public_parse((const char *)vz_buf_ptr(&text), text.len, key->b, &used) == 0;
	vz_buf_free(&text);
	return is;
}

/* The identity, as far as there is one. */
static int
load(const struct keygen *k, struct signer *s)
{
	struct passphrase_from from = k->from;
	struct vz_key key;
	int err = 0;

	if (is_public(k->path, &key)) {
		s->identity = vz_identity_new();
		if (!s->identity)
			return keygen_cannot_read(k, VZ_ENOMEM);
		s->identity->held_elsewhere = true;
		s->identity->bundle.identity = key;
	} else {
		err = vz_keyfile_load(k->path, passphrase_ask, &from, &s->identity);
	}
	return err ? keygen_cannot_read(k, err) : 0;
}

static int
open_signer(const struct keygen *k, struct signer *s)
{
	int status;

	if (is_openssh(k->path))
		return keygen_read_openssh(k->path, &s->ssh);
	status = load(k, s);
	if (status || !s->identity->held_elsewhere)
		return status;
	status = agent_connect(&s->agent);
	return status ? status : agent_has(s->agent, &s->identity->bundle.identity);
}

static void
close_signer(struct signer *s)
{
	vz_agent_free(s->agent);
	vz_identity_free(s->identity);
	vz_secret_free(s->ssh);
}

/* The armoured signature over a message with this hash. */
static int
make_signature(
    const struct signer *s, const char *ns, const uint8_t digest[static 64], struct vz_buf *out)
{
	const uint8_t *public = s->ssh ? s->ssh->public.b : s->identity->bundle.identity.b;
	struct vz_signer by = {s->identity, agent_sign_patient, s->agent};
	uint8_t sig[VZ_SIGN_LEN];
	int err = 0;

	if (s->ssh)
		vz_sshsig_sign_digest(s->ssh->secret, ns, digest, sig);
	else
		err = vz_signer_sign(&by, ns, digest, sig);
	return err ? err : vz_sshsig_armor(public, ns, sig, out);
}

/* "" for standard input. */
static int
sign_descriptor(
    const struct keygen *k, const struct signer *s, int fd, const char *path, struct vz_buf *out)
{
	uint8_t digest[64];
	int err = keygen_digest(fd, 512, digest);

	if (err) {
		diag_error("%s: %s", *path ? shown(path) : "standard input", diag_words(err));
		return err == VZ_ESYSTEM ? VZ_EXIT_NOINPUT : vz_exit_of(err);
	}
	err = make_signature(s, k->signature.ns, digest, out);
	if (err == VZ_ESIGNER || err == VZ_EAUTH)
		return agent_complain(s->agent, *path ? path : NULL, err);
	if (err)
		diag_error("%s", diag_words(err));
	return vz_exit_of(err);
}

/* As public as the umask lets any file be. */
static mode_t
mode_of_umask(void)
{
	mode_t mask = umask(077);

	umask(mask);
	return 0666 & ~mask;
}

static int
save(const struct keygen *k, const char *path, const struct vz_buf *text)
{
	struct vz_json *event;
	int err = vz_fs_replace(path, mode_of_umask(), !k->force, vz_buf_ptr(text), text->len);

	if (err) {
		diag_error("%s: %s", shown(path), diag_words(err));
		if (err == VZ_EEXISTS)
			diag_hint("--force replaces it");
		return err == VZ_ESYSTEM || err == VZ_EMODE ? VZ_EXIT_CANTCREAT : vz_exit_of(err);
	}
	if (diag_is_json()) {
		event = diag_event("signed");
		vz_json_str(event, "path", path);
		diag_event_end(event);
	} else {
		diag_verbose(0, "signature saved in %s", shown(path));
	}
	return 0;
}

static int
sign_file(const struct keygen *k, const struct signer *s, const char *path, struct vz_buf *text)
{
	char beside[4096];
	int fd, err, status;

	if ((size_t)snprintf(beside, sizeof(beside), "%s.sig", path) >= sizeof(beside)) {
		diag_error("%s: its name is too long", shown(path));
		return VZ_EXIT_CANTCREAT;
	}
	/* Before a large file is read for nothing; the save itself looks again. */
	if (!k->force && faccessat(AT_FDCWD, beside, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		diag_error("%s: %s", shown(beside), diag_words(VZ_EEXISTS));
		diag_hint("--force replaces it");
		return VZ_EXIT_CANTCREAT;
	}
	err = vz_fs_open(path, VZ_FS_ANY, &fd);
	if (err) {
		diag_error("%s: %s", shown(path), diag_words(err));
		return VZ_EXIT_NOINPUT;
	}
	status = sign_descriptor(k, s, fd, path, text);
	close(fd);
	return status ? status : save(k, beside, text);
}

static int
sign_stdin(const struct keygen *k, const struct signer *s, struct vz_buf *text)
{
	int status = sign_descriptor(k, s, STDIN_FILENO, "", text);

	/* Errors of stdout are found when it is closed. */
	if (!status)
		fwrite(vz_buf_ptr(text), 1, text->len, stdout);
	return status;
}

int
keygen_sign(const struct keygen *k)
{
	struct signer s = {NULL, NULL, NULL};
	int status = open_signer(k, &s);
	struct vz_buf text;

	vz_buf_init(&text, ARMOUR_MAX);
	if (!status && !k->more[0])
		status = sign_stdin(k, &s, &text);
	for (size_t i = 0; !status && k->more[i]; i++) {
		vz_buf_clear(&text);
		status = strcmp(k->more[i], "-") == 0 ? sign_stdin(k, &s, &text)
						      : sign_file(k, &s, k->more[i], &text);
	}
	vz_buf_free(&text);
	close_signer(&s);
	return status;
}
