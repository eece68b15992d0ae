#include "cmd/vz-send/dest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "id/typo.h"
#include "keep/paths.h"

struct parser {
	const struct self *me;
	struct vz_peers *peers; /* once needed */
	struct dests *out;
	size_t used; /* of out->text */
};

static const struct vz_peers *
peers_of(struct parser *p)
{
	if (!p->peers)
		p->peers = self_peers(p->me);
	return p->peers;
}

static int
look_up(void *arg, const char *name, size_t len, const char **text)
{
	struct parser *p = arg;

	(void)peers_of(p);
	return vz_peers_lookup(p->peers, name, len, text);
}

_Noreturn static void
no_memory(void)
{
	diag_error("%s", diag_words(VZ_ENOMEM));
	exit(VZ_EXIT_OSERR);
}

static void
hint_name(const struct parser *p, const char *text)
{
	char path[sizeof(p->me->lists_path) + 16], shown[1024];

	if (access(text, F_OK) == 0)
		diag_hint("DEST comes first, and then FILE: %s is a file here",
		    diag_escape(shown, sizeof(shown), text, strlen(text)));
	else if (strchr(text, '@'))
		diag_hint("what is after @ is HOST:PORT, or the name of a relay in peers");
	else if (vz_paths_beside(p->me->lists_path, "peers", path, sizeof(path)) == 0)
		diag_hint("a full address is vz1KEY@HOST:PORT; names are in %s",
		    diag_escape(shown, sizeof(shown), path, strlen(path)));
}

_Noreturn static void
explain(struct parser *p, const char *text, int err, const char *why)
{
	char shown[512], typo[VZ_TYPO_WORDS];
	const char *colon = *vz_address_typo(text, strlen(text), look_up, p, typo) ? ": " : "";

	diag_escape(shown, sizeof(shown), text, strlen(text));
	switch (err) {
	case VZ_ENOTFOUND:
		diag_error("%s: no such name in peers", shown);
		hint_name(p, text);
		exit(VZ_EXIT_NOHOST);
	case VZ_EAUTH: diag_usage("%s: not a key: mistyped or cut%s%s", shown, colon, typo);
	case VZ_ENOMEM: no_memory();
	default: diag_usage("%s: %s%s%s", shown, why ? why : "not an address", colon, typo);
	}
}

static bool
same(const struct vz_address *a, const struct vz_address *b)
{
	return vz_key_equal(&a->key, &b->key) && a->relayed == b->relayed &&
	    (!a->relayed || vz_key_equal(&a->relay_key, &b->relay_key)) &&
	    a->at.kind == b->at.kind && strcmp(a->at.host, b->at.host) == 0 &&
	    a->at.port == b->at.port && strcmp(a->at.path, b->at.path) == 0;
}

static char *
keep_text(struct parser *p, const char *text, size_t len)
{
	char *to = p->out->text + p->used;

	memcpy(to, text, len);
	to[len] = '\0';
	p->used += len + 1;
	return to;
}

static void
add(struct parser *p, const char *text, size_t len)
{
	struct dests *out = p->out;
	struct dest *d = &out->dest[out->n];
	const char *why = NULL;
	size_t used = p->used;
	int err;

	if (out->n == DEST_MAX)
		diag_usage("more than %d destinations", DEST_MAX);
	d->text = keep_text(p, text, len);
	err = vz_address_parse(text, len, look_up, p, &d->to, &why);
	if (err)
		explain(p, d->text, err, why);
	for (size_t i = 0; i < out->n; i++)
		if (same(&out->dest[i].to, &d->to)) {
			p->used = used;
			return;
		}
	out->n++;
}

static void
add_group(struct parser *p, const char *text, size_t len)
{
	const char *group = keep_text(p, text, len) + 1;
	const struct vz_peers *peers = peers_of(p);
	const char *member;
	char shown[512];
	bool known;

	for (size_t i = 0; (member = vz_peers_group(peers, group, i, &known)) != NULL; i++)
		add(p, member, strlen(member));
	if (known)
		return;
	diag_error("%s: no such group in peers", diag_escape(shown, sizeof(shown), text, len));
	exit(VZ_EXIT_NOHOST);
}

/* A group's members are words of a file of at most 1 MiB; the rest is the command line. */
void
dests_parse(const struct self *me, const char *text, struct dests *out)
{
	struct parser p = {.me = me, .out = out};
	size_t len;

	out->n = 0;
	out->text = malloc(strlen(text) + 2 + (DEST_MAX + 1) * 64);
	out->dest = calloc(DEST_MAX + 1, sizeof(*out->dest));
	if (!out->text || !out->dest)
		no_memory();
	for (;; text += len + 1) {
		len = strcspn(text, ",");
		if (len == 0)
			diag_usage("an empty destination");
		if (*text == '@')
			add_group(&p, text, len);
		else
			add(&p, text, len);
		if (text[len] == '\0')
			break;
	}
	vz_peers_free(p.peers);
	if (out->n == 0)
		diag_usage("no destination in that group");
}

void
dests_free(struct dests *d)
{
	free(d->dest);
	d->dest = NULL;
}
