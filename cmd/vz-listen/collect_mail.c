/* One message out of a mailbox: opened, judged, delivered, marked. */
#include <time.h>

#include "base/err.h"
#include "base/secret.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/collect_impl.h"
#include "keep/mailbook.h"

bool
collect_mail_begin(struct collect *c, const struct vz_relay_event *entry)
{
	const struct server *srv = c->post->srv;
	const struct vz_identity *me = srv->me.identity;
	uint8_t(*secrets)[VZ_AGE_KEY] = vz_secret_new((VZ_RETIRED_MAX + 1) * sizeof(*secrets));
	struct vz_unseal_config config = {.to = me->bundle.identity,
	    .secrets = (const uint8_t(*)[VZ_AGE_KEY])secrets,
	    .body_max = srv->options->max_size};
	time_t now = time(NULL);
	int r;

	c->seq = entry->number;
	c->missing = entry->size;
	c->expires = entry->expires;
	if (!secrets)
		return false;
	config.secrets_len = vz_identity_age_secrets(me, now > 0 ? (uint64_t)now : 0, secrets);
	r = vz_unseal_new(&c->unseal, &config);
	vz_secret_free(secrets);
	return r == 0;
}

void
collect_mail_drop(struct collect *c)
{
	vz_unseal_free(c->unseal);
	c->unseal = NULL;
	letter_free(c->letter);
	c->letter = NULL;
	if (c->holds)
		vz_hold_give_back(&c->post->srv->collects.hold);
	c->holds = false;
	c->marking = c->telling = false;
}

void
collect_mail_cut(struct collect *c)
{
	/* What is still being delivered, or marked, goes on. */
	if (c->letter && !c->telling)
		return;
	collect_mail_drop(c);
	c->seq = 0;
}

/* The book. */

/* 0 and *verdict; or an error. */
static int
look_up(const struct collect *c, const struct vz_manifest *m, struct vz_window *w,
    struct vz_window_gap *gap, enum vz_window_verdict *verdict)
{
	const struct server *srv = c->post->srv;
	uint8_t bytes[VZ_MAILBOOK_WINDOW_LEN];
	int r = vz_mailbook_load(
	    srv->collects.book, &srv->me.identity->bundle.identity, &m->from, bytes);

	if (r == 0)
		vz_window_init(w, &m->from);
	else if (r == 1)
		r = vz_window_decode(bytes, sizeof(bytes), &m->from, w);
	if (r < 0)
		return r;
	*verdict = vz_window_check(w, m, gap);
	return 0;
}

static int
mark(const struct collect *c, const struct vz_manifest *m, struct vz_window_gap *gap)
{
	struct server *srv = c->post->srv;
	struct vz_mailbook *book = srv->collects.book;
	uint8_t bytes[VZ_MAILBOOK_WINDOW_LEN];
	enum vz_window_verdict verdict;
	struct vz_window w;
	int r = vz_mailbook_begin(book);

	if (r < 0)
		return r;
	r = look_up(c, m, &w, gap, &verdict);
	if (r == 0 && verdict == VZ_WINDOW_NEW) {
		vz_window_mark(&w, m);
		vz_window_encode(&w, bytes);
		r = vz_mailbook_put(book, &srv->me.identity->bundle.identity, &m->from, bytes);
	}
	if (r == 0)
		r = vz_mailbook_commit(book);
	if (r < 0)
		vz_mailbook_rollback(book);
	return r;
}

/* Nothing else comes before this is known: it would come a second time. */
void
collect_mark(struct collect *c)
{
	struct vz_window_gap gap = {0};
	int r = mark(c, letter_manifest(c->letter), &gap);

	if (r < 0) {
		if (!c->marking)
			collect_say_book(c->post->srv, r);
		c->marking = true;
		collect_soon(c, 1000);
		return;
	}
	c->marking = false;
	if (gap.first != 0)
		collect_say_missing(c, c->letter, &gap);
	collect_taken(c);
}

/* Delivery. */

static void
on_over(void *arg, struct letter *l, int status)
{
	struct collect *c = arg;

	(void)l;
	switch (status) {
	case LETTER_GONE:
		c->letter = NULL; /* freed after this */
		collect_left(c);
		break;
	case 0: collect_mark(c); break;
	/* By our rights, for good: as a sender who is there would be told. */
	case VZ_EXIT_REFUSED: collect_taken(c); break;
	default: collect_left(c);
	}
}

/* One that takes our place, or whose place we take, shares the book with us. */
static bool
hold(struct collect *c)
{
	struct server *srv = c->post->srv;
	int r = vz_hold_take(&srv->collects.hold, &srv->me.identity->bundle.identity);

	c->holds = r == 0;
	if (r < 0)
		collect_say_held(c, r);
	return c->holds;
}

static void
deliver(struct collect *c)
{
	struct vz_window w;
	struct vz_window_gap gap;
	enum vz_window_verdict verdict;
	struct verdict no = letter_judge(c->letter);
	int r;

	if (no.status == VZ_EXIT_REFUSED) {
		collect_taken(c);
		return;
	}
	if (no.status != 0 || letter_is_twin(c->letter)) {
		collect_left(c);
		return;
	}
	if (!hold(c)) {
		collect_later(c);
		return;
	}
	r = look_up(c, letter_manifest(c->letter), &w, &gap, &verdict);
	if (r < 0) {
		collect_say_book(c->post->srv, r);
		collect_left(c);
	} else if (verdict != VZ_WINDOW_NEW) {
		collect_say_seen(c, c->letter, verdict);
		collect_taken(c);
	} else {
		letter_deliver(c->letter);
	}
}

/* The relay, which hands out nothing that is past its time, has another one than we: a wrong clock
 * here is no reason to have it thrown away, which the relay does itself when it is time. */
static bool
clocks_differ(const struct collect *c, int64_t now)
{
	return vz_unseal_fault(c->unseal) == VZ_UNSEAL_EXPIRED &&
	    (now < 0 || (uint64_t)now >= c->expires);
}

/* All of it is here. */
static void
opened(struct collect *c)
{
	struct vz_unseal *u = c->unseal;
	int64_t now = (int64_t)time(NULL);
	int r = vz_unseal_end(u, now);

	if (vz_unseal_fault(u) == VZ_UNSEAL_NO_MEMORY) {
		collect_left(c);
		return;
	}
	if (r < 0 && clocks_differ(c, now)) {
		collect_say_clocks(c);
		collect_left(c);
		return;
	}
	if (r < 0) {
		collect_say_unopened(c, vz_unseal_words(vz_unseal_fault(u)));
		collect_taken(c);
		return;
	}
	c->unseal = NULL; /* moved */
	if (letter_new(c->post->srv, &c->post->at->relay_key, u, on_over, c, &c->letter) < 0)
		collect_left(c);
	else
		deliver(c);
}

void
collect_mail_piece(struct collect *c, const struct vz_relay_event *piece)
{
	/* What is wrong with it is asked when all of it is here. */
	(void)vz_unseal_put(c->unseal, piece->bytes, piece->bytes_len);
	c->missing -= piece->bytes_len;
	if (c->missing == 0)
		opened(c);
}
