#include "cmd/vz-listen/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/env.h"
#include "cmd/common/exit.h"
#include "cmd/serve/user.h"
#include "flow/handler_env.h"
#include "flow/starter.h"
#include "guard/acl.h"
#include "guard/sandbox.h"
#include "keep/paths.h"

static bool
same_words(char *const *a, char *const *b)
{
	for (; *a != NULL && *b != NULL; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return *a == *b;
}

/* Our own environment in its order, less what is dropped, and what a handler may be told. */
static bool
may_have(char *const envp[])
{
	char *const *ours = environ;

	for (; *envp != NULL; envp++) {
		if (vz_handler_env_adds(*envp))
			continue;
		while (*ours != NULL && strcmp(*ours, *envp) != 0)
			ours++;
		if (*ours == NULL || vz_handler_env_drops(*ours))
			return false;
		ours++;
	}
	return true;
}

/* The same place as rights_authorized_path, for one who has loaded nothing. */
static bool
authorized_path(const struct listen_options *o, char *path, size_t cap)
{
	char identity[4096], lists[4096];

	if (o->serve.authorized)
		return strlcpy(path, o->serve.authorized, cap) < cap;
	return o->serve.allowed == 0 && !o->serve.allow_any &&
	    vz_paths_identity(env_paths(), o->common.identity, identity, sizeof(identity)) == 0 &&
	    vz_paths_lists(env_paths(), identity, lists, sizeof(lists)) == 0 &&
	    vz_paths_beside(lists, "authorized", path, cap) == 0;
}

static void
no_report(void *arg, unsigned line, const char *what)
{
	(void)arg;
	(void)line;
	(void)what;
}

/* Read each time: a line that is gone allows nothing, and few files have any. */
static bool
is_authorized(const struct listen_options *o, char *const argv[])
{
	char path[4096];
	struct vz_acl *acl;
	bool found;

	if (o->how != HOW_COMMAND || !authorized_path(o, path, sizeof(path)) ||
	    (acl = vz_acl_new()) == NULL)
		return false;
	found = vz_acl_load(acl, path, no_report, NULL) == 0 && vz_acl_has_command(acl, argv);
	vz_acl_free(acl);
	return found;
}

static int
permit(void *arg, char *const argv[], char *const envp[])
{
	const struct server *srv = arg;
	const struct listen_options *o = srv->options;

	if (!may_have(envp) || !(same_words(argv, o->command) || is_authorized(o, argv)))
		return EPERM;
	return 0;
}

/*
 * It has no sandbox. Seccomp, Landlock and no_new_privs, and a limit of 0 on core dumps, are handed
 * on to what is executed, and a command may be any program: one that makes sockets, mounts, traces
 * its children, or is setuid. So that each call that could be taken away here is somebody's. What
 * it has is that it hears nobody but us, runs only what `permit` lets pass, and holds no secret;
 * and the one layer that ends with an exec.
 */
static int
enter(void *arg)
{
	const struct server *srv = arg;

	if (user_drop(&srv->user) != 0)
		return errno ? errno : EPERM;
	if (srv->options->common.sandbox != SANDBOX_OFF)
		vz_sandbox_hide();
	return 0;
}

void
commands_split(struct server *srv)
{
	static struct vz_starter_config config = {.enter = enter, .permit = permit};
	int r;

	if (!srv->options->command)
		return;
	config.arg = srv;
	r = vz_starter_split(&config, &srv->starter);
	if (r == 0)
		return;
	diag_error("cannot split off what starts commands: %s", diag_words(r));
	exit(VZ_EXIT_OSERR);
}

void
commands_check(struct server *srv)
{
	if (!srv->starter || srv->stopping || !vz_starter_is_gone(srv->starter))
		return;
	diag_error("the process that starts commands is gone: stopping");
	server_stop(srv, VZ_EXIT_OSERR);
}
