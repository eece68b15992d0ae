/*
 * --agent: an identity whose key an ssh-agent holds, and keeps.
 */
#include "cmd/common/agent.h"

#include <string.h>
#include "base/err.h"
#include "base/fsutil.h"
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-keygen/keygen.h"

#define FILE_MAX 16384 /* a public key file */

/* What KEY names. */
struct wanted {
	struct vz_key key;
	char fingerprint[51];
	bool by_fingerprint; /* then the key is not known yet */
};

static const char *
shown(const char *text)
{
	static char buf[512];

	return diag_escape(buf, sizeof(buf), text, strlen(text));
}

static int
unfit(const char *what, const char *why, const char *hint)
{
	diag_error("--agent: %s: %s", shown(what), why);
	if (hint)
		diag_hint("%s", hint);
	return VZ_EXIT_CONFIG;
}

static bool
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* A kind of key that OpenSSH has and an identity cannot be; NULL for none. */
static const char *
other_kind(const char *s)
{
	if (begins(s, "sk-"))
		return "a security key (sk-): it signs something else than what it is asked to";
	if (begins(s, "ssh-") || begins(s, "ecdsa-"))
		return "an identity is an ssh-ed25519 key, and no other kind";
	return NULL;
}

/* One line of OpenSSH's, as it is or from a file. */
static int
take_line(const char *name, const char *s, struct wanted *w)
{
	const char *other;
	size_t used;
	int err = vz_ssh_public_parse(s, strcspn(s, "\r\n"), w->key.b, &used);

	if (!err)
		return 0;
	if (begins(s, "-----BEGIN"))
		return unfit(name, "a private key", "name the file that ends in .pub");
	if (err == VZ_EAUTH)
		return unfit(name, "no point of Ed25519, or of small order", NULL);
	other = begins(s, "ssh-ed25519 ") ? NULL : other_kind(s);
	return unfit(name, other ? other : "not a public key",
	    other ? NULL : "ssh-keygen's .pub file, vz1..., ssh-ed25519 AAAA... or SHA256:...");
}

static int
take_file(const char *path, struct wanted *w)
{
	struct vz_buf text;
	int err, status;

	vz_buf_init(&text, FILE_MAX);
	err = vz_fs_read(path, VZ_FS_ANY, &text);
	if (!err)
		err = vz_buf_u8(&text, '\0');
	if (err == VZ_ENOTFOUND)
		status = unfit(path, "neither a key nor a file",
		    "ssh-keygen's .pub file, vz1..., ssh-ed25519 AAAA... or SHA256:...");
	else if (err)
		status = unfit(path, diag_words(err), NULL);
	else
		status = take_line(path, (const char *)vz_buf_ptr(&text), w);
	vz_buf_free(&text);
	return status;
}

static int
take_key(const char *s, struct wanted *w)
{
	memset(w, 0, sizeof(*w));
	if (begins(s, "SHA256:")) {
		w->by_fingerprint = true;
		if (strlen(s) != sizeof(w->fingerprint) - 1)
			return unfit(s, "not a fingerprint of 50 characters",
			    "ssh-add -l shows those that the agent holds");
		memcpy(w->fingerprint, s, sizeof(w->fingerprint));
		return 0;
	}
	if (begins(s, "vz1")) {
		if (vz_key_parse(s, strlen(s), &w->key) != 0)
			return unfit(s, "not a key: mistyped", NULL);
	} else {
		int status =
		    begins(s, "ssh-") || other_kind(s) ? take_line(s, s, w) : take_file(s, w);

		if (status)
			return status;
	}
	vz_ssh_fingerprint(w->key.b, w->fingerprint);
	return 0;
}

/* Looks it up in the list. 1: it is there, and `found` is set; 0; VZ_E... of a list that is none.
 */
static int
look_up(const struct vz_buf *message, const struct wanted *w, struct vz_agent_key *found)
{
	struct vz_agent_keys keys;
	struct vz_agent_key k;
	int r = vz_agent_keys_read(vz_buf_ptr(message), message->len, &keys), is = 0;

	while (r == 0 && (r = vz_agent_keys_next(&keys, &k)) > 0) {
		r = 0;
		if (is || strcmp(k.fingerprint, w->fingerprint) != 0)
			continue;
		*found = k;
		is = 1;
	}
	return r < 0 ? r : is;
}

static int
judge(const struct wanted *w, int r, const struct vz_agent_key *found)
{
	if (r < 0) {
		diag_error("ssh-agent: its list of keys is none");
		return VZ_EXIT_CONFIG;
	}
	if (r == 0) {
		diag_error("ssh-agent: it does not hold %s", shown(w->fingerprint));
		diag_hint("ssh-add FILE adds a key, ssh-add -l shows them; one that is locked "
			  "(ssh-add -x) shows none");
		return VZ_EXIT_CONFIG;
	}
	switch (found->kind) {
	case VZ_AGENT_ED25519: return 0;
	case VZ_AGENT_SK: return unfit(w->fingerprint, other_kind("sk-"), NULL);
	case VZ_AGENT_OTHER: break;
	}
	return unfit(w->fingerprint, other_kind("ssh-"), NULL);
}

/* The comment that ssh-add gave it, as far as one may have it here. */
static void
take_comment(const struct vz_agent_key *found, char out[static 256])
{
	out[0] = '\0';
	if (found->comment_len > 255 || !vz_name_ok(found->comment, found->comment_len))
		return;
	memcpy(out, found->comment, found->comment_len);
	out[found->comment_len] = '\0';
}

int
keygen_make_held(const struct keygen *k)
{
	struct keygen_of of = {0};
	char comment[256];
	struct vz_agent_key found = {0};
	struct vz_buf list;
	struct wanted w;
	int status = keygen_check_free(k), err;

	if (!status)
		status = take_key(k->held, &w);
	if (!status)
		status = agent_connect(&of.agent);
	if (status)
		return status;
	vz_buf_init(&list, VZ_AGENT_MESSAGE_MAX);
	err = vz_agent_list(of.agent, &list);
	status = err ? agent_complain(of.agent, NULL, err)
		     : judge(&w, look_up(&list, &w, &found), &found);
	if (!status) {
		memcpy(of.key.b, found.public, sizeof(of.key.b));
		take_comment(&found, comment);
		status = keygen_make_of(k, &of, *k->comment ? k->comment : comment);
	}
	vz_buf_free(&list);
	vz_agent_free(of.agent);
	return status;
}
