#include "cmd/vz-relay/admit.h"

#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/serve/judge.h"
#include "cmd/vz-relay/limits.h"
#include "cmd/vz-relay/live.h"
#include "cmd/vz-relay/mail.h"
#include "cmd/vz-relay/report.h"

static const char stopping_words[] = "this relay is stopping";

/* Whether anybody new may be here, and one more of this key. */
static struct verdict
judge_limits(const struct client *c, enum refusal *why)
{
	const struct relay *rl = c->rl;
	uint64_t most = vz_grant_max_conns(&c->who.grant);

	*why = REFUSED_STOPPING;
	if (rl->record.broken)
		return (struct verdict){VZ_EXIT_TEMPFAIL, "this relay cannot write its record"};
	if (rl->stopping || (rl->drain.on && (!rl->gate.handing || c->who.late)))
		return (struct verdict){VZ_EXIT_TEMPFAIL, stopping_words};
	if (rl->rights.locked)
		return (struct verdict){
		    VZ_EXIT_TEMPFAIL, "this relay takes nobody new at the moment"};
	*why = REFUSED_LIMIT;
	if (rl->admitted >= rl->options->serve.max_conns)
		return (struct verdict){
		    VZ_EXIT_TEMPFAIL, "this relay has as many connections as it takes"};
	if (use_count(c) >= (most == UINT64_MAX ? CONNS_PER_KEY : most))
		return (struct verdict){VZ_EXIT_TEMPFAIL, "this key has too many connections here"};
	return (struct verdict){0};
}

static unsigned
may(const struct client *c)
{
	unsigned rights = c->who.grant.rights;

	return (rights & VZ_RIGHT_REGISTER ? VZ_RELAY_MAY_REGISTER : 0) |
	    (rights & VZ_RIGHT_CONNECT ? VZ_RELAY_MAY_CONNECT : 0) |
	    (rights & VZ_RIGHT_DEPOSIT ? VZ_RELAY_MAY_DEPOSIT : 0);
}

static bool
take_in(struct client *c)
{
	return use_join(c) == 0 && vz_relay_serve_accept(c->live.serve, may(c)) == 0;
}

void
admit(struct client *c)
{
	const struct vz_bundle *b = vz_relay_serve_peer(c->live.serve);
	enum refusal why = REFUSED_KEY;
	struct verdict no;

	no = judge_caller(
	    &c->who, &c->rl->me, b, c->fd, "this relay cannot write its memory of clients");
	if (no.status == 0)
		no = judge_limits(c, &why);
	if (no.status == 0 && !take_in(c))
		no = (struct verdict){VZ_EXIT_TEMPFAIL, "this relay is out of memory"};
	if (no.status != 0) {
		client_refuse(c, why, no.status, no.words);
		if (judge_is_stranger(no))
			stranger_hint(&c->rl->rights, &c->who.key, vz_loop_now(c->rl->loop));
		return;
	}
	c->admitted = true;
	c->rights = c->who.grant.rights;
	c->rl->admitted++;
	c->rl->counts.authenticated++;
	gate_admit(&c->rl->gate, &c->who);
	report_in(c);
}

/* Requests. */

static unsigned
need_of(const struct vz_relay_event *ev)
{
	switch (ev->type) {
	case VZ_RELAY_EVENT_CONNECT: return VZ_RIGHT_CONNECT;
	case VZ_RELAY_EVENT_DEPOSIT: return VZ_RIGHT_DEPOSIT;
	case VZ_RELAY_EVENT_BUNDLE_WANTED: return 0; /* one of two */
	default: return VZ_RIGHT_REGISTER;
	}
}

/* A claim is the answer to somebody else's request, and costs nothing. */
static bool
is_too_early(struct client *c, const struct vz_relay_event *ev)
{
	static char words[100];
	uint64_t wait = ev->type == VZ_RELAY_EVENT_CLAIM ? 0 : use_request(c);

	if (wait == 0)
		return false;
	snprintf(words, sizeof(words), "this key is over its rate: try again in %llu s",
	    (unsigned long long)((wait + 999) / 1000));
	client_refuse(c, REFUSED_RATE, VZ_EXIT_TEMPFAIL, words);
	return true;
}

void
admit_request(struct client *c, const struct vz_relay_event *ev)
{
	if (ev->type == VZ_RELAY_EVENT_PART) {
		mail_request(c, ev);
		return;
	}
	c->rl->counts.requests++;
	c->needs |= need_of(ev);
	if (mail_is_request(ev))
		mail_request(c, ev);
	else if (c->rl->stopping || c->rl->drain.on)
		client_refuse(c, REFUSED_STOPPING, VZ_EXIT_TEMPFAIL, stopping_words);
	else if (!is_too_early(c, ev))
		live_request(c, ev);
}

/* Rights that change. */

/* Words and *status when c may not go on; its grant is the new one else. */
static const char *
renew(struct client *c, uint8_t *status)
{
	const char *words = judge_again(&c->who, &c->rl->me, c->fd);

	*status = VZ_EXIT_REFUSED;
	if (words)
		return words;
	if ((c->who.grant.rights & c->needs) != c->needs)
		return "this key no longer has that right here";
	*status = VZ_EXIT_TEMPFAIL;
	if (c->needs == 0 && c->who.grant.rights != c->rights)
		return "this key's rights have changed";
	return use_join(c) < 0 ? "this relay is out of memory" : NULL;
}

/* It was let in, and was not told to go yet. */
static bool
is_in(const struct client *c)
{
	return c->admitted && (c->state == CLIENT_RUNNING || c->state == CLIENT_PAIRED);
}

static void
put_out(struct client *c, uint8_t status, const char *words)
{
	report_out(c, words);
	client_dismiss(c, status, words);
}

void
admit_renew(struct relay *rl)
{
	struct client *c, *next;
	const char *words;
	uint8_t status;

	rights_reload(&rl->rights);
	for (c = TAILQ_FIRST(&rl->clients); c; c = next) {
		next = TAILQ_NEXT(c, all);
		if (!is_in(c))
			continue;
		words = renew(c, &status);
		if (!words)
			continue;
		next = client_beyond(c);
		put_out(c, status, words);
	}
	use_prune(rl);
}

void
admit_expire(struct relay *rl)
{
	int64_t now = (int64_t)time(NULL);
	struct client *c, *next;

	for (c = TAILQ_FIRST(&rl->clients); c; c = next) {
		next = TAILQ_NEXT(c, all);
		if (!is_in(c) || !vz_grant_expired(&c->who.grant, now))
			continue;
		next = client_beyond(c);
		put_out(c, VZ_EXIT_REFUSED, "this key's right has expired");
	}
}
