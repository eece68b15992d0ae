#include "cmd/vz-listen/stay.h"

#include <string.h>

#include "cmd/common/exit.h"

static void
wait_until(struct stay *s, uint64_t due)
{
	s->state = STAY_WAITS;
	s->due = due;
}

static void
end(struct stay *s, enum stay_state state)
{
	s->state = state;
	s->due = UINT64_MAX;
}

void
stay_init(struct stay *s, bool keep, uint64_t patience_ms, uint64_t now)
{
	memset(s, 0, sizeof(*s));
	s->keep = keep;
	s->patience_ms = patience_ms;
	wait_until(s, now);
}

void
stay_call(struct stay *s)
{
	end(s, STAY_CALLS);
}

bool
stay_registered(struct stay *s, uint64_t number, uint64_t now)
{
	bool news = s->told || !s->was_registered;

	end(s, STAY_REGISTERED);
	s->number = number;
	s->was_registered = true;
	s->since = now;
	s->told = false;
	return news;
}

/* Half to one and a half of it, so that many who lost the same relay do not come back at once. */
static uint64_t
with_jitter(uint64_t ms, uint32_t random)
{
	return ms / 2 + random % (ms + 1);
}

static uint64_t
delay(unsigned tries)
{
	return tries < 7 ? (uint64_t)STAY_FIRST_MS << tries : STAY_MOST_MS;
}

/*
 * At first contact no valid answer, a refusal and what is wrong with ourselves are final: somebody
 * has to look. Later the same may come of a relay that is being started anew.
 */
static bool
is_final(const struct stay *s, const struct stay_failure *f, uint64_t now)
{
	if (f->final)
		return true;
	if (s->was_registered)
		return !s->keep && now - s->lost_at >= s->patience_ms;
	switch (f->status) {
	case VZ_EXIT_NOHOST:
	case VZ_EXIT_UNAVAILABLE:
	case VZ_EXIT_TEMPFAIL: return !s->keep;
	default: return true;
	}
}

enum stay_next
stay_failed(struct stay *s, const struct stay_failure *f, uint64_t now, uint32_t random)
{
	bool known = s->told && s->failure.status == f->status && s->failure.cause == f->cause;

	if (s->state == STAY_REGISTERED) {
		s->lost_at = now;
		if (now - s->since >= STAY_STEADY_MS)
			s->tries = 0;
	}
	if (f->crowded && !s->was_registered && s->crowded < STAY_CROWDED_MOST) {
		s->crowded++;
		wait_until(s, now + with_jitter(STAY_CROWDED_MS, random));
		return STAY_AGAIN;
	}
	if (is_final(s, f, now)) {
		end(s, STAY_OVER);
		return STAY_END;
	}
	wait_until(s, now + with_jitter(delay(s->tries), random));
	s->tries++;
	s->told = true;
	s->failure = *f;
	return known ? STAY_AGAIN : STAY_AGAIN_TELL;
}

void
stay_renew(struct stay *s, bool anew, uint64_t now)
{
	if (s->state == STAY_OVER)
		return;
	if (s->state == STAY_REGISTERED)
		s->lost_at = now;
	if (anew)
		s->number = 0;
	s->tries = 0;
	wait_until(s, now);
}

void
stay_stop(struct stay *s)
{
	end(s, STAY_OVER);
}
