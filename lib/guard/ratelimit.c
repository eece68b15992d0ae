#include "guard/ratelimit.h"

/* So that a rate times the milliseconds of one second stays within 64 bits. */
#define RATE_MAX (UINT64_MAX / 1000)

void
vz_bucket_init(struct vz_bucket *b, uint64_t rate_per_s, uint64_t burst)
{
	*b = (struct vz_bucket){
	    .rate = rate_per_s < RATE_MAX ? rate_per_s : RATE_MAX,
	    .burst = burst > 0 ? burst : 1,
	};
	b->held = b->burst;
}

static uint64_t
add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t
multiply(uint64_t a, uint64_t b)
{
	return b > 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* Pays what is owed first. */
static void
put(struct vz_bucket *b, uint64_t gained)
{
	uint64_t paid = gained < b->owed ? gained : b->owed;

	b->owed -= paid;
	b->held = add(b->held, gained - paid);
	/* One that is just full keeps its part of a token, or a burst of 1 would fall short of its
	 * rate. */
	if (b->held > b->burst) {
		b->held = b->burst;
		b->part = 0;
	}
}

static void
refill(struct vz_bucket *b, uint64_t now)
{
	uint64_t passed = b->looked_at && now > b->last ? now - b->last : 0;
	uint64_t thousandths = passed % 1000 * b->rate + b->part;

	b->looked_at = true;
	b->last = now;
	b->part = thousandths % 1000;
	put(b, add(multiply(passed / 1000, b->rate), thousandths / 1000));
}

/* The milliseconds until `missing` more tokens are there. */
static uint64_t
wait_for(const struct vz_bucket *b, uint64_t missing)
{
	uint64_t seconds, rest;

	if (b->rate == 0)
		return VZ_BUCKET_NEVER;
	/* The last of them falls into a second that is not whole: 1 <= rest <= rate. */
	seconds = (missing - 1) / b->rate;
	rest = (missing - 1) % b->rate + 1;
	return add(multiply(seconds, 1000), (rest * 1000 - b->part - 1) / b->rate + 1);
}

uint64_t
vz_bucket_take(struct vz_bucket *b, uint64_t n, uint64_t now_ms)
{
	uint64_t need = n < b->burst ? n : b->burst;

	refill(b, now_ms);
	if (b->owed > 0)
		return wait_for(b, add(b->owed, need));
	if (b->held < need)
		return wait_for(b, need - b->held);
	b->held -= need;
	b->owed = n - need;
	return 0;
}

bool
vz_bucket_alike(const struct vz_bucket *a, const struct vz_bucket *b)
{
	return a->rate == b->rate && a->burst == b->burst;
}
