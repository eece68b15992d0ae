/*
 * Why a host was not reached (net/dial.h), in words and as an exit status.
 */
#ifndef VZ_CMD_REACH_H
#define VZ_CMD_REACH_H

#include "net/dial.h"

/* Lower case, without the host; valid until the next call of this or of diag_words. */
const char *reach_words(int err, int sys_errno, enum vz_dial_step step);
int reach_status(int err, int sys_errno);
/* What the user could look at; NULL = nothing comes to mind. program: what should be running there.
 * family: of -4 and -6. Valid until the next call. */
const char *
reach_hint(int err, int sys_errno, enum vz_dial_step step, const char *program, int family);

#endif
