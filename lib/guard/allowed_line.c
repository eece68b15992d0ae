#include "guard/allowed_line.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>
#include "base/err.h"
#include "base/pattern.h"
#include "guard/acl_line.h"

/* What is left of the options of a line. */
struct options {
	const char *s;
	size_t len;
	const char *why;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool
bad(const char **why, const char *words)
{
	*why = words;
	return false;
}

/* A word in quotes may hold blanks. */
static bool
take_quoted(const char **line, size_t *len, const char **word, size_t *word_len)
{
	const char *end = memchr(*line + 1, '"', *len - 1);

	if (!end)
		return false;
	*word = *line + 1;
	*word_len = (size_t)(end - *word);
	*len -= *word_len + 2;
	*line = end + 1;
	return *len == 0 || is_blank(**line);
}

bool
vz_allowed_line_principals(
    const char **line, size_t *len, const char **principals, size_t *principals_len)
{
	if (*len > 0 && **line == '"') {
		if (!take_quoted(line, len, principals, principals_len))
			return false;
	} else {
		*principals_len = vz_word(line, len, principals);
		if (memchr(*principals, '"', *principals_len))
			return false;
	}
	while (*len > 0 && is_blank(**line))
		(*line)++, (*len)--;
	return *principals_len > 0 && *len > 0;
}

/* Takes a name, whose letters may be of either case, off the front. */
static bool
take_name(struct options *o, const char *name)
{
	size_t n = strlen(name);

	if (o->len < n || strncasecmp(o->s, name, n) != 0)
		return false;
	o->s += n;
	o->len -= n;
	return true;
}

/* "VALUE", in which \" stands for a quote, to out of VZ_LINE_MAX bytes; a line is no longer. */
static bool
take_value(struct options *o, char *out, size_t *n)
{
	*n = 0;
	if (o->len == 0 || *o->s != '"')
		return bad(&o->why, "the value of an option is not in quotes");
	for (size_t i = 1; i < o->len; i++) {
		if (o->s[i] == '"') {
			o->s += i + 1;
			o->len -= i + 1;
			return true;
		}
		if (o->s[i] == '\\' && i + 1 < o->len && o->s[i + 1] == '"')
			i++;
		out[(*n)++] = o->s[i];
	}
	return bad(&o->why, "the quotes of an option do not end");
}

static bool
take_time(struct options *o, vz_local_time_fn *local, int64_t *out)
{
	char value[VZ_LINE_MAX];
	size_t n;

	if (*out != 0)
		return bad(&o->why, "a time is given twice");
	if (!take_value(o, value, &n))
		return false;
	if (vz_timestamp_parse(value, n, local, out) != 0)
		return bad(&o->why, "no time of the form YYYYMMDD[HHMM[SS]][Z]");
	return true;
}

static bool
take_option(struct options *o, vz_local_time_fn *local, struct vz_allowed_line *out)
{
	if (take_name(o, "cert-authority"))
		return out->authority = true;
	if (take_name(o, "valid-after="))
		return take_time(o, local, &out->after);
	if (take_name(o, "valid-before="))
		return take_time(o, local, &out->before);
	if (!take_name(o, "namespaces="))
		return bad(&o->why, "neither a key nor an option that is known here");
	if (out->has_namespaces)
		return bad(&o->why, "namespaces are given twice");
	out->has_namespaces = true;
	return take_value(o, out->namespaces, &out->namespaces_len);
}

/* Up to the blank before the key. */
static bool
take_options(struct options *o, vz_local_time_fn *local, struct vz_allowed_line *out)
{
	for (;;) {
		if (!take_option(o, local, out))
			return false;
		if (o->len == 0)
			return bad(&o->why, "no key after the options");
		if (is_blank(*o->s))
			break;
		if (*o->s != ',')
			return bad(&o->why, "neither a key nor an option that is known here");
		o->s++;
		o->len--;
	}
	if (out->after != 0 && out->before != 0 && out->before <= out->after)
		return bad(&o->why, "it ends before it begins");
	return true;
}

enum vz_acl_found
vz_allowed_key(struct vz_acl_line *l)
{
	enum vz_acl_found found = vz_acl_line_key(l);

	/* No identity can be one of those of security keys, but they may sign and be revoked. */
	if (found == VZ_ACL_FOUND_BAD_KEY && l->len > 3 && memcmp(l->s, "sk-", 3) == 0)
		return VZ_ACL_FOUND_OTHER_TYPE;
	return found;
}

/* Why the line has no key: its words may be its own, and end with it. */
static const char *
words_of(const struct vz_acl_line *l, struct vz_allowed_line *out)
{
	if (l->why != l->mistyped)
		return l->why;
	memcpy(out->mistyped, l->mistyped, sizeof(out->mistyped));
	return out->mistyped;
}

static enum vz_allowed_found
parse(const char *line, size_t len, vz_local_time_fn *local, struct vz_allowed_line *out,
    const char **why)
{
	struct vz_acl_line l = {.at_relay = false};
	struct options o;
	enum vz_acl_found found;

	if (!vz_allowed_line_principals(&line, &len, &out->principals, &out->principals_len)) {
		*why = "not principals and a key";
		return VZ_ALLOWED_BAD;
	}
	o = (struct options){.s = line, .len = len};
	l.s = line;
	l.len = len;
	found = vz_allowed_key(&l);
	if (found == VZ_ACL_FOUND_NO_KEY) {
		if (!take_options(&o, local, out)) {
			*why = o.why;
			return VZ_ALLOWED_BAD;
		}
		l.s = o.s;
		l.len = o.len;
		l.why = "no key after the options";
		found = vz_allowed_key(&l);
	}
	if (found == VZ_ACL_FOUND_OTHER_TYPE)
		return VZ_ALLOWED_OTHER_TYPE;
	*why = found == VZ_ACL_FOUND_KEY ? NULL : words_of(&l, out);
	out->key = l.key;
	return found == VZ_ACL_FOUND_KEY ? VZ_ALLOWED_KEY : VZ_ALLOWED_BAD;
}

enum vz_allowed_found
vz_allowed_line_parse(const char *line, size_t len, vz_local_time_fn *local,
    struct vz_allowed_line *out, const char **why)
{
	enum vz_allowed_found found = VZ_ALLOWED_BAD;

	memset(out, 0, sizeof(*out));
	*why = "over the limit";
	if (len <= VZ_LINE_MAX) {
		*why = NULL;
		found = parse(line, len, local, out, why);
	}
	if (found != VZ_ALLOWED_KEY)
		memset(out, 0, offsetof(struct vz_allowed_line, mistyped));
	return found;
}

int
vz_allowed_line_valid(const struct vz_allowed_line *s, int64_t at, const char **why)
{
	if (s->authority) {
		*why = "the key is one that signs certificates";
		return VZ_EDENIED;
	}
	if (s->after != 0 && at < s->after) {
		*why = "the key is not valid yet";
		return VZ_EEXPIRED;
	}
	if (s->before != 0 && at > s->before) {
		*why = "the key has expired";
		return VZ_EEXPIRED;
	}
	*why = NULL;
	return 0;
}

int
vz_allowed_line_permits(
    const struct vz_allowed_line *s, const char *ns, int64_t at, const char **why)
{
	if (!s->authority && s->has_namespaces &&
	    !vz_pattern_list_match(ns, strlen(ns), s->namespaces, s->namespaces_len)) {
		*why = "the key may not sign in this namespace";
		return VZ_EDENIED;
	}
	return vz_allowed_line_valid(s, at, why);
}
