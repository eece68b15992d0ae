#include "cmd/vz-relay/use.h"

#include <stdlib.h>

#include "base/err.h"
#include "cmd/serve/rates.h"
#include "cmd/vz-relay/client.h"
#include "cmd/vz-relay/pair.h"

/* Of keys that are not here any more only those with rates stay, and these are lines of a file. */
struct use {
	struct relay *rl;
	struct vz_key key;
	unsigned users, mailing; /* connections; those that use a mailbox */
	struct rates rates;
	uint64_t owed;         /* bytes that were relayed beyond the rate */
	struct vz_timer repay; /* a look at whether they are made up for */
	LIST_HEAD(, client) slowed;
	LIST_ENTRY(use) all;
};

static void
drop(struct use *u)
{
	vz_timer_stop(u->rl->loop, &u->repay);
	vz_keymap_remove(&u->rl->uses, &u->key);
	LIST_REMOVE(u, all);
	free(u);
}

static void
resume_all(struct use *u)
{
	struct client *c;

	while ((c = LIST_FIRST(&u->slowed)) != NULL) {
		LIST_REMOVE(c, use.slowed);
		c->use.is_slowed = false;
		pair_pause(c, false);
	}
}

/* Pays what is owed, or looks again when that can be. */
static void
repay(struct use *u)
{
	uint64_t wait = 0;

	if (u->rates.counts_bytes && u->owed > 0)
		wait = vz_bucket_take(&u->rates.bytes, u->owed, vz_loop_now(u->rl->loop));
	if (wait > 0 && vz_timer_set(u->rl->loop, &u->repay, wait) == 0)
		return;
	u->owed = 0;
	resume_all(u);
}

static void
on_repay(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	repay(t->arg);
}

static struct use *
add(struct relay *rl, const struct vz_key *key)
{
	struct use *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->rl = rl;
	u->key = *key;
	u->repay = (struct vz_timer){.fn = on_repay, .arg = u};
	LIST_INIT(&u->slowed);
	if (vz_keymap_add(&rl->uses, key, u) < 0) {
		free(u);
		return NULL;
	}
	LIST_INSERT_HEAD(&rl->all_uses, u, all);
	return u;
}

int
use_join(struct client *c)
{
	struct use *u = vz_keymap_get(&c->rl->uses, &c->who.key);

	if (!u)
		u = add(c->rl, &c->who.key);
	if (!u)
		return VZ_ENOMEM;
	(void)rates_set(&u->rates, &c->who.grant);
	if (!c->use.use)
		u->users++;
	c->use.use = u;
	return 0;
}

void
use_leave(struct client *c)
{
	struct use *u = c->use.use;

	if (!u)
		return;
	if (c->use.is_slowed)
		LIST_REMOVE(c, use.slowed);
	c->use.is_slowed = false;
	c->use.use = NULL;
	if (--u->users == 0 && !u->rates.counts_messages && !u->rates.counts_bytes)
		drop(u);
}

unsigned
use_count(const struct client *c)
{
	const struct use *u = vz_keymap_get(&c->rl->uses, &c->who.key);

	return u ? u->users : 0;
}

bool
use_mail(struct client *c, unsigned most)
{
	struct use *u = c->use.use;

	if (!u || u->mailing >= most)
		return false;
	u->mailing++;
	return true;
}

void
use_mail_over(struct client *c)
{
	c->use.use->mailing--;
}

uint64_t
use_request(struct client *c)
{
	struct use *u = c->use.use;

	if (!u || !u->rates.counts_messages)
		return 0;
	return vz_bucket_take(&u->rates.messages, 1, vz_loop_now(c->rl->loop));
}

bool
use_deposit(struct client *c, uint64_t size)
{
	struct use *u = c->use.use;

	if (!u)
		return true;
	if ((u->rates.counts_bytes && u->owed > 0) || use_request(c) > 0)
		return false;
	if (u->rates.counts_bytes) {
		u->owed += size;
		repay(u);
	}
	return true;
}

void
use_bytes(struct client *c, size_t n)
{
	struct use *u = c->use.use;

	if (!u || !u->rates.counts_bytes)
		return;
	u->owed += n;
	repay(u);
	if (u->owed == 0 || c->use.is_slowed)
		return;
	LIST_INSERT_HEAD(&u->slowed, c, use.slowed);
	c->use.is_slowed = true;
	pair_pause(c, true);
}

void
use_prune(struct relay *rl)
{
	struct use *u, *next;
	struct vz_grant now;

	LIST_FOREACH_SAFE(u, &rl->all_uses, all, next)
	{
		bool rated =
		    vz_acl_check(rl->me.acl, &u->key, &now) == 0 && rates_set(&u->rates, &now);

		vz_grant_release(&now);
		if (!rated && u->users == 0)
			drop(u);
	}
}

void
use_free(struct relay *rl)
{
	while (!LIST_EMPTY(&rl->all_uses))
		drop(LIST_FIRST(&rl->all_uses));
	vz_keymap_free(&rl->uses);
}
