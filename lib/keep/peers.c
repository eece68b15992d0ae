#include "keep/peers.h"

#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "base/lines.h"

/* The longest name and a NUL; see vz_peer_name_ok. */
#define NAME_ROOM 64

struct peer {
	const char *name, *address; /* in the arena */
	unsigned line;
};

struct group {
	const char *name;
	const char *members; /* names one after the other, each with its NUL */
	size_t count;
	unsigned line;
};

/* An array that doubles. */
struct list {
	void *items;
	size_t n, cap;
};

struct vz_peers {
	char *arena; /* every word of the file, each with a NUL; never larger than the file + 1 */
	size_t used;
	struct list peers, groups; /* sorted by name once loaded */
};

/* Room for one more item of `size` bytes, or NULL. */
static void *
grow(struct list *l, size_t size)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		void *items = reallocarray(l->items, cap, size);

		if (!items)
			return NULL;
		l->items = items;
		l->cap = cap;
	}
	return (char *)l->items + l->n * size;
}

/* A word and its NUL fit: in the file a blank, a newline or the end follows it. */
static const char *
keep(struct vz_peers *p, const char *word, size_t len)
{
	char *to = p->arena + p->used;

	memcpy(to, word, len);
	to[len] = '\0';
	p->used += len + 1;
	return to;
}

/* Each adds one line: 0, VZ_ENOMEM, or VZ_EFORMAT with the words why. */
static int
add_peer(struct vz_peers *p, const char *s, size_t len, unsigned line, const char **why)
{
	const char *name, *address, *extra;
	size_t name_len = vz_word(&s, &len, &name), address_len = vz_word(&s, &len, &address);
	struct peer *to;

	*why = NULL;
	if (!vz_peer_name_ok(name, name_len))
		*why = "not a name: a letter, then letters, digits, . _ -, not beginning with vz1";
	else if (address_len == 0)
		*why = "the address is missing";
	else if (address_len >= VZ_ADDRESS_TEXT_MAX)
		*why = "the address is too long";
	else if (vz_word(&s, &len, &extra) != 0)
		*why = "more than a name and an address";
	if (*why)
		return VZ_EFORMAT;
	to = grow(&p->peers, sizeof(*to));
	if (!to)
		return VZ_ENOMEM;
	to->name = keep(p, name, name_len);
	to->address = keep(p, address, address_len);
	to->line = line;
	p->peers.n++;
	return 0;
}

static int
add_members(struct vz_peers *p, const char *s, size_t len, struct group *g, const char **why)
{
	const char *word;
	size_t n;

	g->members = p->arena + p->used;
	while ((n = vz_word(&s, &len, &word)) != 0) {
		if (!vz_peer_name_ok(word, n)) {
			*why = "a group holds names only";
			return VZ_EFORMAT;
		}
		keep(p, word, n);
		g->count++;
	}
	if (g->count == 0) {
		*why = "the group is empty";
		return VZ_EFORMAT;
	}
	return 0;
}

static int
add_group(struct vz_peers *p, const char *s, size_t len, unsigned line, const char **why)
{
	size_t before = p->used, n;
	struct group *g;
	const char *name, *equals;
	int err;

	s++, len--;
	n = vz_word(&s, &len, &name);
	if (!vz_peer_name_ok(name, n)) {
		*why = "not a group's name";
		return VZ_EFORMAT;
	}
	if (vz_word(&s, &len, &equals) != 1 || *equals != '=') {
		*why = "a group is written @GROUP = NAME...";
		return VZ_EFORMAT;
	}
	g = grow(&p->groups, sizeof(*g));
	if (!g)
		return VZ_ENOMEM;
	*g = (struct group){.name = keep(p, name, n), .line = line};
	err = add_members(p, s, len, g, why);
	if (err)
		p->used = before;
	else
		p->groups.n++;
	return err;
}

static int
add_line(
    struct vz_peers *p, const char *s, size_t len, unsigned line, vz_line_fn *report, void *arg)
{
	const char *why = "";
	int err;

	err = *s == '@' ? add_group(p, s, len, line, &why) : add_peer(p, s, len, line, &why);
	if (err == VZ_EFORMAT && report)
		report(arg, line, why);
	return err == VZ_ENOMEM ? err : 0;
}

static int
by_order(const char *a, unsigned a_line, const char *b, unsigned b_line)
{
	int c = strcmp(a, b);

	return c ? c : (a_line > b_line) - (a_line < b_line);
}

static int
compare_peers(const void *a, const void *b)
{
	const struct peer *x = a, *y = b;

	return by_order(x->name, x->line, y->name, y->line);
}

static int
compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return by_order(x->name, x->line, y->name, y->line);
}

/* Sorts, and drops all but the first line of each name. */
static void
settle(struct vz_peers *p, vz_line_fn *report, void *arg)
{
	struct peer *peers = p->peers.items;
	struct group *groups = p->groups.items;
	size_t n = 0, i;

	if (p->peers.n > 0)
		qsort(peers, p->peers.n, sizeof(*peers), compare_peers);
	for (i = 0; i < p->peers.n; i++) {
		if (n > 0 && strcmp(peers[n - 1].name, peers[i].name) == 0) {
			if (report)
				report(arg, peers[i].line, "this name was given before");
		} else {
			peers[n++] = peers[i];
		}
	}
	p->peers.n = n;
	n = 0;
	if (p->groups.n > 0)
		qsort(groups, p->groups.n, sizeof(*groups), compare_groups);
	for (i = 0; i < p->groups.n; i++) {
		if (n > 0 && strcmp(groups[n - 1].name, groups[i].name) == 0) {
			if (report)
				report(arg, groups[i].line, "this group was given before");
		} else {
			groups[n++] = groups[i];
		}
	}
	p->groups.n = n;
}

static int
load(struct vz_peers *p, const char *path, vz_line_fn *report, void *arg)
{
	struct vz_lines lines;
	const char *s;
	size_t len;
	int err = vz_lines_load(&lines, path);

	if (err == VZ_ENOTFOUND)
		err = 0;
	else if (!err) {
		p->arena = malloc(lines.text.len + 1);
		if (!p->arena)
			err = VZ_ENOMEM;
		while (!err && vz_lines_next(&lines, &s, &len))
			err = add_line(p, s, len, lines.number, report, arg);
	}
	vz_lines_free(&lines);
	return err;
}

int
vz_peers_load(const char *path, vz_line_fn *report, void *arg, struct vz_peers **out)
{
	struct vz_peers *p = calloc(1, sizeof(*p));
	int err;

	*out = NULL;
	if (!p)
		return VZ_ENOMEM;
	err = load(p, path, report, arg);
	if (err) {
		vz_peers_free(p);
		return err;
	}
	settle(p, report, arg);
	*out = p;
	return 0;
}

void
vz_peers_free(struct vz_peers *p)
{
	if (!p)
		return;
	free(p->peers.items);
	free(p->groups.items);
	free(p->arena);
	free(p);
}

static int
is_peer(const void *name, const void *item)
{
	return strcmp(name, ((const struct peer *)item)->name);
}

static int
is_group(const void *name, const void *item)
{
	return strcmp(name, ((const struct group *)item)->name);
}

int
vz_peers_lookup(void *arg, const char *name, size_t len, const char **text)
{
	const struct vz_peers *p = arg;
	const struct peer *found = NULL;
	char key[NAME_ROOM];

	*text = NULL;
	if (len >= sizeof(key))
		return VZ_ENOTFOUND;
	memcpy(key, name, len);
	key[len] = '\0';
	if (p->peers.n > 0)
		found = bsearch(key, p->peers.items, p->peers.n, sizeof(*found), is_peer);
	if (!found)
		return VZ_ENOTFOUND;
	*text = found->address;
	return 0;
}

const char *
vz_peers_group(const struct vz_peers *p, const char *group, size_t i, bool *known)
{
	const struct group *g = NULL;
	const char *member;

	if (p->groups.n > 0)
		g = bsearch(group, p->groups.items, p->groups.n, sizeof(*g), is_group);
	*known = g != NULL;
	if (!g || i >= g->count)
		return NULL;
	for (member = g->members; i > 0; i--)
		member += strlen(member) + 1;
	return member;
}
