/*
 * The other side has proved who it is, and takes its time to let us in: it may be asking its owner
 * (vz-listen --ask), and so we say what is waited for.
 */
#ifndef VZ_SEND_PATIENCE_H
#define VZ_SEND_PATIENCE_H

struct link;

#define PATIENCE_MS 2000 /* before that is said */

void patience_begin(struct link *k);
/* It let us in, or is gone. */
void patience_end(struct link *k);

#endif
