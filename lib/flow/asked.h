/*
 * The messages that a coprocess has and has not answered, by number and by age. For flow/coproc.
 */
#ifndef VZ_FLOW_ASKED_H
#define VZ_FLOW_ASKED_H

#include <stdbool.h>
#include <stdint.h>

/* One of them, or a place for one. */
struct vz_asked {
	uint64_t number; /* used once; number % places is its place */
	uint64_t at;     /* loop time */
	uint64_t known;  /* of all bytes written to it: from then on it can know the number */
	void *tag;
	bool live, wanted, forgotten;
	/* the table's own: */
	uint32_t prev, next;
};

struct vz_asked_list {
	uint32_t first, last;
};

struct vz_asked_table {
	struct vz_asked *all;
	uint32_t places, live;
	struct vz_asked_list waiting, idle; /* both oldest first */
};

/* VZ_ENOMEM. */
int vz_asked_init(struct vz_asked_table *t, uint32_t places);
void vz_asked_free(struct vz_asked_table *t);
/* The number that the next one gets. There is a place: `live` is less than `places`. */
uint64_t vz_asked_next(const struct vz_asked_table *t);
/* It has been asked: live, all else to be filled in. There is a place. */
struct vz_asked *vz_asked_add(struct vz_asked_table *t);
/* NULL = no such number waits. */
struct vz_asked *vz_asked_of(struct vz_asked_table *t, uint64_t number);
/* NULL = none waits. */
struct vz_asked *vz_asked_oldest(struct vz_asked_table *t);
/* It waits no longer: what was kept of it; its place is free. */
struct vz_asked vz_asked_take(struct vz_asked_table *t, struct vz_asked *a);

#endif
