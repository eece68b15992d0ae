#include "cmd/vz-send/check.h"

#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/check_hint.h"
#include "cmd/vz-send/closing.h"
#include "cmd/vz-send/dest.h"
#include "cmd/vz-send/link.h"

struct check {
	struct link link;
	enum check_step step; /* the one that is under way */
	bool failed;
	uint64_t step_us; /* when the step began */
	uint64_t token;
	int status;
};

/* Milliseconds since the last step, as people read them. */
static double
step_ms(struct check *c)
{
	uint64_t now = link_clock_us();
	double ms = (double)(now - c->step_us) / 1000;

	c->step_us = now;
	return ms;
}

static void
on_connected(void *arg)
{
	struct check *c = arg;
	bool looked_up = c->link.to.at.kind == VZ_ADDRESS_TCP && !c->link.to.at.numeric;

	c->step = c->link.to.relayed ? CHECK_RELAY : CHECK_HANDSHAKE;
	diag_verbose(0, "%s: ok, %.2f ms%s", looked_up ? "resolve and connect" : "connect",
	    step_ms(c), c->link.to.relayed ? ", to the relay" : "");
}

static void
on_relay(void *arg)
{
	struct check *c = arg;
	char relay[VZ_KEY_TEXT];

	c->step = CHECK_MATCH;
	vz_key_format(&c->link.to.relay_key, relay);
	diag_verbose(0, "relay: ok, %.2f ms, %s", step_ms(c), relay);
}

static void
on_matched(void *arg)
{
	struct check *c = arg;

	c->step = CHECK_HANDSHAKE;
	diag_verbose(0, "match: ok, %.2f ms", step_ms(c));
}

static void
on_authenticated(void *arg)
{
	struct check *c = arg;
	char peer[VZ_KEY_TEXT];

	c->step = CHECK_RIGHTS;
	vz_key_format(&c->link.to.key, peer);
	diag_verbose(0, "handshake: ok, %.2f ms, %s, %s", step_ms(c), peer,
	    vz_session_is_aes(link_session(&c->link)) ? "AES-256-GCM" : "ChaCha20-Poly1305");
}

static void
on_ready(void *arg, const struct vz_event *ev)
{
	struct check *c = arg;
	char size[16] = "";
	const char *limit = "";

	c->step = CHECK_ROUND_TRIP;
	if (ev->max_size) {
		vz_format_size(ev->max_size, size);
		limit = ", at most ";
	}
	diag_verbose(0, "rights: ok, %.2f ms, %s%s%s%s%s", step_ms(c),
	    ev->rights & VZ_RIGHT_SEND ? "send" : "",
	    (ev->rights & VZ_RIGHT_SEND) && (ev->rights & VZ_RIGHT_ASK) ? " and " : "",
	    ev->rights & VZ_RIGHT_ASK ? "ask" : "", limit, size);
	c->token = link_clock_us();
	if (vz_session_ping(link_session(&c->link), c->token) != 0)
		link_abort(&c->link, VZ_EXIT_OSERR, "");
	else
		link_kick(&c->link);
}

static bool
on_event(void *arg, const struct vz_event *ev)
{
	struct check *c = arg;

	if (ev->type != VZ_EVENT_PONG || ev->token != c->token)
		return true;
	diag_verbose(0, "round trip: ok, %.2f ms", step_ms(c));
	link_finish(&c->link, false);
	return true;
}

static void
on_failing(void *arg, const char *step)
{
	struct check *c = arg;

	if (c->failed)
		return;
	c->failed = true;
	if (step && strcmp(step, "resolve") == 0)
		c->step = CHECK_RESOLVE;
	else if (step)
		c->step = CHECK_IDENTITY;
	diag_verbose(0, "%s: failed", check_step_name(c->step));
}

static void
on_over(void *arg, int status)
{
	struct check *c = arg;

	c->status = status;
	if (status != 0)
		check_hint(c->step, &c->link, status);
	vz_loop_stop(c->link.loop, 0);
}

static const struct link_user user = {
    .connected = on_connected,
    .relay = on_relay,
    .matched = on_matched,
    .authenticated = on_authenticated,
    .ready = on_ready,
    .event = on_event,
    .failing = on_failing,
    .over = on_over,
};

static int
go(struct check *c)
{
	int status, err;

	c->step_us = link_clock_us();
	c->step = CHECK_CONNECT;
	status = link_start(&c->link, &user, c);
	if (status)
		return status;
	err = vz_loop_run(c->link.loop);
	if (err < 0) {
		diag_error("%s", diag_words(err));
		return vz_exit_of(err);
	}
	return c->status;
}

int
check_run(const struct send_options *options)
{
	static struct check c;
	struct vz_sandbox_state layers;
	struct vz_loop *loop;
	struct dests dests;
	struct self me;
	int err, status = VZ_EXIT_OSERR;

	sandbox_begin(&options->common, &layers);
	self_load(&me, &options->common);
	dests_parse(&me, options->dest, &dests);
	if (dests.n > 1)
		diag_usage("--check takes one destination");
	err = vz_loop_new(&loop);
	if (err == 0) {
		link_init(&c.link, options, &me, loop, dests.dest[0].text, &dests.dest[0].to);
		status = closing_check(&c.link, &me, &layers);
		if (!status)
			status = go(&c);
		link_free(&c.link);
		vz_loop_free(loop);
	} else {
		diag_error("%s", diag_words(err));
	}
	free(dests.text);
	dests_free(&dests);
	self_free(&me);
	return status;
}
