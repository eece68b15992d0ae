/*
 * What is counted, since the start.
 */
#ifndef VZ_RELAY_COUNTS_H
#define VZ_RELAY_COUNTS_H

#include <stdint.h>

/* Why somebody was refused. */
enum refusal {
	REFUSED_KEY,      /* not authorised, revoked, expired, from elsewhere, old bundle */
	REFUSED_LIMIT,    /* too many connections, here or of the key */
	REFUSED_STOPPING, /* we end, or cannot go on */
	REFUSED_RIGHT,    /* a request without the right */
	REFUSED_RATE,     /* rate= */
	REFUSED_ABSENT,   /* the listener or the match is not here */
	REFUSED_BUSY,     /* too many wait or are registered, or nobody answered */
	REFUSED_DISPLACED,
	REFUSED_PROTOCOL,
	REFUSALS,
};

struct counts {
	uint64_t authenticated, strangers; /* the latter failed before they proved a key */
	uint64_t registrations, requests, matches;
	uint64_t bytes; /* relayed, both ways together */
	uint64_t refused[REFUSALS];
};

#endif
