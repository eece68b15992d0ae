/* Deposits: bytes on their way from a client into the store. */
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "relay/mailbox_impl.h"

static void
credit(struct vz_mailbox_request *r, uint64_t n)
{
	(void)vz_relay_serve_took(r->client->serve, (size_t)n);
}

/* A message that is one write waits for its outcome with the client's room; of a longer one the
 * store has little enough at a time. */
static bool
at_once(const struct vz_mailbox_request *r)
{
	return r->ev.size <= VZ_STORE_CHUNK;
}

void
vz_mailbox_deposit_over(struct vz_mailbox_request *r)
{
	uint64_t left = r->came - r->fed;

	vz_buf_consume(&r->client->held, (size_t)left);
	credit(r, at_once(r) ? r->came : left);
	r->fed = r->came;
}

/* Of the requests of a client this is the one that it sent last. */
void
vz_mailbox_deposit_part(struct vz_mailbox_request *r, const uint8_t *p, size_t n)
{
	if (r->state == VZ_MAILBOX_DONE)
		credit(r, n);
	else if (vz_buf_put(&r->client->held, p, n) == 0)
		r->came += n;
	else
		r->client->refused = true;
}

/* The store's outcome. */

static void
orphan_over(struct vz_mailbox_request *r)
{
	*r->link = r->next;
	if (r->next != NULL)
		r->next->link = r->link;
	free(r);
}

static void
note(struct vz_mailbox_request *r, const struct vz_store_answer *a)
{
	struct vz_mailbox_stats *stats = &r->box->stats;

	if (a->duplicate) {
		stats->duplicates++;
		return;
	}
	stats->deposits++;
	stats->deposit_bytes += r->ev.size;
	vz_mailbox_notify(r->box, &r->ev.key);
}

static void
deposited(void *arg, const struct vz_store_answer *a)
{
	struct vz_mailbox_request *r = arg;
	struct vz_mailbox_client *c = r->client;

	if (a->err == 0 && a->more) {
		if (c != NULL)
			vz_mailbox_go_on(c);
		return;
	}
	r->deposit = NULL;
	if (a->err == 0)
		note(r, a);
	if (c == NULL) {
		orphan_over(r);
		return;
	}
	if (a->err == 0) {
		r->seq = a->seq;
		r->duplicate = a->duplicate;
		r->state = VZ_MAILBOX_DONE;
		vz_mailbox_deposit_over(r);
	} else {
		vz_mailbox_refuse_for(r, a->err, a->full);
	}
	vz_mailbox_go_on(c);
}

static int
judge(struct vz_mailbox_request *r)
{
	const struct vz_mailbox_config *config = &r->box->config;

	if (r->client->max_size > 0 && r->ev.size > r->client->max_size)
		return VZ_ELIMIT;
	if (config->may_deposit == NULL)
		return 0;
	return config->may_deposit(config->ctx, r->client, &r->ev.key, r->ev.size);
}

void
vz_mailbox_deposit_start(struct vz_mailbox_request *r)
{
	const struct vz_mailbox_config *config = &r->box->config;
	struct vz_store_mail mail = {.recipient = r->ev.key,
	    .depositor = vz_relay_serve_peer(r->client->serve)->identity,
	    .size = r->ev.size,
	    .now = config->now(config->ctx),
	    .expires = r->ev.expires,
	    .quota = r->client->quota};
	int err = judge(r);

	memcpy(mail.content, r->ev.content, sizeof(mail.content));
	if (mail.expires == 0)
		mail.expires = mail.now + config->ttl;
	if (err == VZ_ENOTFOUND) {
		vz_mailbox_refuse(r, VZ_MAILBOX_UNKNOWN, 69, "that key has no mailbox here");
		return;
	}
	if (err == VZ_EFULL) {
		vz_mailbox_refuse(
		    r, VZ_MAILBOX_BUSY, 75, "this key is over its rate, or this relay is ending");
		return;
	}
	if (err == 0)
		err = vz_store_deposit(config->store, &mail, deposited, r, &r->deposit);
	if (err < 0)
		vz_mailbox_refuse_for(r, err, VZ_STORE_NOT_FULL);
}

static void
give_up(struct vz_mailbox_request *r, int err)
{
	if (r->deposit != NULL)
		vz_store_cancel(r->deposit);
	r->deposit = NULL;
	vz_mailbox_refuse_for(r, err, VZ_STORE_NOT_FULL);
}

static void
finish(struct vz_mailbox_request *r)
{
	int err = vz_store_finish(r->deposit);

	if (err == VZ_EAUTH)
		r->deposit = NULL;
	if (err < 0)
		give_up(r, err);
	else
		r->finished = true;
}

bool
vz_mailbox_deposit_feed(struct vz_mailbox_request *r)
{
	struct vz_buf *held = &r->client->held;

	while (r->fed < r->came) {
		size_t n = (size_t)(r->came - r->fed);
		int64_t took = vz_store_append(r->deposit, vz_buf_ptr(held), n);

		if (took < 0) {
			give_up(r, (int)took);
			return true;
		}
		vz_buf_consume(held, (size_t)took);
		r->fed += (uint64_t)took;
		if (!at_once(r))
			credit(r, (uint64_t)took);
		if ((size_t)took < n)
			return false;
	}
	if (r->fed == r->ev.size && !r->finished)
		finish(r);
	return true;
}

/* What the store has whole it keeps, whoever waits for that; and its recipient is told. */
bool
vz_mailbox_deposit_orphan(struct vz_mailbox_request *r)
{
	struct vz_mailbox *m = r->box;

	if (r->deposit == NULL)
		return false;
	if (!r->finished) {
		vz_store_cancel(r->deposit);
		return false;
	}
	r->client = NULL;
	r->next = m->orphans;
	r->link = &m->orphans;
	if (r->next != NULL)
		r->next->link = &r->next;
	m->orphans = r;
	return true;
}

void
vz_mailbox_orphan_free(struct vz_mailbox_request *r)
{
	vz_store_cancel(r->deposit);
	orphan_over(r);
}
