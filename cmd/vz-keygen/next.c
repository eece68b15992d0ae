#include "cmd/vz-keygen/keygen.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "cmd/common/diag.h"
#include "id/address.h"

/* Enough for -f and its name, each quote written as four bytes. */
#define AS_WHO (4 * 4096 + 16)

/* " -i 'FILE'" for a shell, where it is not the one that is found by itself. False: it has no way
 * there. */
static bool
as_who(const struct keygen *k, char out[static AS_WHO])
{
	char shown[AS_WHO], *p = out;

	*p = '\0';
	if (!k->common.identity)
		return true;
	/* Neither a terminal nor who reads it is to meet more than a name. */
	if (strcmp(diag_escape(shown, sizeof(shown), k->path, strlen(k->path)), k->path) != 0)
		return false;
	p = stpcpy(p, " -i '");
	for (const char *c = k->path; *c; c++) {
		if (*c == '\'')
			p = stpcpy(p, "'\\");
		*p++ = *c;
		if (*c == '\'')
			*p++ = '\'';
	}
	strcpy(p, "'");
	return true;
}

/* A script that takes the key from standard output wants no more. */
void
keygen_tell_next(const struct keygen *k, const char *key)
{
	struct utsname host;
	char who[AS_WHO];

	if (diag_is_json() || !isatty(STDOUT_FILENO) || !isatty(STDERR_FILENO) || !as_who(k, who))
		return;
	if (uname(&host) != 0 || !vz_peer_name_ok(host.nodename, strlen(host.nodename)))
		strcpy(host.nodename, "HOST");
	diag_hint("to send from here, have the other host run: vz-listen --allow %s '*:4433'", key);
	diag_hint("to receive here, run: vz-listen%s --allow KEY '*:4433'; others send to "
		  "%s@%s:4433",
	    who, key, host.nodename);
}
