#include "cmd/vz-keygen/keygen.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fsutil.h"
#include "base/secret.h"
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/exit.h"
#include "guard/acl.h"
#include "keep/paths.h"
#include "mail/unseal.h"

/* A file with the longest body, and somewhat more: what is over it is told by its body. */
#define FILE_MAX ((size_t)VZ_SEAL_BODY_MAX + (1 << 20))

static const char *
shown(const char *path)
{
	static char buf[1024];

	return diag_escape(buf, sizeof(buf), path, strlen(path));
}

/* What is wrong with a message is no fault of our own files. */
static int
status_of(enum vz_unseal_fault fault)
{
	switch (fault) {
	case VZ_UNSEAL_WELL: return VZ_EXIT_OK;
	case VZ_UNSEAL_NO_MEMORY: return VZ_EXIT_OSERR;
	case VZ_UNSEAL_EXPIRED: return VZ_EXIT_REFUSED;
	default: return VZ_EXIT_DATA;
	}
}

/* Nobody's word counts while the list of revoked keys cannot be read. */
static int
check_sender(const struct keygen *k, const struct vz_key *from)
{
	char lists[sizeof(k->path)], path[sizeof(k->path) + 16], typo[VZ_TYPO_WORDS];
	struct vz_acl *acl = vz_acl_new();
	unsigned line = 0;
	int err = acl ? vz_paths_lists(env_paths(), k->path, lists, sizeof(lists)) : VZ_ENOMEM;

	if (err == 0)
		err = vz_paths_beside(lists, "revoked", path, sizeof(path));
	if (err) {
		diag_error("%s", diag_words(err));
	} else if ((err = vz_acl_load_revoked(acl, path, &line)) != 0) {
		if (err == VZ_EFORMAT && line > 0)
			diag_error("%s: line %u: not a key%s%s", shown(path), line,
			    *vz_acl_typo(path, line, typo) ? ": " : "", typo);
		else
			diag_error("%s: %s", shown(path), diag_words(err));
	} else if ((err = vz_acl_revoked(acl, from)) != 0) {
		diag_error("%s: its sender: %s", shown(k->sealed), diag_words(err));
	}
	vz_acl_free(acl);
	return vz_exit_of(err);
}

/* Who sent it is not among the data, and is always told. */
static void
tell(const struct vz_manifest *m)
{
	char from[VZ_KEY_TEXT], name[1024];
	struct vz_json *event;

	vz_key_format(&m->from, from);
	if (diag_is_json()) {
		event = diag_event("opened");
		vz_json_str(event, "key", from);
		vz_json_str(event, "name", m->name);
		vz_json_u64(event, "sequence", m->sequence);
		vz_json_u64(event, "bytes", m->size);
		diag_event_end(event);
		return;
	}
	diag_escape(name, sizeof(name), m->name, strlen(m->name));
	diag_verbose(0, "message %" PRIu64 " of %s%s%s, %" PRIu64 " bytes", m->sequence, from,
	    *name ? ", named " : "", name, m->size);
}

/* Errors of stdout are found when it is closed. */
static void
put_body(const struct vz_buf *body)
{
	const uint8_t *p = vz_buf_ptr(body);
	size_t n = body->len, taken;
	char text[4096];

	if (!isatty(STDOUT_FILENO)) {
		fwrite(p, 1, n, stdout);
		return;
	}
	for (; n > 0; p += taken, n -= taken) {
		taken = vz_escape(VZ_ESCAPE_BODY, text, sizeof(text), p, n);
		/* What is cut inside a character is shown byte by byte. */
		if (taken == 0)
			taken = vz_escape(VZ_ESCAPE_LINE, text, sizeof(text), p, n);
		fputs(text, stdout);
	}
}

/* All of the file is in `file`. */
static int
open_message(const struct keygen *k, struct vz_unseal *u, const struct vz_buf *file)
{
	int err = vz_unseal_put(u, vz_buf_ptr(file), file->len), status;

	if (!err)
		err = vz_unseal_end(u, time(NULL));
	if (err) {
		diag_error("%s: %s", shown(k->sealed), vz_unseal_words(vz_unseal_fault(u)));
		return status_of(vz_unseal_fault(u));
	}
	status = check_sender(k, &vz_unseal_manifest(u)->from);
	if (status)
		return status;
	tell(vz_unseal_manifest(u));
	put_body(vz_unseal_member(u, VZ_USTAR_BODY));
	return 0;
}

static int
open_as(const struct keygen *k, const struct vz_unseal_config *config)
{
	struct vz_unseal *u = NULL;
	struct vz_buf file;
	int err, status;

	vz_buf_init(&file, FILE_MAX);
	err = vz_fs_read(k->sealed, VZ_FS_ANY, &file);
	if (err) {
		diag_error("%s: %s", shown(k->sealed), diag_words(err));
		status = err == VZ_ELIMIT ? VZ_EXIT_DATA : VZ_EXIT_NOINPUT;
	} else if ((err = vz_unseal_new(&u, config)) != 0) {
		diag_error("%s", diag_words(err));
		status = vz_exit_of(err);
	} else {
		status = open_message(k, u, &file);
	}
	vz_unseal_free(u);
	vz_buf_free(&file);
	return status;
}

/* By our age key, or by an old one that is kept. */
static int
open_with_keys(const struct keygen *k, const struct vz_identity *id)
{
	uint8_t(*secrets)[VZ_AGE_KEY] = vz_secret_new((VZ_RETIRED_MAX + 1) * sizeof(*secrets));
	struct vz_unseal_config config = {.to = id->bundle.identity, .secrets = secrets};
	time_t now = time(NULL);
	int status;

	if (!secrets) {
		diag_error("%s", diag_words(VZ_ENOMEM));
		return VZ_EXIT_OSERR;
	}
	config.secrets_len = vz_identity_age_secrets(id, now > 0 ? (uint64_t)now : 0, secrets);
	status = open_as(k, &config);
	vz_secret_free(secrets);
	return status;
}

int
keygen_open(const struct keygen *k)
{
	struct passphrase_from from = k->from;
	struct vz_identity *id;
	int err = vz_keyfile_load(k->path, passphrase_ask, &from, &id), status;

	if (err)
		return keygen_cannot_read(k, err);
	status = open_with_keys(k, id);
	vz_identity_free(id);
	return status;
}
