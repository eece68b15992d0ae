/*
 * Where vz keeps things (DESIGN 4, vz(7) FILES). The environment comes in as values.
 */
#ifndef VZ_KEEP_PATHS_H
#define VZ_KEEP_PATHS_H

#include <stddef.h>

/* What main reads from the environment; NULL where unset. */
struct vz_paths_env {
	const char *vz_identity;             /* VZ_IDENTITY */
	const char *credentials_directory;   /* CREDENTIALS_DIRECTORY */
	const char *configuration_directory; /* CONFIGURATION_DIRECTORY */
	const char *xdg_config_home, *xdg_state_home, *home;
};

/*
 * The identity file to use: `option` (from -i), VZ_IDENTITY, CREDENTIALS_DIRECTORY/vz-identity,
 * XDG_CONFIG_HOME/vz/identity (default HOME/.config), /etc/vz/identity: a named one as it is, else
 * the first that exists, else the user's own place. VZ_ELIMIT when too long, VZ_ENOTFOUND with no
 * HOME.
 */
int vz_paths_identity(const struct vz_paths_env *env, const char *option, char *out, size_t cap);
/* Where vz-keygen makes one: as above without looking for what exists. */
int
vz_paths_new_identity(const struct vz_paths_env *env, const char *option, char *out, size_t cap);
/*
 * The path whose folder the lists of `identity`, as found above, are in, for vz_paths_beside:
 * itself. But a credential is a copy that nobody changes while a service runs; its lists are in the
 * first folder of CONFIGURATION_DIRECTORY, or in /etc/vz. VZ_ELIMIT.
 */
int vz_paths_lists(const struct vz_paths_env *env, const char *identity, char *out, size_t cap);
/* `name` ("peers", "authorized", "revoked") in the folder of such a path. */
int vz_paths_beside(const char *identity, const char *name, char *out, size_t cap);
/* The state folder: `option` (from --state), XDG_STATE_HOME/vz, HOME/.local/state/vz. */
int vz_paths_state(const struct vz_paths_env *env, const char *option, char *out, size_t cap);

#endif
