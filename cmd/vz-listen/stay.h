/*
 * Staying registered at a relay: when it is called again, and when it is not (DESIGN 5, 6). Pure:
 * the clock and randomness are arguments, the connection is the caller's (posts.h).
 *
 *	stay_init		it is due at once
 *	stay_call		a connection is being made
 *	stay_registered		it stands
 *	stay_failed		the call, or what stood, is over: again when it is due, or not at
 *all
 */
#ifndef VZ_LISTEN_STAY_H
#define VZ_LISTEN_STAY_H

#include <stdbool.h>
#include <stdint.h>

/* After a failure: this, doubled with each one up to the most, and 50 % more or less. */
#define STAY_FIRST_MS 250
#define STAY_MOST_MS  30000
/* Who makes room for others comes again so often, after a moment; beyond it that is no relay. */
#define STAY_CROWDED_MOST 5
#define STAY_CROWDED_MS   10
/* A registration that stood for so long was none of a row of failures. */
#define STAY_STEADY_MS 10000

enum stay_state {
	STAY_WAITS,      /* until `due` */
	STAY_CALLS,      /* nobody has answered yet */
	STAY_REGISTERED, /* the relay offers us who comes */
	STAY_OVER,       /* nothing more by itself */
};

/* Why a call or a registration ended. */
struct stay_failure {
	int status;     /* of DESIGN 8, not 0 */
	bool final;     /* 77 by the relay's word or ours: trying again would be wrong */
	bool crowded;   /* ended at once and without a word, as a relay in a crowd makes room */
	uint32_t cause; /* what tells it from another one of that status, such as an errno */
};

struct stay {
	bool keep;            /* goes on for ever; else what cannot be reached at first ends it, */
	uint64_t patience_ms; /* and later what is not there again after so long */
	enum stay_state state;
	uint64_t number;     /* to register with: the last one given, or 0 */
	bool was_registered; /* once */
	unsigned tries;      /* failures in a row */
	unsigned crowded;    /* calls that ended so before the first registration */
	uint64_t since;      /* REGISTERED: from when on */
	uint64_t lost_at;    /* when that ended */
	uint64_t due;        /* WAITS: when to call; else UINT64_MAX */
	bool told;           /* of the failure that holds on: */
	struct stay_failure failure;
};

enum stay_next {
	STAY_AGAIN,      /* later, in silence: it is known */
	STAY_AGAIN_TELL, /* later, and this is news */
	STAY_END,        /* never: state is OVER */
};

/* Zeroes it first. Due at `now`. */
void stay_init(struct stay *s, bool keep, uint64_t patience_ms, uint64_t now);
/* WAITS only: the call is made now. */
void stay_call(struct stay *s);
/* The relay has given it this number. True when that is news: the first time, or after a failure
 * that was told. */
bool stay_registered(struct stay *s, uint64_t number, uint64_t now);
/* It failed. random: any 32 bits. */
enum stay_next
stay_failed(struct stay *s, const struct stay_failure *f, uint64_t now, uint32_t random);
/*
 * What was known of the way there does not hold any more: called again at once, unless it is over.
 * anew: with another identity, whose number is not ours to have.
 */
void stay_renew(struct stay *s, bool anew, uint64_t now);
/* By our own wish. */
void stay_stop(struct stay *s);

#endif
