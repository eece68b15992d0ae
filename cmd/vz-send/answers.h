/*
 * The replies of many questions: written whole, each as an item, in the order of the questions or
 * as they come. Those that come before their turn are kept, all together in bounded memory.
 */
#ifndef VZ_SEND_ANSWERS_H
#define VZ_SEND_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>
#include "wire/session.h"

#define ANSWERS_MAX (64u * 1024 * 1024) /* bytes of replies kept */

struct lane;
struct answers;

/* For the lane of a run with --reply and --lines or the like. NULL without memory. */
struct answers *answers_new(struct lane *l);
void answers_free(struct answers *a);

/* The callbacks of a session. False holds the connection, until answers_freed. */
bool answers_data(struct answers *a, const struct vz_event *ev);
void answers_end(struct answers *a, uint64_t number);
bool answers_whole(struct answers *a, const struct vz_event *ev);
bool answers_done(struct answers *a, uint64_t number, uint8_t status);
/* A question that was given up here: nothing is said about it any more. NULL is nothing. */
void answers_none(struct answers *a, uint64_t number);

/* A turn is over: what was gathered goes out. */
void answers_write(struct answers *a);
/* Standard output takes more again, or failed. */
void answers_freed(struct answers *a);
/* True when all is written that came. NULL is idle. */
bool answers_idle(const struct answers *a);
/* True while so much is kept that nothing more should be asked. NULL never is. */
bool answers_many(const struct answers *a);

#endif
