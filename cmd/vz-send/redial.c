#include "cmd/vz-send/redial.h"

#include <sodium.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/words.h"

#define FIRST_MS 250
#define MOST_MS  30000

#define CROWDED_OUT_MOST 5
#define CROWDED_OUT_MS   10
#define CROWDED_OUT_US   (1000 * 1000) /* since it was dialled */

void
redial_progress(struct link *k)
{
	k->progressed = true;
}

static bool
is_break(int err)
{
	return err == VZ_ECUT || err == VZ_ETIMEOUT || err == VZ_ESYSTEM || err == VZ_ENOTFOUND;
}

/* Somebody was reached, there or at the relay, who has proved nothing. */
static bool
is_unproved(const struct link *k)
{
	return k->stage == LINK_CONNECTED || k->via.step == VIA_HANDSHAKE;
}

/*
 * Ended at once and without a word: a listener in a crowd makes room in this way, for whoever
 * speaks first (guard/pool.h). It may also be no listener, so a few times only.
 */
static bool
is_crowded_out(const struct link *k, int err)
{
	return is_unproved(k) && err == VZ_ECUT && !k->answered &&
	    k->crowded_out < CROWDED_OUT_MOST && link_clock_us() - k->began_us < CROWDED_OUT_US;
}

bool
redial_worth(const struct link *k, int err)
{
	if (k->finished || k->status != 0 || !k->resumes || k->options->retry_ms == 0)
		return false;
	if (!k->was_ready && (!k->options->retry_given || is_unproved(k)))
		return is_crowded_out(k, err);
	/* Who knows nothing of it any more would deliver it twice. */
	if (k->was_ready && !k->goes_on)
		return false;
	return k->try_again || is_break(err) || via_passes(k, err);
}

/* Half to one and a half of it, so that many who lost the same host do not come back at once. */
static uint64_t
with_jitter(uint64_t ms)
{
	return ms / 2 + randombytes_uniform((uint32_t)ms + 1);
}

static void
on_time(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	link_dial(t->arg);
}

bool
redial_later(struct link *k, int err, int sys_errno)
{
	uint64_t now = vz_loop_now(k->loop), delay, left;

	if (k->progressed || !k->was_lost) {
		k->progressed = false;
		k->was_lost = true;
		k->tries = 0;
		k->lost_at = now;
	}
	if (now - k->lost_at >= k->options->retry_ms) {
		k->status = words_given_up(k, err, sys_errno);
		return false;
	}
	left = k->options->retry_ms - (now - k->lost_at);
	if (!k->was_ready && is_crowded_out(k, err)) {
		k->crowded_out++;
		delay = with_jitter(CROWDED_OUT_MS);
	} else {
		delay = with_jitter(k->tries < 7 ? (uint64_t)FIRST_MS << k->tries : MOST_MS);
		k->tries++;
	}
	if (delay > left)
		delay = left;
	k->stage = LINK_DIALLING;
	k->try_again = false;
	words_lost(k, err, sys_errno, delay);
	k->redial = (struct vz_timer){.fn = on_time, .arg = k};
	if (vz_timer_set(k->loop, &k->redial, delay) == 0) {
		if (k->user->lost)
			k->user->lost(k->arg);
		return true;
	}
	diag_error("%s", diag_words(VZ_ENOMEM));
	k->status = VZ_EXIT_OSERR;
	return false;
}

void
redial_stop(struct link *k)
{
	vz_timer_stop(k->loop, &k->redial);
}
