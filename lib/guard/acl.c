#include "guard/acl.h"

#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "base/lines.h"
#include "crypto/sign.h"
#include "guard/acl_line.h"
#include "guard/acl_rule.h"

struct entry {
	struct vz_key key;
	struct vz_grant grant;
	size_t order; /* of arrival: the first line of a key counts */
};

/* Entries sorted by key. */
struct table {
	struct entry *items;
	size_t n, cap;
};

struct vz_acl {
	struct table granted, revoked;
	bool any, no_commands, at_relay;
};

/* Where problems of the file being read are told. */
struct reporter {
	vz_acl_line_fn *fn;
	void *arg;
	bool other_types; /* the one notice was given */
	bool no_commands, at_relay;
};

static void
tell(struct reporter *r, unsigned line, const char *what)
{
	if (r->fn)
		r->fn(r->arg, line, what);
}

static int
compare_keys(const void *a, const void *b)
{
	return memcmp(((const struct entry *)a)->key.b, ((const struct entry *)b)->key.b, 32);
}

static int
compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = compare_keys(a, b);

	return c ? c : (x->order > y->order) - (x->order < y->order);
}

static const struct entry *
table_find(const struct table *t, const struct vz_key *key)
{
	struct entry probe = {.key = *key};

	return t->n == 0 ? NULL : bsearch(&probe, t->items, t->n, sizeof(probe), compare_keys);
}

/* Each entry holds its rule. */
static int
table_add(struct table *t, const struct vz_key *key, const struct vz_grant *grant)
{
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 16;
		struct entry *items = reallocarray(t->items, cap, sizeof(*items));

		if (!items)
			return VZ_ENOMEM;
		t->items = items;
		t->cap = cap;
	}
	t->items[t->n] = (struct entry){.key = *key, .grant = *grant, .order = t->n};
	vz_rule_hold(grant->rule);
	t->n++;
	return 0;
}

/* Drops all but the first n. */
static void
table_cut(struct table *t, size_t n)
{
	while (t->n > n)
		vz_grant_release(&t->items[--t->n].grant);
}

static void
table_free(struct table *t)
{
	table_cut(t, 0);
	free(t->items);
}

/* Sorts what table_add appended and drops all but the first of each key; r may be NULL. */
static void
table_settle(struct table *t, struct reporter *r)
{
	size_t n = 0;

	if (t->n > 0)
		qsort(t->items, t->n, sizeof(*t->items), compare_entries);
	for (size_t i = 0; i < t->n; i++) {
		if (n > 0 && compare_keys(&t->items[n - 1], &t->items[i]) == 0) {
			if (r)
				tell(r, t->items[i].grant.line,
				    "this key was given before, the first line counts");
			vz_grant_release(&t->items[i].grant);
		} else {
			t->items[n] = t->items[i];
			t->items[n].order = n;
			n++;
		}
	}
	t->n = n;
}

/* Appends a copy of `from`. On VZ_ENOMEM nothing is added. */
static int
table_merge(struct table *t, const struct table *from)
{
	size_t before = t->n;

	for (size_t i = 0; i < from->n; i++) {
		int err = table_add(t, &from->items[i].key, &from->items[i].grant);

		if (err) {
			table_cut(t, before);
			return err;
		}
	}
	return 0;
}

/* The key of a line that was understood. */
static int
load_key(struct table *t, const struct vz_acl_line *l, struct reporter *r)
{
	if (r->no_commands && vz_grant_command(&l->grant)) {
		tell(r, l->grant.line, "command= where no command is run for messages");
		return 0;
	}
	if (r->at_relay && l->grant.rule && l->grant.rule->name_match) {
		tell(r, l->grant.line, "name-match= at a relay, which learns no names");
		return 0;
	}
	if (l->grant.rights == 0)
		tell(r, l->grant.line,
		    r->at_relay ? "no right at a relay (register, connect, deposit), so it grants "
				  "nothing here"
				: "only rights at a relay, which grant nothing here");
	return table_add(t, &l->key, &l->grant);
}

static int
load_line(struct table *t, struct vz_acl_line *l, struct reporter *r)
{
	int err;

	switch (vz_acl_line_parse(l)) {
	case VZ_ACL_FOUND_KEY:
		err = load_key(t, l, r);
		vz_grant_release(&l->grant);
		return err;
	case VZ_ACL_FOUND_OTHER_TYPE:
		if (!r->other_types)
			tell(r, l->grant.line,
			    "not an ssh-ed25519 key; this and others like it are passed over");
		r->other_types = true;
		return 0;
	default: tell(r, l->grant.line, l->why); return 0;
	}
}

int
vz_acl_load(struct vz_acl *a, const char *path, vz_acl_line_fn *report, void *arg)
{
	struct reporter r = {.fn = report,
	    .arg = arg,
	    .no_commands = a->no_commands || a->at_relay,
	    .at_relay = a->at_relay};
	struct table read = {0};
	struct vz_lines lines;
	const char *s;
	size_t len;
	int err = vz_lines_load(&lines, path);

	while (!err && vz_lines_next(&lines, &s, &len)) {
		struct vz_acl_line l = {
		    .s = s, .len = len, .at_relay = a->at_relay, .grant.line = lines.number};

		err = load_line(&read, &l, &r);
	}
	if (!err)
		err = table_merge(&a->granted, &read);
	if (!err)
		table_settle(&a->granted, &r);
	table_free(&read);
	vz_lines_free(&lines);
	return err;
}

int
vz_acl_load_revoked(struct vz_acl *a, const char *path, unsigned *line)
{
	const struct vz_grant nothing = {0};
	struct table read = {0};
	struct vz_lines lines;
	const char *s;
	size_t len;
	int err = vz_lines_load(&lines, path);

	*line = 0;
	if (err && err != VZ_ENOTFOUND)
		*line = lines.number;
	while (!err && vz_lines_next(&lines, &s, &len)) {
		struct vz_acl_line l = {.s = s, .len = len};

		/* A line that revokes nothing would let somebody in. */
		if (vz_acl_line_key(&l) != VZ_ACL_FOUND_KEY) {
			err = VZ_EFORMAT;
			*line = lines.number;
		} else {
			err = table_add(&read, &l.key, &nothing);
		}
	}
	if (!err)
		err = table_merge(&a->revoked, &read);
	if (!err)
		table_settle(&a->revoked, NULL);
	table_free(&read);
	vz_lines_free(&lines);
	return err == VZ_ENOTFOUND ? 0 : err;
}

const char *
vz_acl_typo(const char *path, unsigned line, char out[static VZ_TYPO_WORDS])
{
	struct vz_lines lines;
	const char *s, *word;
	size_t len, n;
	int err = vz_lines_load(&lines, path);

	*out = '\0';
	while (!err && vz_lines_next(&lines, &s, &len) && lines.number <= line)
		if (lines.number == line && (n = vz_word(&s, &len, &word)) > 0)
			(void)vz_key_typo(word, n, out);
	vz_lines_free(&lines);
	return out;
}

struct vz_acl *
vz_acl_new(void)
{
	return calloc(1, sizeof(struct vz_acl));
}

void
vz_acl_free(struct vz_acl *a)
{
	if (!a)
		return;
	table_free(&a->granted);
	table_free(&a->revoked);
	free(a);
}

void
vz_acl_at_relay(struct vz_acl *a)
{
	a->at_relay = true;
}

static unsigned
all_rights(const struct vz_acl *a)
{
	return a->at_relay ? VZ_RIGHT_RELAY : VZ_RIGHT_MESSAGES;
}

int
vz_acl_allow(struct vz_acl *a, const struct vz_key *key)
{
	const struct vz_grant all = {.rights = all_rights(a)};
	int err = table_add(&a->granted, key, &all);

	if (!err)
		table_settle(&a->granted, NULL);
	return err;
}

void
vz_acl_allow_any(struct vz_acl *a)
{
	a->any = true;
}

void
vz_acl_no_commands(struct vz_acl *a)
{
	a->no_commands = true;
}

int
vz_acl_revoked(const struct vz_acl *a, const struct vz_key *key)
{
	return table_find(&a->revoked, key) ? VZ_EREVOKED : 0;
}

bool
vz_acl_names(const struct vz_acl *a, const struct vz_key *key)
{
	return table_find(&a->granted, key) != NULL;
}

int
vz_acl_check(const struct vz_acl *a, const struct vz_key *key, struct vz_grant *grant)
{
	const struct entry *e = table_find(&a->granted, key);

	memset(grant, 0, sizeof(*grant));
	if (vz_acl_revoked(a, key) != 0)
		return VZ_EREVOKED;
	if (e && e->grant.rights != 0) {
		*grant = e->grant;
		vz_rule_hold(grant->rule);
		return 0;
	}
	/* A line that names the key speaks before --allow-any does, also when it grants nothing. */
	if (e || !a->any || !vz_sign_point_ok(key->b))
		return VZ_EDENIED;
	grant->rights = all_rights(a);
	return 0;
}

bool
vz_acl_grants_anybody(const struct vz_acl *a)
{
	if (a->any)
		return true;
	for (size_t i = 0; i < a->granted.n; i++)
		if (a->granted.items[i].grant.rights != 0 &&
		    vz_acl_revoked(a, &a->granted.items[i].key) == 0)
			return true;
	return false;
}

static bool
same_words(char *const *a, char *const *b)
{
	for (; *a != NULL && *b != NULL; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return *a == *b;
}

bool
vz_acl_has_command(const struct vz_acl *a, char *const argv[])
{
	for (size_t i = 0; i < a->granted.n; i++) {
		char *const *command = vz_grant_command(&a->granted.items[i].grant);

		if (command != NULL && same_words(command, argv))
			return true;
	}
	return false;
}
