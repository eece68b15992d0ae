#include "flow/handler_env.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define ADDED 14

bool
vz_handler_env_drops(const char *entry)
{
	/* A name with its `=` is that name alone; without, all that begin so. */
	static const char *const dropped[] = {"VZ_", "LISTEN_", "NOTIFY_SOCKET=", "WATCHDOG_",
	    "CREDENTIALS_DIRECTORY=", "PROTO=", "TCP", "IPCREMOTE", "IPCLOCAL"};

	for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
		if (strncmp(entry, dropped[i], strlen(dropped[i])) == 0)
			return true;
	return false;
}

struct added {
	const char *name, *value;
};

static const char *
or_nothing(const char *s)
{
	return s == NULL ? "" : s;
}

static size_t
list(const struct vz_handler_facts *f, const char *attempt, struct added all[static ADDED])
{
	const struct added each[ADDED] = {
	    {"VZ_PEER", or_nothing(f->peer)},
	    {"VZ_PEER_NAME", or_nothing(f->peer_name)},
	    {"VZ_REMOTE", or_nothing(f->remote)},
	    {"VZ_MESSAGE_ID", or_nothing(f->message_id)},
	    {"VZ_MESSAGE_NAME", or_nothing(f->message_name)},
	    {"VZ_ATTEMPT", attempt},
	    {"VZ_SIGNED", f->is_signed},
	    {"VZ_MANIFEST_FD", f->manifest_fd},
	    {"PROTO", f->proto},
	    {"TCPREMOTEIP", f->remote_ip},
	    {"TCPREMOTEPORT", f->remote_port},
	    {"TCPLOCALIP", f->local_ip},
	    {"TCPLOCALPORT", f->local_port},
	    {"IPCREMOTEEUID", f->remote_euid},
	};
	size_t n = 0;

	for (size_t i = 0; i < ADDED; i++)
		if (each[i].value != NULL)
			all[n++] = each[i];
	return n;
}

bool
vz_handler_env_adds(const char *entry)
{
	static const struct vz_handler_facts any = {.is_signed = "",
	    .manifest_fd = "",
	    .proto = "",
	    .remote_ip = "",
	    .remote_port = "",
	    .local_ip = "",
	    .local_port = "",
	    .remote_euid = ""};
	struct added all[ADDED];
	size_t n = list(&any, "", all);

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(all[i].name);

		if (strncmp(entry, all[i].name, len) == 0 && entry[len] == '=')
			return true;
	}
	return false;
}

static char *
append(char *text, const char *s)
{
	size_t n = strlen(s);

	memcpy(text, s, n);
	return text + n;
}

int
vz_handler_env(char *const inherited[], const struct vz_handler_facts *facts, char ***out)
{
	struct added all[ADDED];
	char attempt[24], **env, *text;
	size_t n = 0, n_added = 0, bytes = 0, at = 0;

	*out = NULL;
	if (facts != NULL) {
		snprintf(attempt, sizeof(attempt), "%llu", (unsigned long long)facts->attempt);
		n_added = list(facts, attempt, all);
	}
	while (inherited[n] != NULL)
		n++;
	for (size_t i = 0; i < n_added; i++)
		bytes += strlen(all[i].name) + strlen(all[i].value) + 2;
	/* The pointers first, then the text of those that are added. */
	env = malloc((n + n_added + 1) * sizeof(*env) + bytes);
	if (env == NULL)
		return VZ_ENOMEM;
	text = (char *)(env + n + n_added + 1);
	for (size_t i = 0; i < n; i++)
		if (!vz_handler_env_drops(inherited[i]))
			env[at++] = inherited[i];
	for (size_t i = 0; i < n_added; i++) {
		env[at++] = text;
		text = append(append(append(text, all[i].name), "="), all[i].value);
		*text++ = '\0';
	}
	env[at] = NULL;
	*out = env;
	return 0;
}
