#include "guard/allowed.h"

#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "base/pattern.h"
#include "guard/acl_line.h"

struct search {
	const struct vz_allowed_query *q;
	vz_allowed_report_fn *report;
	void *arg;
	struct vz_allowed_line line;
};

/* A line about somebody else is nobody's concern, whatever is wrong with it. */
static bool
concerns(const struct vz_allowed_query *q, const char *line, size_t len)
{
	const char *principals;
	size_t n;

	if (!q->principal)
		return true;
	return vz_allowed_line_principals(&line, &len, &principals, &n) &&
	    vz_pattern_list_match(q->principal, strlen(q->principal), principals, n);
}

/* True when the line grants it; it is in s->line then. */
static bool
grants(struct search *s, unsigned number, const char *line, size_t len)
{
	const struct vz_allowed_query *q = s->q;
	const char *why;
	enum vz_allowed_found found;
	int err;

	if (!concerns(q, line, len))
		return false;
	found = vz_allowed_line_parse(line, len, q->local, &s->line, &why);
	if (found == VZ_ALLOWED_KEY) {
		if (!vz_key_equal(&s->line.key, q->key))
			return false;
		err = q->principal ? vz_allowed_line_permits(&s->line, q->ns, q->at, &why)
				   : vz_allowed_line_valid(&s->line, q->at, &why);
		if (!err)
			return true;
	}
	if (found != VZ_ALLOWED_OTHER_TYPE && s->report)
		s->report(s->arg, number, why);
	return false;
}

static char *
copy_of(const char *p, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, p, len);
	copy[len] = '\0';
	return copy;
}

static int
search(struct search *s, struct vz_lines *lines, char **principals)
{
	const char *line;
	size_t len;

	while (vz_lines_next(lines, &line, &len)) {
		if (!grants(s, lines->number, line, len))
			continue;
		if (!principals)
			return 0;
		*principals = copy_of(s->line.principals, s->line.principals_len);
		return *principals ? 0 : VZ_ENOMEM;
	}
	return VZ_EDENIED;
}

int
vz_allowed_find(const char *path, const struct vz_allowed_query *q, vz_allowed_report_fn *report,
    void *arg, char **principals, unsigned *bad_line)
{
	struct search s = {.q = q, .report = report, .arg = arg};
	struct vz_lines lines;
	int err;

	if (principals)
		*principals = NULL;
	err = vz_lines_load(&lines, path);
	*bad_line = err ? lines.number : 0;
	if (!err)
		err = search(&s, &lines, principals);
	vz_lines_free(&lines);
	return err;
}

static int
revoked(struct vz_lines *lines, const struct vz_key *key)
{
	const char *s;
	size_t len;

	while (vz_lines_next(lines, &s, &len)) {
		struct vz_acl_line l = {.s = s, .len = len};

		switch (vz_allowed_key(&l)) {
		case VZ_ACL_FOUND_KEY:
			if (vz_key_equal(&l.key, key))
				return VZ_EREVOKED;
			break;
		case VZ_ACL_FOUND_OTHER_TYPE: break;
		/* It was to revoke somebody. */
		default: return VZ_EFORMAT;
		}
	}
	return 0;
}

int
vz_allowed_revoked(const char *path, const struct vz_key *key, unsigned *bad_line)
{
	struct vz_lines lines;
	int err = vz_lines_load(&lines, path);

	if (!err)
		err = revoked(&lines, key);
	*bad_line = err ? lines.number : 0;
	vz_lines_free(&lines);
	return err;
}
