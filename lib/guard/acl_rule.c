#include "guard/acl_rule.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "guard/acl.h"

struct vz_rule *
vz_rule_new(void)
{
	struct vz_rule *r = calloc(1, sizeof(*r));

	return vz_rule_hold(r);
}

struct vz_rule *
vz_rule_hold(struct vz_rule *r)
{
	if (r)
		r->holders++;
	return r;
}

void
vz_rule_release(struct vz_rule *r)
{
	if (!r || --r->holders > 0)
		return;
	free(r->from);
	free(r->words);
	free(r->argv);
	free(r->name_match);
	free(r);
}

void
vz_grant_release(struct vz_grant *g)
{
	vz_rule_release(g->rule);
	memset(g, 0, sizeof(*g));
}

bool
vz_grant_expired(const struct vz_grant *g, int64_t unix_now)
{
	/* A clock that cannot be read says -1. */
	return g->rule && g->rule->expires != 0 && (unix_now < 0 || unix_now >= g->rule->expires);
}

bool
vz_grant_name_ok(const struct vz_grant *g, const void *name, size_t len)
{
	char text[256];

	if (!g->rule || !g->rule->name_match)
		return true;
	/* A NUL is no part of a name; past it nothing would be looked at. */
	if (len >= sizeof(text) || !vz_name_ok(name, len))
		return false;
	if (len > 0)
		memcpy(text, name, len);
	text[len] = '\0';
	return fnmatch(g->rule->name_match, text, 0) == 0;
}

static uint64_t
or_no_limit(uint64_t n)
{
	return n > 0 ? n : UINT64_MAX;
}

uint64_t
vz_grant_max_size(const struct vz_grant *g)
{
	return or_no_limit(g->rule ? g->rule->max_size : 0);
}

uint64_t
vz_grant_max_conns(const struct vz_grant *g)
{
	return or_no_limit(g->rule ? g->rule->max_conns : 0);
}

bool
vz_grant_messages(const struct vz_grant *g, struct vz_bucket *b)
{
	if (!g->rule || g->rule->rate == 0)
		return false;
	vz_bucket_init(b, g->rule->rate, g->rule->burst > 0 ? g->rule->burst : g->rule->rate);
	return true;
}

bool
vz_grant_bytes(const struct vz_grant *g, struct vz_bucket *b)
{
	if (!g->rule || g->rule->bytes == 0)
		return false;
	vz_bucket_init(b, g->rule->bytes, g->rule->bytes);
	return true;
}

char *const *
vz_grant_command(const struct vz_grant *g)
{
	return g->rule ? g->rule->argv : NULL;
}
