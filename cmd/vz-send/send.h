/*
 * A run of vz-send: its messages, in order, over one connection.
 */
#ifndef VZ_SEND_SEND_H
#define VZ_SEND_SEND_H

#include "cmd/vz-send/item.h"
#include "cmd/vz-send/link.h"
#include "cmd/vz-send/options.h"
#include "flow/producer.h"

#define IN_FLIGHT_MAX 64 /* messages sent whose verdict is outstanding */

struct sender {
	const struct send_options *options;
	struct link link;
	struct item *items;
	size_t n, cur;         /* items before cur are sent or over */
	size_t in_flight;      /* in state ENDED */
	struct vz_watch input; /* of the current item's source, while that is dry */
	struct vz_producer *producer;
	bool accelerated;
	int signo; /* the signal that ends us */
	struct vz_timer patience;
};

/* All of it; returns the exit status, or dies by the signal that ended it. */
int send_run(const struct send_options *options);

/* pump.c: moves what can be moved now, from the items into the session. */
void pump(struct sender *s);
/* Gives a message up: the other side is told, the words were said. */
void pump_cancel(struct sender *s, struct item *it, int status, const char *text);
/* An item is over; when it was the last, so is the session. */
void pump_settled(struct sender *s);

/* verdict.c */
/* The other side's word on a message. */
void verdict(struct sender *s, const struct vz_event *ev);
/* Tells -v and --log-json that a message is sent, delivered (status 0) or failed. */
void verdict_tell(const struct sender *s, const struct item *it, const char *event, int status,
    const void *text, size_t text_len);

#endif
