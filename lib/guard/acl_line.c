#include "guard/acl_line.h"

#include <stdio.h>
#include <string.h>
#include "base/err.h"
#include "base/lines.h"
#include "base/text.h"
#include "crypto/sign.h"
#include "guard/acl_options.h"

static bool
begins(const char *s, size_t len, const char *with)
{
	return len >= strlen(with) && memcmp(s, with, strlen(with)) == 0;
}

/* The key types of OpenSSH (sshkey.c) that no vz identity can be. */
static bool
is_other_type(const char *word, size_t n)
{
	static const char *const types[] = {"ssh-rsa", "ssh-dss", "ssh-ed25519-cert-", "ssh-ed448",
	    "ssh-xmss", "ecdsa-sha2-", "rsa-sha2-"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (begins(word, n, types[i]))
			return true;
	return false;
}

static enum vz_acl_found
bad_key(struct vz_acl_line *l, const char *why)
{
	l->why = why;
	return VZ_ACL_FOUND_BAD_KEY;
}

static enum vz_acl_found
take_ssh_key(struct vz_acl_line *l)
{
	size_t used;

	if (vz_ssh_public_parse(l->s, l->len, l->key.b, &used) != 0)
		return bad_key(l, "the ssh-ed25519 key is damaged");
	if (used < l->len && l->s[used] != ' ' && l->s[used] != '\t')
		return bad_key(l, "the ssh-ed25519 key is damaged");
	l->s += used;
	l->len -= used;
	return VZ_ACL_FOUND_KEY;
}

static enum vz_acl_found
mistyped(struct vz_acl_line *l, const char *typo)
{
	snprintf(
	    l->mistyped, sizeof(l->mistyped), "the key is mistyped%s%s", *typo ? ": " : "", typo);
	return bad_key(l, l->mistyped);
}

/* A word that is no option either, if its beginning was mistyped. */
static enum vz_acl_found
no_key(struct vz_acl_line *l, const char *word, size_t n)
{
	char typo[VZ_TYPO_WORDS];

	return *vz_key_typo(word, n, typo) ? mistyped(l, typo) : VZ_ACL_FOUND_NO_KEY;
}

enum vz_acl_found
vz_acl_line_key(struct vz_acl_line *l)
{
	const char *s = l->s, *word;
	size_t len = l->len, n = vz_word(&s, &len, &word);
	char typo[VZ_TYPO_WORDS];

	l->len -= (size_t)(word - l->s);
	l->s = word;
	if (n == strlen("ssh-ed25519") && begins(word, n, "ssh-ed25519"))
		return take_ssh_key(l);
	if (is_other_type(word, n))
		return VZ_ACL_FOUND_OTHER_TYPE;
	if (begins(word, n, "sk-"))
		return bad_key(l, "sk- keys sign in a way of their own and cannot be identities");
	if (!begins(word, n, "vz1") && !begins(word, n, "VZ1"))
		return no_key(l, word, n);
	if (vz_key_parse(word, n, &l->key) != 0)
		return mistyped(l, vz_key_typo(word, n, typo));
	l->s = s;
	l->len = len;
	return VZ_ACL_FOUND_KEY;
}

static unsigned
right_of(const char *word, size_t n)
{
	static const struct {
		const char *name;
		unsigned right;
	} rights[] = {{"send", VZ_RIGHT_SEND}, {"ask", VZ_RIGHT_ASK},
	    {"register", VZ_RIGHT_REGISTER}, {"connect", VZ_RIGHT_CONNECT},
	    {"deposit", VZ_RIGHT_DEPOSIT}};

	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		if (n == strlen(rights[i].name) && memcmp(word, rights[i].name, n) == 0)
			return rights[i].right;
	return 0;
}

/*
 * The length of the option at s: to the comma or blank after it that is not in quotes. 0 for an
 * empty one or a quote that does not end.
 */
static size_t
option_len(const char *s, size_t len)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < len; i++) {
		if (quoted && s[i] == '\\' && i + 1 < len && s[i + 1] == '"')
			i++;
		else if (s[i] == '"')
			quoted = !quoted;
		else if (!quoted && (s[i] == ',' || s[i] == ' ' || s[i] == '\t'))
			break;
	}
	return quoted ? 0 : i;
}

/* An option that is not known might have taken rights away: the line grants nothing. */
static bool
take_option(struct vz_acl_line *l, size_t n, unsigned *rights)
{
	unsigned right = right_of(l->s, n);

	*rights |= right;
	if (right != 0)
		return true;
	if (vz_acl_option_known(l->s, n))
		return vz_acl_option_read(&l->grant.rule, l->s, n, &l->why);
	l->why = "neither a key nor an option that is known here";
	return false;
}

static int
take_options(struct vz_acl_line *l, unsigned *rights)
{
	*rights = 0;
	for (;;) {
		size_t n = option_len(l->s, l->len);

		if (n == 0)
			l->why = "an option is empty or its quotes do not end";
		if (n == 0 || !take_option(l, n, rights))
			return VZ_EFORMAT;
		l->s += n;
		l->len -= n;
		if (l->len == 0 || *l->s != ',')
			return vz_acl_options_fit(l->grant.rule, &l->why) ? 0 : VZ_EFORMAT;
		l->s++;
		l->len--;
	}
}

static int
take_name(struct vz_acl_line *l)
{
	while (l->len > 0 && (*l->s == ' ' || *l->s == '\t'))
		l->s++, l->len--;
	if (l->len >= sizeof(l->grant.name) || !vz_name_ok(l->s, l->len)) {
		l->why = "the name is over 255 bytes, not UTF-8, or holds control characters";
		return VZ_EFORMAT;
	}
	memcpy(l->grant.name, l->s, l->len);
	l->grant.name[l->len] = '\0';
	return 0;
}

/* [options] KEY [name], with what it granted left to the caller to release. */
static enum vz_acl_found
parse(struct vz_acl_line *l, unsigned *rights)
{
	enum vz_acl_found found = vz_acl_line_key(l);

	if (found == VZ_ACL_FOUND_NO_KEY) {
		if (take_options(l, rights) != 0)
			return VZ_ACL_FOUND_BAD_KEY;
		found = vz_acl_line_key(l);
		if (found == VZ_ACL_FOUND_NO_KEY)
			return bad_key(l, "no key after the options");
	}
	if (found == VZ_ACL_FOUND_KEY && take_name(l) != 0)
		return VZ_ACL_FOUND_BAD_KEY;
	return found;
}

enum vz_acl_found
vz_acl_line_parse(struct vz_acl_line *l)
{
	unsigned rights = 0;
	enum vz_acl_found found = parse(l, &rights);

	if (rights == 0 && !l->at_relay)
		rights = VZ_RIGHT_MESSAGES;
	l->grant.rights = rights & (l->at_relay ? VZ_RIGHT_RELAY : VZ_RIGHT_MESSAGES);
	if (found != VZ_ACL_FOUND_KEY) {
		unsigned line = l->grant.line;

		vz_grant_release(&l->grant);
		l->grant.line = line;
	}
	return found;
}
