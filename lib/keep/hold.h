/*
 * Who delivers the mail of an identity: one program at a time, of all that share a state folder.
 * Two that did so together would both find the same message new. `mail.lock` in that folder is
 * locked by the kernel, so that nothing is left of whoever is killed.
 */
#ifndef VZ_KEEP_HOLD_H
#define VZ_KEEP_HOLD_H

#include <stdint.h>

#include "id/key.h"

struct vz_hold {
	int fd;
	uint64_t at;    /* which byte of the file is the identity's */
	unsigned times; /* that it was taken here */
};

#define VZ_HOLD_NONE ((struct vz_hold){.fd = -1})

/* In a folder that is there. VZ_ESYSTEM. */
int vz_hold_open(struct vz_hold *h, const char *dir);
/* Keeps errno; what was taken is given back. */
void vz_hold_close(struct vz_hold *h);
/* 0: ours, until it is given back as often as it was taken. VZ_EEXISTS: somebody else's for now, or
 * that of another identity here. VZ_ESYSTEM. */
int vz_hold_take(struct vz_hold *h, const struct vz_key *self);
void vz_hold_give_back(struct vz_hold *h);

#endif
