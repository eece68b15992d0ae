/*
 * What a sender keeps when it closes its sandbox: the state folder, the files that it was told to
 * send, the ports of its destinations, and somebody who looks their names up.
 */
#ifndef VZ_SEND_CLOSING_H
#define VZ_SEND_CLOSING_H

#include "cmd/common/self.h"
#include "cmd/vz-send/send.h"

/* Closes it, after all that is opened and before anybody is called. 0, or the exit status. */
int closing(struct run *r);
/* The same for --check: one destination and nothing to send. */
int closing_check(struct link *k, struct self *me, struct vz_sandbox_state *layers);

#endif
