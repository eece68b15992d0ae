#include "cmd/common/introduce.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/trust.h"

/* Where a listener or relay looks when it is told nothing else. */
#define AUTHORIZED "~/.config/vz/authorized"

const char *
introduce_name(const char *comment, char out[static INTRODUCE_NAME])
{
	const char *user = env_user();
	struct utsname host;

	strlcpy(out, *comment ? comment : user ? user : "", INTRODUCE_NAME);
	if (!*comment && uname(&host) == 0 && host.nodename[0]) {
		strlcat(out, *out ? "@" : "", INTRODUCE_NAME);
		strlcat(out, host.nodename, INTRODUCE_NAME);
	}
	for (char *c = out; *c; c++)
		if (!isascii((unsigned char)*c) ||
		    (!isalnum((unsigned char)*c) && !strchr("._@-", *c)))
			*c = '_';
	return out;
}

const char *
introduce_line(const struct vz_identity *id, char out[static INTRODUCE_LINE])
{
	char key[VZ_KEY_TEXT], name[INTRODUCE_NAME];

	vz_key_format(&id->bundle.identity, key);
	introduce_name(id->comment, name);
	snprintf(out, INTRODUCE_LINE, "%s%s%s", key, *name ? " " : "", name);
	return out;
}

void
introduce_to_listener(const struct self *me, const char *words)
{
	char line[INTRODUCE_LINE], key[VZ_KEY_TEXT];

	if (trust_hint_told(words))
		return;
	vz_key_format(&me->identity->bundle.identity, key);
	diag_hint("to be let in, have this line added to " AUTHORIZED " there: %s",
	    introduce_line(me->identity, line));
	diag_hint("or, where vz-listen runs with --allow, have this added: --allow %s", key);
}

void
introduce_right(const struct self *me, const char *right)
{
	char line[INTRODUCE_LINE];

	diag_hint("its owner has to add the right %s to this host's line in " AUTHORIZED
		  " there, which then is: send,ask %s",
	    right, introduce_line(me->identity, line));
}

/* The relay knows the key, and its line lacks just this. */
static bool
is_listed(const char *words)
{
	return strncmp(words, "this key may not ", strlen("this key may not ")) == 0;
}

void
introduce_to_relay(const struct self *me, const char *right, const char *words)
{
	char line[INTRODUCE_LINE];

	if (trust_hint_told(words))
		return;
	introduce_line(me->identity, line);
	if (is_listed(words))
		diag_hint("its operator has to add the right %s to this host's line in the relay's "
			  "authorized file, that of %s",
		    right, line);
	else
		diag_hint("its operator has to add this line to the relay's authorized file: %s %s",
		    right, line);
}
