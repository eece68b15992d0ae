#include "keep/paths.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fsutil.h"

/* The Makefile's SYSCONFDIR. */
#ifndef VZ_SYSCONFDIR
#define VZ_SYSCONFDIR "/etc"
#endif
#define SYSTEM_IDENTITY VZ_SYSCONFDIR "/vz/identity"
#define CREDENTIAL      "/vz-identity"

static int
put(char *out, size_t cap, const char *a, const char *b)
{
	int n = snprintf(out, cap, "%s%s", a, b);

	return n >= 0 && (size_t)n < cap ? 0 : VZ_ELIMIT;
}

/* The XDG base directory specification: a relative path there counts as unset. */
static const char *
absolute(const char *path)
{
	return path && path[0] == '/' ? path : NULL;
}

/* BASE/rest, where BASE is the XDG folder or the one in HOME that stands for it. */
static int
in_base(
    const char *xdg, const char *home, const char *in_home, const char *rest, char *out, size_t cap)
{
	char base[4096];

	if (absolute(xdg))
		return put(out, cap, xdg, rest);
	if (!absolute(home))
		return VZ_ENOTFOUND;
	if (put(base, sizeof(base), home, in_home) != 0)
		return VZ_ELIMIT;
	return put(out, cap, base, rest);
}

static int
own_identity(const struct vz_paths_env *env, char *out, size_t cap)
{
	return in_base(env->xdg_config_home, env->home, "/.config", "/vz/identity", out, cap);
}

static bool
exists(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW | AT_EACCESS) == 0;
}

int
vz_paths_identity(const struct vz_paths_env *env, const char *option, char *out, size_t cap)
{
	int err;

	if (option || env->vz_identity)
		return put(out, cap, option ? option : env->vz_identity, "");
	if (absolute(env->credentials_directory)) {
		err = put(out, cap, env->credentials_directory, CREDENTIAL);
		if (err || exists(out))
			return err;
	}
	err = own_identity(env, out, cap);
	if (err == VZ_ELIMIT || (err == 0 && exists(out)))
		return err;
	/* The system's counts for those who may read it: others have to make their own. */
	if (faccessat(AT_FDCWD, SYSTEM_IDENTITY, R_OK, AT_EACCESS) == 0)
		return put(out, cap, SYSTEM_IDENTITY, "");
	return err;
}

int
vz_paths_new_identity(const struct vz_paths_env *env, const char *option, char *out, size_t cap)
{
	if (option || env->vz_identity)
		return put(out, cap, option ? option : env->vz_identity, "");
	return own_identity(env, out, cap);
}

static bool
is_credential(const struct vz_paths_env *env, const char *identity)
{
	const char *dir = absolute(env->credentials_directory);
	size_t n = dir ? strlen(dir) : 0;

	return dir && strncmp(identity, dir, n) == 0 && strcmp(identity + n, CREDENTIAL) == 0;
}

int
vz_paths_lists(const struct vz_paths_env *env, const char *identity, char *out, size_t cap)
{
	const char *dir = absolute(env->configuration_directory);
	int n;

	if (!is_credential(env, identity))
		return put(out, cap, identity, "");
	if (!dir)
		return put(out, cap, SYSTEM_IDENTITY, "");
	n = snprintf(out, cap, "%.*s/identity", (int)strcspn(dir, ":"), dir);
	return n >= 0 && (size_t)n < cap ? 0 : VZ_ELIMIT;
}

int
vz_paths_beside(const char *identity, const char *name, char *out, size_t cap)
{
	const char *slash = strrchr(identity, '/');
	int n;

	if (!slash)
		return put(out, cap, name, "");
	n = snprintf(out, cap, "%.*s/%s", (int)(slash - identity), identity, name);
	return n >= 0 && (size_t)n < cap ? 0 : VZ_ELIMIT;
}

int
vz_paths_state(const struct vz_paths_env *env, const char *option, char *out, size_t cap)
{
	if (option)
		return put(out, cap, option, "");
	return in_base(env->xdg_state_home, env->home, "/.local/state", "/vz", out, cap);
}
