#include "cmd/vz-keygen/keygen.h"

#include <fcntl.h>
#include <limits.h>
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

/* Whose key it is: an identity's, OpenSSH's, or else one that only the agent has. */
struct signer {
	struct vz_identity *identity;
	struct vz_openssh_key *ssh;
	struct vz_agent *agent; /* when the secret is not in either */
	struct vz_key public;
};

static const char *
shown(const char *path)
{
	static char buf[1024];

	return diag_escape(buf, sizeof(buf), path, strlen(path));
}

enum kind { KIND_OF_IDENTITY, KIND_OF_OPENSSH, KIND_OF_PUBLIC };

/* What the file is meant as, which is not secret yet; who reads it judges the rest. */
static enum kind
kind_of(const char *path, struct vz_key *public)
{
	enum kind kind = KIND_OF_IDENTITY;
	struct vz_buf text;
	const char *s;
	size_t used;

	vz_buf_init(&text, VZ_OPENSSH_FILE_MAX);
	if (vz_fs_read(path, VZ_FS_ANY, &text) == 0) {
		s = (const char *)vz_buf_ptr(&text);
		if (vz_openssh_key_is(s, text.len))
			kind = KIND_OF_OPENSSH;
		else if (vz_ssh_public_parse(s, text.len, public->b, &used) == 0)
			kind = KIND_OF_PUBLIC;
	}
	vz_buf_free(&text);
	return kind;
}

static int
find_agent(struct signer *s)
{
	int status = agent_connect(&s->agent);

	return status ? status : agent_has(s->agent, &s->public);
}

static int
open_signer(const struct keygen *k, struct signer *s)
{
	struct passphrase_from from = k->from;
	int err;

	switch (kind_of(k->path, &s->public)) {
	case KIND_OF_PUBLIC: return find_agent(s);
	case KIND_OF_OPENSSH:
		err = keygen_read_openssh(k->path, &s->ssh);
		if (!err)
			s->public = s->ssh->public;
		return err;
	case KIND_OF_IDENTITY: break;
	}
	err = vz_keyfile_load(k->path, passphrase_ask, &from, &s->identity);
	if (err)
		return keygen_cannot_read(k, err);
	s->public = s->identity->bundle.identity;
	return s->identity->held_elsewhere ? find_agent(s) : 0;
}

static void
close_signer(struct signer *s)
{
	vz_identity_free(s->identity);
	vz_secret_free(s->ssh);
	vz_agent_free(s->agent);
}

/* 0, or the exit status of what was said. */
static int
ask_agent(const struct signer *s, const char *ns, const uint8_t digest[static 64],
    uint8_t sig[static VZ_SIGN_LEN])
{
	int err = agent_sign_patient(s->agent, &s->public, ns, digest, sig);

	if (!err)
		err = vz_sshsig_verify_digest(s->public.b, ns, 512, digest, sig);
	return err ? agent_complain(s->agent, NULL, err) : 0;
}

/* Appends the armoured signature over a message with this hash. 0, or the exit status. */
static int
make_signature(
    const struct signer *s, const char *ns, const uint8_t digest[static 64], struct vz_buf *out)
{
	uint8_t sig[VZ_SIGN_LEN];
	int status = 0, err;

	if (s->agent)
		status = ask_agent(s, ns, digest, sig);
	else
		vz_sshsig_sign_digest(
		    s->ssh ? s->ssh->secret : s->identity->sign_secret, ns, digest, sig);
	if (status)
		return status;
	err = vz_sshsig_armor(s->public.b, ns, sig, out);
	if (err)
		diag_error("%s", diag_words(err));
	return vz_exit_of(err);
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
	return make_signature(s, k->signature.ns, digest, out);
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
is_there(const char *beside)
{
	diag_error("%s: %s", shown(beside), diag_words(VZ_EEXISTS));
	diag_hint("--force replaces it");
	return vz_exit_of(VZ_EEXISTS);
}

static int
save(const struct keygen *k, const char *path, const struct vz_buf *text)
{
	struct vz_json *event;
	int err = vz_fs_replace(path, mode_of_umask(), !k->force, vz_buf_ptr(text), text->len);

	if (err == VZ_EEXISTS)
		return is_there(path);
	if (err) {
		diag_error("%s: %s", shown(path), diag_words(err));
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

/* The name of a file's signature. */
static int
name_beside(const char *path, char out[static PATH_MAX])
{
	if (snprintf(out, PATH_MAX, "%s.sig", path) < PATH_MAX)
		return 0;
	diag_error("%s: its name is too long", shown(path));
	return VZ_EXIT_CANTCREAT;
}

/* Before anybody is asked for a passphrase, or a large file read for nothing; the save itself looks
 * again. */
static int
check_all(const struct keygen *k)
{
	char beside[PATH_MAX];

	for (size_t i = 0; k->more[i]; i++) {
		int status = strcmp(k->more[i], "-") == 0 ? 0 : name_beside(k->more[i], beside);

		if (status)
			return status;
		if (strcmp(k->more[i], "-") != 0 && !k->force &&
		    faccessat(AT_FDCWD, beside, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return is_there(beside);
	}
	return 0;
}

static int
sign_file(const struct keygen *k, const struct signer *s, const char *path, struct vz_buf *text)
{
	char beside[PATH_MAX];
	int fd, err, status = name_beside(path, beside);

	if (status)
		return status;
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
	struct signer s = {0};
	int status = check_all(k);
	struct vz_buf text;

	if (!status)
		status = open_signer(k, &s);
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
