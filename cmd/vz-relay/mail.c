#include "cmd/vz-relay/mail.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-relay/limits.h"
#include "cmd/vz-relay/metrics.h"
#include "cmd/vz-relay/report.h"
#include "cmd/vz-relay/spool.h"

static const char *
shown(const struct relay *rl)
{
	static char buf[512];

	return diag_escape(buf, sizeof(buf), rl->options->spool, strlen(rl->options->spool));
}

/* The store. */

/* What it has not acknowledged it cannot promise any more: nothing is, from here on. */
static void
on_store(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct relay *rl = w->arg;

	(void)got;
	if (vz_store_run(rl->mail.store) == 0 || rl->mail.failed)
		return;
	rl->mail.failed = true;
	diag_error("%s: the store failed: %s: stopping", shown(rl), vz_store_words(rl->mail.store));
	diag_hint("what was acknowledged is in it; look at the disk, then at vz-relay --fsck");
	(void)vz_loop_want(l, w, 0);
	relay_stop(rl, VZ_EXIT_IOERR);
}

static void
on_touched(void *ctx, struct vz_mailbox_client *m)
{
	struct client *c = client_of_mail(m);

	(void)ctx;
	if (m->refused)
		client_refused(c);
	else
		client_kick(c);
}

static uint64_t
unix_now(void *ctx)
{
	time_t t = time(NULL);

	(void)ctx;
	return t > 0 ? (uint64_t)t : 0;
}

/* Nobody fills the mailbox of somebody who could never empty it. */
static int
may_deposit(void *ctx, struct vz_mailbox_client *m, const struct vz_key *recipient, uint64_t size)
{
	struct client *c = client_of_mail(m);
	struct relay *rl = ctx;
	struct vz_grant grant;
	bool known;

	if (rl->drain.on || rl->stopping || rl->record.broken)
		return VZ_EFULL;
	known = vz_acl_check(rl->me.acl, recipient, &grant) == 0 &&
	    (grant.rights & VZ_RIGHT_REGISTER) != 0;
	vz_grant_release(&grant);
	if (!known)
		return VZ_ENOTFOUND;
	return use_deposit(c, size) ? 0 : VZ_EFULL;
}

static void
on_answered(void *ctx, struct vz_mailbox_client *m, const struct vz_relay_event *ev, uint8_t status,
    const char *words, uint64_t number)
{
	(void)ctx;
	report_mail(client_of_mail(m), ev, status, words, number);
}

int
mail_open(struct relay *rl)
{
	const struct relay_options *o = rl->options;

	return o->spool ? spool_open(o, &rl->mail.store) : 0;
}

static int
open_box(struct relay *rl)
{
	struct vz_mailbox_config config = {.store = rl->mail.store,
	    .listeners = rl->options->max_listeners,
	    .ttl = rl->options->ttl_s,
	    .touched = on_touched,
	    .now = unix_now,
	    .may_deposit = may_deposit,
	    .answered = on_answered,
	    .ctx = rl};

	randombytes_buf(config.seed, sizeof(config.seed));
	return vz_mailbox_new(&rl->mail.box, &config);
}

int
mail_start(struct relay *rl)
{
	struct mail *m = &rl->mail;
	int r;

	if (!m->store)
		return 0;
	r = vz_store_start(m->store);
	if (r == 0)
		r = open_box(rl);
	if (r == 0) {
		m->watch =
		    (struct vz_watch){.fd = vz_store_fd(m->store), .fn = on_store, .arg = rl};
		r = vz_loop_add(rl->loop, &m->watch, VZ_READ);
	}
	if (r == 0)
		return 0;
	diag_error("%s: %s", shown(rl), diag_words(r));
	return VZ_EXIT_OSERR;
}

void
mail_close(struct relay *rl)
{
	vz_loop_del(rl->loop, &rl->mail.watch);
	vz_mailbox_free(rl->mail.box);
	vz_store_close(rl->mail.store);
	rl->mail.box = NULL;
	rl->mail.store = NULL;
}

/* Clients. */

bool
mail_is_request(const struct vz_relay_event *ev)
{
	switch (ev->type) {
	case VZ_RELAY_EVENT_BUNDLE_WANTED:
	case VZ_RELAY_EVENT_DEPOSIT:
	case VZ_RELAY_EVENT_PART:
	case VZ_RELAY_EVENT_NEXT:
	case VZ_RELAY_EVENT_TAKEN: return true;
	default: return false;
	}
}

static void
prepare(struct client *c)
{
	uint64_t max = vz_grant_max_size(&c->who.grant);

	c->mail.serve = c->live.serve;
	c->mail.max_size = max == UINT64_MAX ? 0 : max;
}

static bool
take_place(struct client *c)
{
	struct mail *m = &c->rl->mail;

	if (c->mails)
		return true;
	if (m->users >= MAIL_CONNS || !use_mail(c, MAIL_CONNS_PER_KEY))
		return false;
	m->users++;
	c->mails = true;
	return true;
}

void
mail_request(struct client *c, const struct vz_relay_event *ev)
{
	if (!c->rl->mail.box) {
		client_refuse(
		    c, REFUSED_ABSENT, VZ_EXIT_UNAVAILABLE, "this relay keeps no messages");
		return;
	}
	if (!take_place(c)) {
		client_refuse(c, REFUSED_LIMIT, VZ_EXIT_TEMPFAIL,
		    "too many connections use mailboxes, here or of this key");
		return;
	}
	prepare(c);
	vz_mailbox_request(c->rl->mail.box, &c->mail, ev);
}

void
mail_registered(struct client *c)
{
	if (!c->rl->mail.box)
		return;
	prepare(c);
	vz_mailbox_registered(c->rl->mail.box, &c->mail);
}

void
mail_drained(struct client *c)
{
	if (c->mails)
		vz_mailbox_drained(&c->mail);
}

void
mail_gone(struct client *c)
{
	vz_mailbox_gone(&c->mail);
	if (!c->mails)
		return;
	c->mails = false;
	c->rl->mail.users--;
	use_mail_over(c);
}

bool
mail_is_busy(const struct client *c)
{
	return c->mails && vz_mailbox_busy(&c->mail);
}

static void
on_stats(void *arg, const struct vz_store_answer *a)
{
	struct relay *rl = arg;

	rl->mail.asking = false;
	if (a->err != 0)
		return;
	rl->mail.stats = *a->stats;
	metrics_write(rl);
}

void
mail_tick(struct relay *rl)
{
	if (rl->mail.box && !rl->mail.failed)
		vz_mailbox_sweep(rl->mail.box);
}

bool
mail_look(struct relay *rl)
{
	if (!rl->mail.box || rl->mail.failed)
		return false;
	if (!rl->mail.asking)
		rl->mail.asking = vz_store_get_stats(rl->mail.store, on_stats, rl, NULL) == 0;
	return rl->mail.asking;
}
