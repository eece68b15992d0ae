#include "cmd/common/sandbox.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

static const char *const layers[VZ_LAYERS] = {
    [VZ_LAYER_CORE] = "no core dumps",
    [VZ_LAYER_PRIVILEGES] = "no new privileges",
    [VZ_LAYER_LANDLOCK] = "Landlock",
    [VZ_LAYER_SECCOMP] = "seccomp",
};

_Noreturn static void
no_memory(void)
{
	diag_error("%s", diag_words(VZ_ENOMEM));
	exit(VZ_EXIT_OSERR);
}

void
sandbox_path(struct vz_sandbox *s, const char *path, unsigned access)
{
	if (vz_sandbox_path(s, path, access) < 0)
		no_memory();
}

void
sandbox_port(struct vz_sandbox *s, uint16_t port)
{
	if (vz_sandbox_port(s, port) < 0)
		no_memory();
}

static void
keep_folder(struct vz_sandbox *s, const char *file, unsigned access)
{
	char dir[PATH_MAX];
	const char *base;

	if (vz_fs_split(file, dir, sizeof(dir), &base) < 0)
		return; /* nobody can open it either */
	sandbox_path(s, dir, access);
}

void
sandbox_folder_of(struct vz_sandbox *s, const char *file, unsigned access)
{
	char *target = realpath(file, NULL);

	keep_folder(s, file, access);
	if (target)
		keep_folder(s, target, access);
	free(target);
}

void
sandbox_begin(const struct common *options, struct vz_sandbox_state *state)
{
	*state = (struct vz_sandbox_state){0};
	if (options->sandbox != SANDBOX_OFF)
		vz_sandbox_begin(state);
}

/* What this version of Landlock covers. */
static const char *
covered(const struct vz_sandbox_state *state)
{
	return state->signals      ? "files, TCP, signals"
	    : state->landlock >= 4 ? "files, TCP"
				   : "files";
}

static void
tell_words(const struct vz_sandbox_state *state)
{
	char line[256], more[64];

	snprintf(line, sizeof(line), "sandbox:");
	for (size_t i = 0; i < VZ_LAYERS; i++) {
		if (state->missing[i])
			continue;
		more[0] = '\0';
		if (i == VZ_LAYER_LANDLOCK)
			snprintf(more, sizeof(more), " version %d (%s)", state->landlock,
			    covered(state));
		if (i == VZ_LAYER_SECCOMP)
			snprintf(more, sizeof(more), " (%u instructions)", state->filter);
		strlcat(line, line[8] ? ", " : " ", sizeof(line));
		strlcat(line, layers[i], sizeof(line));
		strlcat(line, more, sizeof(line));
	}
	diag_verbose(1, "%s", line[8] ? line : "sandbox: nothing is in force");
	for (size_t i = 0; i < VZ_LAYERS; i++)
		if (state->missing[i])
			diag_verbose(1, "sandbox: %s: missing: %s", layers[i], state->missing[i]);
}

static void
tell_event(const struct common *options, const struct vz_sandbox_state *state)
{
	struct vz_json *j = diag_event("sandbox");
	bool off = options->sandbox == SANDBOX_OFF;

	vz_json_str(j, "mode",
	    off                                       ? "off"
		: options->sandbox == SANDBOX_REQUIRE ? "require"
						      : "auto");
	vz_json_bool(j, "no_core_dumps", !off && !state->missing[VZ_LAYER_CORE]);
	vz_json_bool(j, "no_new_privileges", !off && !state->missing[VZ_LAYER_PRIVILEGES]);
	vz_json_u64(j, "landlock", (uint64_t)state->landlock);
	vz_json_bool(j, "seccomp", !off && !state->missing[VZ_LAYER_SECCOMP]);
	diag_event_end(j);
}

int
sandbox_close(const struct common *options, struct vz_sandbox *s, struct vz_sandbox_state *state)
{
	int status = 0;

	if (options->sandbox != SANDBOX_OFF)
		vz_sandbox_close(s, state);
	vz_sandbox_free(s);
	tell_event(options, state);
	if (options->sandbox == SANDBOX_OFF)
		diag_verbose(1, "sandbox: off");
	else if (!diag_is_json())
		tell_words(state);
	if (options->sandbox != SANDBOX_REQUIRE)
		return 0;
	for (size_t i = 0; i < VZ_LAYERS; i++)
		if (state->missing[i]) {
			diag_error(
			    "--sandbox=require: %s: missing: %s", layers[i], state->missing[i]);
			status = VZ_EXIT_OSERR;
		}
	return status;
}

void
sandbox_of_names(void)
{
	struct vz_sandbox s = {0};
	struct vz_sandbox_state state;

	/* A layer that is missing here is missing in us too, and is told there. */
	if (vz_sandbox_names(&s) < 0)
		_exit(VZ_EXIT_OSERR);
	vz_sandbox_begin(&state);
	vz_sandbox_close(&s, &state);
	vz_sandbox_free(&s);
}
