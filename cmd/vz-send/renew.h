/*
 * A connection that has become old is left for another one (DESIGN 5): after an hour, or 256 GiB.
 * The other one is made first. Where nobody takes it the old one goes on, and it is tried again
 * later; so nothing but a break can break anything.
 */
#ifndef VZ_SEND_RENEW_H
#define VZ_SEND_RENEW_H

#include "cmd/vz-send/link.h"

/* For one connection: ms, 10 % more or less, so that many who began together do not stay so. */
uint64_t renew_after(uint64_t ms);
/* k's connection is old. */
void renew_begin(struct link *k);
/*
 * What renew_begin dialled is there (fd >= 0) or not (err, sys_errno). True: the old connection is
 * left, and k->session is to go on over fd. False: all is done.
 */
bool renew_dialled(struct link *k, int fd, int err, int sys_errno);
/* READY has come: true when it is that of a renewal, which is complete. */
bool renew_over(struct link *k);
/* Nothing comes of it any more. */
void renew_stop(struct link *k);

#endif
