/*
 * Landlock by raw system calls: libc has no wrappers, and headers older than the kernel lack most.
 * For guard/sandbox only.
 */
#ifndef VZ_GUARD_LANDLOCK_H
#define VZ_GUARD_LANDLOCK_H

#include "guard/sandbox.h"

/* The version of the kernel's interface; 0 = none, or switched off. */
int vz_landlock_abi(void);
/* From here on only what s leaves, as far as this version knows it. no_new_privs is set.
 * VZ_ESYSTEM.
 */
int vz_landlock_close(const struct vz_sandbox *s, int abi);

#endif
