#include "cmd/serve/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/diag.h"

#define WORDS_SHOWN 1100

/* Who it is, for words: the name in the authorised file where there is one. */
const char *
report_peer(const struct caller *c)
{
	static char text[512];
	char name[300];

	if (!c->grant.name[0])
		return c->key_text;
	diag_escape(name, sizeof(name), c->grant.name, strlen(c->grant.name));
	snprintf(text, sizeof(text), "%s (%s)", c->key_text, name);
	return text;
}

struct vz_json *
report_event(const char *name, const struct caller *c)
{
	struct vz_json *j = diag_event(name);

	vz_json_str(j, "remote", c->remote);
	if (c->key_text[0]) {
		vz_json_str(j, "key", c->key_text);
		vz_json_str(j, "name", c->grant.name);
	}
	return j;
}

void
report_listening(const struct self *me, const struct vz_listener *l)
{
	char key[VZ_KEY_TEXT], address[VZ_KEY_TEXT + sizeof(l->text) + 1], text[1024];
	const char *port = strrchr(l->text, ':');
	struct vz_json *j;

	vz_key_format(&me->identity->bundle.identity, key);
	snprintf(address, sizeof(address), "%s@%s", key, l->text);
	if (diag_is_json()) {
		j = diag_event("listening");
		vz_json_str(j, "address", address);
		vz_json_bool(j, "loopback", l->loopback);
		diag_event_end(j);
		return;
	}
	diag_escape(text, sizeof(text), address, strlen(address));
	if (l->loopback && port)
		diag_verbose(0, "listening on %s (this host only; *:%s for all)", text, port + 1);
	else
		diag_verbose(0, "listening on %s%s", text,
		    l->wildcard ? " (all addresses; others call it by this host's name)" : "");
}

void
report_starved(int sys_errno)
{
	errno = sys_errno;
	diag_error("cannot accept connections for the moment: %s", diag_words(VZ_ESYSTEM));
}

void
report_accepted(const struct caller *c)
{
	if (diag_is_json())
		diag_event_end(report_event("accepted", c));
	else
		diag_verbose(1, "connection from %s", c->remote);
}

void
report_pushed_out(const struct caller *c)
{
	if (diag_is_json())
		diag_event_end(report_event("pushed-out", c));
	else
		diag_verbose(1, "%s: pushed out by newer connections", c->remote);
}

void
report_penalised(const struct caller *c, unsigned places)
{
	struct vz_json *j;

	if (!diag_is_json()) {
		diag_verbose(1, "%s: fails often; its source has %u place%s left for a while",
		    c->remote, places, places == 1 ? "" : "s");
		return;
	}
	j = report_event("penalised", c);
	vz_json_u64(j, "places", places);
	diag_event_end(j);
}

void
report_verdict(struct vz_json *j, int status, const void *text, size_t len)
{
	vz_json_u64(j, "status", (uint64_t)status);
	vz_json_bytes(j, "text", text, len);
	diag_event_end(j);
}

void
report_limited(const struct caller *c, const char *words)
{
	struct vz_json *j;

	if (!diag_is_json()) {
		diag_verbose(1, "%s from %s: %s", report_peer(c), c->remote, words);
		return;
	}
	j = report_event("limited", c);
	vz_json_str(j, "text", words);
	diag_event_end(j);
}

void
report_authenticated(const struct caller *c)
{
	if (diag_is_json())
		diag_event_end(report_event("authenticated", c));
	else
		diag_verbose(1, "%s: authenticated as %s", c->remote, report_peer(c));
}

void
report_refused(const struct caller *c, int status, const char *words)
{
	if (diag_is_json())
		report_verdict(report_event("refused", c), status, words, strlen(words));
	else
		diag_verbose(0, "refused: %s from %s: %s", report_peer(c), c->remote, words);
}

void
report_memory_failed(const struct caller *c, const char *state_dir, int err)
{
	char dir[512];

	diag_error("%s: cannot remember the serial of %s: %s",
	    diag_escape(dir, sizeof(dir), state_dir, strlen(state_dir)), c->key_text,
	    diag_words(err));
}

void
report_goodbye(const struct caller *c, int status, const uint8_t *text, size_t len)
{
	char words[WORDS_SHOWN];

	if (diag_is_json())
		report_verdict(report_event("goodbye", c), status, text, len);
	else if (status != 0)
		diag_verbose(1, "%s: left with status %d: %s", report_peer(c), status,
		    diag_escape(words, sizeof(words), text, len));
}
