#include "cmd/vz-relay/live.h"

#include <sodium.h>
#include <time.h>

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/vz-relay/mail.h"
#include "cmd/vz-relay/report.h"

static enum refusal
refusal_of(uint8_t status)
{
	switch (status) {
	case VZ_EXIT_UNAVAILABLE: return REFUSED_ABSENT;
	case VZ_EXIT_REFUSED: return REFUSED_DISPLACED;
	case VZ_EXIT_PROTOCOL: return REFUSED_PROTOCOL;
	default: return REFUSED_BUSY;
	}
}

static void
on_touched(void *ctx, struct vz_live_client *l)
{
	struct client *c = client_of_live(l);
	struct relay *rl = ctx;

	if (l->refused != 0 && c->state == CLIENT_RUNNING) {
		rl->counts.refused[refusal_of(l->refused)]++;
		report_denied(c, l->refused, l->words);
	}
	client_kick(c);
}

/* The next match that ends in vain is told then. */
static void
set_timer(struct relay *rl)
{
	uint64_t now = vz_loop_now(rl->loop), by = vz_match_deadline(rl->live.matches);

	if (by == UINT64_MAX)
		vz_timer_stop(rl->loop, &rl->match_end);
	else
		(void)vz_timer_set(rl->loop, &rl->match_end, by > now ? by - now : 0);
}

static void
on_match_end(struct vz_loop *l, struct vz_timer *t)
{
	struct relay *rl = t->arg;

	vz_live_tick(&rl->live, vz_loop_now(l));
	set_timer(rl);
}

int
live_open(struct relay *rl)
{
	struct vz_match_limits limits;
	uint8_t seed[VZ_KEYMAP_SEED];

	vz_match_limits_default(&limits);
	limits.listeners = rl->options->max_listeners;
	randombytes_buf(seed, sizeof(seed));
	rl->live.touched = on_touched;
	rl->live.ctx = rl;
	rl->match_end = (struct vz_timer){.fn = on_match_end, .arg = rl};
	return vz_matches_new(&rl->live.matches, &limits, seed);
}

void
live_close(struct relay *rl)
{
	vz_timer_stop(rl->loop, &rl->match_end);
	vz_matches_free(rl->live.matches);
	rl->live.matches = NULL;
}

static uint64_t
unix_ms(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_REALTIME, &t) != 0 || t.tv_sec < 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void
live_request(struct client *c, const struct vz_relay_event *ev)
{
	struct relay *rl = c->rl;
	uint8_t random[VZ_MATCH_LEN];

	randombytes_buf(random, sizeof(random));
	vz_live_request(&rl->live, &c->live, ev, vz_loop_now(rl->loop), unix_ms(), random);
	set_timer(rl);
	if (c->live.role == VZ_LIVE_LISTENER) {
		rl->counts.registrations++;
		report_registered(c);
		mail_registered(c);
	}
}

void
live_gone(struct client *c)
{
	struct relay *rl = c->rl;

	if (c->live.role == VZ_LIVE_NOTHING || !rl->live.matches)
		return;
	vz_live_gone(&rl->live, &c->live, vz_loop_now(rl->loop));
	set_timer(rl);
}
