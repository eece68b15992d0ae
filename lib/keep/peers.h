/*
 * The peers file: NAME ADDRESS and @GROUP = NAME... lines (DESIGN 4).
 */
#ifndef VZ_KEEP_PEERS_H
#define VZ_KEEP_PEERS_H

#include "id/address.h"

struct vz_peers;

/* Called for each bad line (1-based) with static words. */
typedef void vz_line_fn(void *arg, unsigned line, const char *what);

/*
 * Loads the file (VZ_FS_TRUSTED, at most 1 MiB, lines at most 4 KiB). A missing file is an empty
 * one. Bad lines are reported and skipped. VZ_EMODE, VZ_ELIMIT, VZ_EFORMAT (NUL), VZ_ESYSTEM,
 * VZ_ENOMEM.
 */
int vz_peers_load(const char *path, vz_line_fn *report, void *arg, struct vz_peers **out);
void vz_peers_free(struct vz_peers *p);
/* A vz_lookup_fn over it; arg is the struct vz_peers. */
int vz_peers_lookup(void *arg, const char *name, size_t len, const char **text);
/* The i-th member's name of @GROUP (without the @), or NULL past the end; *known says the group
 * exists. */
const char *vz_peers_group(const struct vz_peers *p, const char *group, size_t i, bool *known);

#endif
