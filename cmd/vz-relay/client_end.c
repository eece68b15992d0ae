/*
 * A client: how it ends, with words or without.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/common/talk.h"
#include "cmd/common/exit.h"
#include "cmd/vz-relay/client_impl.h"
#include "cmd/vz-relay/limits.h"
#include "cmd/vz-relay/live.h"
#include "cmd/vz-relay/mail.h"
#include "cmd/vz-relay/pair.h"
#include "cmd/vz-relay/report.h"

void
client_leave_protocol(struct client *c)
{
	live_gone(c);
	mail_gone(c);
	vz_relay_serve_free(c->live.serve);
	c->live.serve = NULL;
	talk_free(c->talk);
	c->talk = NULL;
}

void
client_free(struct client *c)
{
	struct relay *rl = c->rl;

	report_gone(c);
	client_leave_protocol(c);
	vz_timer_stop(rl->loop, &c->timer);
	vz_timer_stop(rl->loop, &c->soon);
	vz_loop_del(rl->loop, &c->watch);
	if (c->watch.fd >= 0)
		close(c->watch.fd);
	use_leave(c);
	if (c->admitted)
		rl->admitted--;
	gate_forget(&rl->gate, &c->who);
	vz_grant_release(&c->who.grant);
	TAILQ_REMOVE(&rl->clients, c, all);
	free(c);
	relay_wake(rl);
}

void
client_end(struct client *c, int err)
{
	if (c->state == CLIENT_OVER)
		return;
	c->state = CLIENT_OVER;
	c->err = err;
}

struct client *
client_beyond(const struct client *c)
{
	struct client *next = TAILQ_NEXT(c, all);

	if (next && c->pair && next->pair == c->pair)
		next = TAILQ_NEXT(next, all);
	return next;
}

void
client_drop(struct client *c)
{
	if (c->pair) {
		pair_drop(c->pair);
		return;
	}
	/* From inside its turn, that cleans up on its way out. */
	client_end(c, 0);
	if (!c->in_turn)
		client_free(c);
}

/* Nothing is said before authentication, and nothing of it is kept (DESIGN 5). */
static void
go_silent(struct client *c, int err)
{
	c->err = err;
	c->state = CLIENT_SILENT;
	c->by = vz_relay_serve_deadline(c->live.serve);
	client_leave_protocol(c);
}

void
client_begin_closing(struct client *c, int err)
{
	live_gone(c);
	mail_gone(c);
	c->err = err;
	c->state = CLIENT_CLOSING;
	c->by = client_now(c) + limits_stall_ms(c->rl);
	client_kick(c);
}

/* To one that goes on; others hear nothing any more. */
static void
say_close(struct client *c, uint8_t status, const char *words)
{
	if (c->state != CLIENT_RUNNING)
		return;
	if (vz_relay_serve_close(c->live.serve, status, words) < 0)
		client_drop(c);
	else
		client_begin_closing(c, 0);
}

void
client_refuse(struct client *c, enum refusal why, uint8_t status, const char *words)
{
	c->rl->counts.refused[why]++;
	report_denied(c, status, words);
	say_close(c, status, words);
}

void
client_refused(struct client *c)
{
	if (c->state == CLIENT_RUNNING && !c->refused && c->mail.status != 0)
		report_denied(c, c->mail.status, c->mail.words);
	c->refused = true;
	client_kick(c);
}

void
client_dismiss(struct client *c, uint8_t status, const char *words)
{
	if (c->pair || !c->admitted) {
		client_drop(c);
		return;
	}
	say_close(c, status, words);
}

static uint8_t
status_of(int err)
{
	return err == VZ_ETIMEOUT ? VZ_EXIT_TEMPFAIL
	    : err == VZ_ENOMEM    ? VZ_EXIT_OSERR
				  : VZ_EXIT_PROTOCOL;
}

void
client_failed(struct client *c, int err)
{
	if (!vz_relay_serve_peer(c->live.serve)) {
		if (err == VZ_ENOMEM)
			client_end(c, err);
		else
			go_silent(c, err);
	} else if (err == VZ_EDENIED) {
		c->rl->counts.refused[REFUSED_RIGHT]++;
		report_denied(c, VZ_EXIT_REFUSED, "this key has no such right here");
		client_begin_closing(c, 0);
	} else {
		c->rl->counts.refused[REFUSED_PROTOCOL]++;
		(void)vz_relay_serve_close(c->live.serve, status_of(err), vz_strerror(err));
		client_begin_closing(c, err);
	}
}
