/*
 * --sandbox: closing it, and saying what is in force (vz.7, SANDBOX).
 */
#ifndef VZ_CMD_SANDBOX_H
#define VZ_CMD_SANDBOX_H

#include "cmd/common/options.h"
#include "guard/sandbox.h"

/* Before the first secret is read. */
void sandbox_begin(const struct common *options, struct vz_sandbox_state *state);
/*
 * Closes it, unless it is off, and says at -v and as the event `sandbox` what holds. 0, or 71 when
 * a layer is missing that is required, and that was said. s is freed.
 */
int
sandbox_close(const struct common *options, struct vz_sandbox *s, struct vz_sandbox_state *state);
/* vz_sandbox_path and vz_sandbox_port, or the end of the program: 71. */
void sandbox_path(struct vz_sandbox *s, const char *path, unsigned access);
void sandbox_port(struct vz_sandbox *s, uint16_t port);
/*
 * The folder that a file is in, and when the file is a link, the one that its target is in: files
 * that are replaced by renaming are other files afterwards.
 */
void sandbox_folder_of(struct vz_sandbox *s, const char *file, unsigned access);
/* In the process that looks names up (net/resolver.h), once it has forgotten what it is not to
 * know. Ends that process when it cannot be. */
void sandbox_of_names(void);

#endif
