#include "guard/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "base/err.h"
#include "guard/landlock.h"
#include "guard/seccomp.h"

/* A sanitizer looks at our own process by means that are taken away here. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#define DNS 53

static const char not_here[] = "not on this system";
static const char not_closed[] = "not closed yet";
static const char sanitized[] = "built with a sanitizer";

int
vz_sandbox_path(struct vz_sandbox *s, const char *path, unsigned access)
{
	if (s->n_paths == s->cap_paths) {
		size_t cap = s->cap_paths ? 2 * s->cap_paths : 16;
		struct vz_sandbox_path *more = reallocarray(s->paths, cap, sizeof(*more));

		if (more == NULL)
			return VZ_ENOMEM;
		s->paths = more;
		s->cap_paths = cap;
	}
	s->paths[s->n_paths] = (struct vz_sandbox_path){strdup(path), access};
	if (s->paths[s->n_paths].path == NULL)
		return VZ_ENOMEM;
	s->n_paths++;
	return 0;
}

int
vz_sandbox_port(struct vz_sandbox *s, uint16_t port)
{
	uint16_t *more = reallocarray(s->ports, s->n_ports + 1, sizeof(*more));

	if (more == NULL)
		return VZ_ENOMEM;
	s->ports = more;
	s->ports[s->n_ports++] = port;
	return 0;
}

/* nsswitch.conf(5), resolv.conf(5), hosts(5), gai.conf(5), caches, modules: a network manager
 * replaces some of them while we run, so that it is their folders. Daemons are asked by sockets,
 * which are none of Landlock's matters. */
int
vz_sandbox_names(struct vz_sandbox *s)
{
	static const char *const places[] = {"/etc", "/usr/lib", "/usr/lib64", "/usr/local/lib",
	    "/lib", "/lib64", "/nix/store", "/var/cache/nscd", "/var/lib/sss"};
	char *target = realpath("/etc/resolv.conf", NULL), *slash;
	int r = 0;

	s->filter = VZ_SANDBOX_NAMES;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && r == 0; i++)
		r = vz_sandbox_path(s, places[i], VZ_SANDBOX_READ);
	if (r == 0 && target != NULL && (slash = strrchr(target, '/')) != NULL && slash != target) {
		*slash = '\0';
		r = vz_sandbox_path(s, target, VZ_SANDBOX_READ);
	}
	free(target);
	return r == 0 ? vz_sandbox_port(s, DNS) : r;
}

void
vz_sandbox_free(struct vz_sandbox *s)
{
	for (size_t i = 0; i < s->n_paths; i++)
		free(s->paths[i].path);
	free(s->paths);
	free(s->ports);
	*s = (struct vz_sandbox){0};
}

/* Both: a limit of 0 does not hold where dumps go to a program, and only that is asked by tools. */
static const char *
no_core(void)
{
#ifdef __linux__
	struct rlimit none;

	if (SANITIZED)
		return sanitized;
	if (getrlimit(RLIMIT_CORE, &none) != 0)
		return not_here;
	none.rlim_cur = 0;
	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return not_here;
	return NULL;
#else
	return not_here;
#endif
}

static const char *
no_new_privileges(void)
{
#ifdef __linux__
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? NULL : not_here;
#else
	return not_here;
#endif
}

static const char *
landlock(const struct vz_sandbox *s, struct vz_sandbox_state *state)
{
	int abi;

	if (SANITIZED)
		return sanitized;
	abi = vz_landlock_abi();
	if (abi == 0)
		return "not in this kernel, or switched off";
	if (vz_landlock_close(s, abi) != 0)
		return "refused by the kernel";
	state->landlock = abi;
	state->signals = abi >= 6 && !s->signals;
	return NULL;
}

static const char *
seccomp(const struct vz_sandbox *s, struct vz_sandbox_state *state)
{
	if (SANITIZED)
		return sanitized;
	switch (vz_seccomp_load(s->filter, &state->filter)) {
	case 0: return NULL;
	case VZ_ENOTFOUND: return "left out of this build";
	default: return "refused by the kernel";
	}
}

void
vz_sandbox_begin(struct vz_sandbox_state *state)
{
	*state = (struct vz_sandbox_state){0};
	for (size_t i = 0; i < VZ_LAYERS; i++)
		state->missing[i] = not_closed;
	state->missing[VZ_LAYER_CORE] = no_core();
}

void
vz_sandbox_close(const struct vz_sandbox *s, struct vz_sandbox_state *state)
{
	const char *alone = "needs no_new_privs";
	const char **missing = state->missing;

	/* Again: becoming another user may have given dumps back. */
	if (missing[VZ_LAYER_CORE] == NULL)
		missing[VZ_LAYER_CORE] = no_core();
	missing[VZ_LAYER_PRIVILEGES] = no_new_privileges();
	if (missing[VZ_LAYER_PRIVILEGES] != NULL) {
		missing[VZ_LAYER_LANDLOCK] = missing[VZ_LAYER_SECCOMP] = alone;
		return;
	}
	/* seccomp last: it takes Landlock's own calls away. */
	missing[VZ_LAYER_LANDLOCK] = landlock(s, state);
	missing[VZ_LAYER_SECCOMP] = seccomp(s, state);
}

void
vz_sandbox_hide(void)
{
#ifdef __linux__
	/* execve(2) makes a process dumpable again. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}
