/*
 * The seccomp filters, made when the tree is built (scripts/dev/filters.c). For guard/sandbox only.
 */
#ifndef VZ_GUARD_SECCOMP_H
#define VZ_GUARD_SECCOMP_H

#include "guard/sandbox.h"

/*
 * Loads it: what it does not name fails with EPERM, and execve, ptrace and reaching into other
 * processes kill. no_new_privs is set. *instructions is its length. VZ_ENOTFOUND: this build has
 * none; VZ_ESYSTEM.
 */
int vz_seccomp_load(enum vz_sandbox_filter filter, unsigned *instructions);

#endif
