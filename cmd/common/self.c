#include "cmd/common/self.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "cmd/common/agent.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/exit.h"
#include "cmd/common/passphrase.h"
#include "crypto/aead.h"
#include "crypto/sign.h"
#include "keep/keyfile.h"
#include "keep/paths.h"

#define SHOWN 512

static const char *
shown(const char *path)
{
	static char buf[SHOWN];

	return diag_escape(buf, sizeof(buf), path, strlen(path));
}

/* Whether a failure was for want of a passphrase or because it was a wrong one. */
struct asking {
	struct passphrase_from from;
	bool silent;
	int err;
};

static int
ask(void *arg, const char *path, char *out, size_t cap, size_t *len)
{
	struct asking *a = arg;

	a->err = a->silent ? VZ_ELOCKED : passphrase_ask(&a->from, path, out, cap, len);
	return a->err;
}

static void
explain_identity(const char *path, int err, const struct asking *a)
{
	switch (err) {
	case VZ_ENOTFOUND:
		diag_error("no identity at %s", shown(path));
		diag_hint("make one with vz-keygen, or name one with -i");
		break;
	case VZ_EMODE:
		diag_error(
		    "%s: refused: not owned by you, a link, or readable by others", shown(path));
		diag_hint("chmod 600 the file, and change the key if others may have read it");
		break;
	case VZ_EFORMAT:
	case VZ_ELIMIT:
	case VZ_EAUTH: diag_error("%s: not an identity file, or damaged", shown(path)); break;
	case VZ_ELOCKED:
		if (a->err == 0) {
			diag_error("%s: wrong passphrase", shown(path));
			break;
		}
		diag_error("%s: needs a passphrase, and nobody answered", shown(path));
		if (!a->silent)
			diag_hint("use a terminal, --passphrase-fd or VZ_ASKPASS");
		break;
	default: diag_error("%s: %s", shown(path), diag_words(err)); break;
	}
}

/* Noted before the file is read: a change in between is then seen by the next look. */
static void
note(const char *path, struct stat *st)
{
	if (stat(path, st) != 0)
		memset(st, 0, sizeof(*st));
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Unreadable files of ours are configuration (DESIGN 8: 78), except for memory. */
_Noreturn static void
leave(int err)
{
	exit(err == VZ_ESYSTEM ? VZ_EXIT_CONFIG : vz_exit_of(err));
}

static void
load_identity(struct self *me, const struct common *options)
{
	struct asking a = {.from = {.fd = options->passphrase_fd, .askpass = env_askpass()}};
	int err;

	err = vz_paths_identity(
	    env_paths(), options->identity, me->identity_path, sizeof(me->identity_path));
	if (err == 0)
		err = vz_paths_lists(
		    env_paths(), me->identity_path, me->lists_path, sizeof(me->lists_path));
	if (err) {
		diag_error(err == VZ_ELIMIT ? "the identity file's path is too long"
					    : "no place to look for an identity: HOME is not set");
		diag_hint("name one with -i");
		exit(VZ_EXIT_CONFIG);
	}
	note(me->identity_path, &me->seen);
	err = vz_keyfile_load(me->identity_path, ask, &a, &me->identity);
	if (err) {
		explain_identity(me->identity_path, err, &a);
		leave(err);
	}
}

static void
load_psk(const char *path, uint8_t psk[static VZ_PSK_LEN])
{
	int err = vz_psk_load(path, psk);
	char typo[VZ_TYPO_WORDS];

	if (err == 0)
		return;
	if ((err == VZ_EFORMAT || err == VZ_ELIMIT) && *vz_psk_file_typo(path, typo)) {
		diag_error("%s: not a pre-shared key: %s", shown(path), typo);
		diag_hint("copy it again from where it was made");
	} else if (err == VZ_EFORMAT || err == VZ_ELIMIT) {
		diag_error("%s: not a pre-shared key: one line vzpsk1...", shown(path));
		diag_hint("make one with vz-keygen --psk; a passphrase is not enough");
	} else if (err == VZ_EMODE) {
		diag_error(
		    "%s: refused: not owned by you, a link, or readable by others", shown(path));
		diag_hint("chmod 600 the file, and change the key if others may have read it");
	} else {
		diag_error("%s: %s", shown(path), diag_words(err));
	}
	leave(err);
}

static void *
secret_new(size_t len)
{
	void *p = vz_secret_new(len);

	if (!p) {
		diag_error("%s", diag_words(VZ_ENOMEM));
		leave(VZ_ENOMEM);
	}
	return p;
}

static void
load_psks(struct self *me, const struct common *options)
{
	if (options->psk_files > 0)
		me->psk = secret_new(options->psk_files * sizeof(*me->psk));
	for (unsigned i = 0; i < options->psk_files; i++) {
		load_psk(options->psk_file[i], me->psk[i]);
		me->psks++;
	}
	if (!options->relay_psk_file)
		return;
	me->relay_psk = secret_new(VZ_PSK_LEN);
	load_psk(options->relay_psk_file, me->relay_psk);
}

static void
load_revoked(struct self *me)
{
	char path[sizeof(me->lists_path) + 16], typo[VZ_TYPO_WORDS];
	unsigned line = 0;
	int err;

	me->acl = vz_acl_new();
	err = me->acl ? vz_paths_beside(me->lists_path, "revoked", path, sizeof(path)) : VZ_ENOMEM;
	if (err) {
		diag_error("%s", diag_words(err));
		leave(err);
	}
	err = vz_acl_load_revoked(me->acl, path, &line);
	if (err == 0)
		return;
	if (err == VZ_EFORMAT && line > 0)
		diag_error("%s: line %u: not a key%s%s", shown(path), line,
		    *vz_acl_typo(path, line, typo) ? ": " : "", typo);
	else
		diag_error("%s: %s", shown(path), diag_words(err));
	diag_hint("nobody is trusted while the list of revoked keys cannot be read");
	leave(err);
}

void
self_load(struct self *me, const struct common *options)
{
	int err;

	memset(me, 0, sizeof(*me));
	load_identity(me, options);
	load_psks(me, options);
	load_revoked(me);
	err = vz_paths_state(env_paths(), options->state, me->state_dir, sizeof(me->state_dir));
	if (err) {
		diag_error(err == VZ_ELIMIT ? "the state folder's path is too long"
					    : "no state folder: HOME is not set");
		diag_hint("name one with --state");
		exit(VZ_EXIT_CONFIG);
	}
}

static void
bad_peers_line(void *arg, unsigned line, const char *what)
{
	diag_verbose(0, "%s: line %u: %s", shown(arg), line, what);
}

struct vz_peers *
self_peers(const struct self *me)
{
	char path[sizeof(me->lists_path) + 16];
	struct vz_peers *peers = NULL;
	int err = vz_paths_beside(me->lists_path, "peers", path, sizeof(path));

	if (!err)
		err = vz_peers_load(path, bad_peers_line, path, &peers);
	if (!err)
		return peers;
	if (err == VZ_EMODE) {
		diag_error("%s: refused: writable by others, it or its folder", shown(path));
		diag_hint("chmod go-w both, and look whether the file is as you left it");
	} else {
		diag_error("%s: %s", shown(path), diag_words(err));
	}
	leave(err);
}

void
self_look_again(struct self *me)
{
	note(me->identity_path, &me->seen);
}

int
self_reload(struct self *me)
{
	struct asking a = {.silent = true};
	struct vz_identity *fresh = NULL;
	struct stat now;
	int err;

	note(me->identity_path, &now);
	if (same_file(&now, &me->seen))
		return 0;
	me->seen = now;
	err = vz_keyfile_load(me->identity_path, ask, &a, &fresh);
	if (err) {
		explain_identity(me->identity_path, err, &a);
		diag_verbose(0, "going on with the identity as it was");
		return err;
	}
	vz_identity_free(me->identity);
	me->identity = fresh;
	return 1;
}

/* -w bounds every wait; the keepalive goes so often that a living peer is never taken for dead. */
static void
times(const struct common *options, struct vz_session_config *out)
{
	uint64_t w = options->wait_ms;

	if (w == 0)
		return;
	out->handshake_ms = w;
	out->record_ms = w;
	out->dead_ms = w;
	if (out->keepalive_ms > w / 3)
		out->keepalive_ms = w / 3 + 1;
}

void
self_session(const struct self *me, const struct common *options, bool initiator,
    const struct vz_key *responder, struct vz_session_config *out)
{
	struct vz_channel_config *ch = &out->channel;

	memset(out, 0, sizeof(*out));
	vz_session_defaults(out);
	times(options, out);
	out->age_ms = initiator ? VZ_RENEW_MS : VZ_OLD_MS;
	out->age_bytes = initiator ? VZ_RENEW_BYTES : 0;
	ch->initiator = initiator;
	ch->service = VZ_SERVICE_MESSAGES;
	ch->self = me->identity;
	ch->responder = responder ? *responder : me->identity->bundle.identity;
	for (unsigned i = 0; i < me->psks && i < VZ_CHANNEL_PSKS; i++)
		ch->psk[i] = me->psk[i];
	ch->aes = vz_aead_has_aes();
	randombytes_buf(ch->random, sizeof(ch->random));
	if (initiator)
		randombytes_buf(out->stream, sizeof(out->stream));
}

void
self_channel_to_relay(
    const struct self *me, const struct vz_key *relay, struct vz_channel_config *ch)
{
	memset(ch, 0, sizeof(*ch));
	ch->initiator = true;
	ch->self = me->identity;
	ch->responder = *relay;
	ch->psk[0] = me->relay_psk;
	ch->aes = vz_aead_has_aes();
	randombytes_buf(ch->random, sizeof(ch->random));
}

int
self_agent(struct self *me)
{
	int status;

	if (!me->identity->held_elsewhere || me->agent)
		return 0;
	status = agent_connect(&me->agent);
	if (!status)
		status = agent_has(me->agent, &me->identity->bundle.identity);
	return status;
}

struct vz_signer
self_signer(const struct self *me, vz_signer_fn *how)
{
	return (struct vz_signer){me->identity, me->agent ? how : NULL, me->agent};
}

int
self_sign_message(void *me, const uint8_t digest[static VZ_MANIFEST_HASH], uint8_t sig[static 64])
{
	struct vz_signer signer = self_signer(me, vz_agent_sign);

	return vz_signer_sign(&signer, VZ_NS_MESSAGE, digest, sig);
}

void
self_free(struct self *me)
{
	vz_identity_free(me->identity);
	vz_secret_free(me->psk);
	vz_secret_free(me->relay_psk);
	vz_acl_free(me->acl);
	vz_agent_free(me->agent);
	memset(me, 0, sizeof(*me));
}
