/*
 * The memory of bundle serials (DESIGN 4): the highest serial seen per identity and the hash of
 * that bundle. Kept under a lock in the state folder, at most VZ_SERIALS_MAX entries, never
 * evicted, written only on change.
 */
#ifndef VZ_KEEP_SERIALS_H
#define VZ_KEEP_SERIALS_H

#include "id/identity.h"

#define VZ_SERIALS_MAX 65536

/*
 * Compares a verified bundle with what is remembered, without changing it: 0 when it is new or
 * equal, VZ_EROLLBACK (lower serial), VZ_ECLASH (same serial, other bytes), VZ_EFORMAT (file
 * damaged), VZ_EMODE, VZ_ESYSTEM. `dir` is the state folder; a missing file remembers nothing.
 */
int vz_serials_check(const char *dir, const struct vz_bundle *bundle);
/* As above and remembers it, made durable before 0 is returned. Also VZ_EFULL. Makes dir (0700)
 * when missing. */
int vz_serials_raise(const char *dir, const struct vz_bundle *bundle);

#endif
