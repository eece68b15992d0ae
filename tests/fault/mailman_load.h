/* Those who deposit, and those who collect. */
#ifndef VZ_MAILMAN_LOAD_H
#define VZ_MAILMAN_LOAD_H

#include "tests/fault/mailman_link.h"

#define UNDER_WAY 4 /* deposits of one connection */
#define TAKING    32
#define AT_ONCE   8   /* messages are collected before they are taken */
#define AHEAD     32  /* deposits since a recipient had seen all, before depositors wait for it */
#define OLD       256 /* how far back a message may be that is deposited again */

/* A connection of a depositor. What breaks off is deposited again. */
struct depositor {
	struct link link;
	unsigned who;
	uint64_t asked[UNDER_WAY], again[UNDER_WAY]; /* numbers; those first in again come first */
	unsigned n_asked, n_again;
	uint8_t *bytes; /* of the last that was asked, while some are missing */
	size_t size, at;
	uint64_t pause_until; /* refused: not more at once */
};

struct taking {
	uint64_t seq, number;
};

struct recipient {
	struct link link;
	uint64_t after, pause_until;
	unsigned ahead;   /* deposits for it since it had seen all */
	bool asked, idle; /* for the next; idle: looked, and there was nothing */
	uint64_t seq, size;
	uint8_t content[32];
	uint8_t *bytes;
	size_t len;
	struct taking kept[AT_ONCE], taking[TAKING]; /* to be taken; and said to be */
	unsigned n_kept, n_taking;
};

static struct {
	struct depositor depositors[2 * PEOPLE]; /* two connections each */
	struct recipient recipients[PEOPLE];
	unsigned n_depositors, n_recipients;
	uint64_t next[PEOPLE]; /* counts of each depositor's messages */
	uint64_t luck, acked, removed, refused;
	bool more;     /* deposits are begun, and only some messages taken */
	bool emptying; /* all are taken */
	bool judging;  /* what is deposited is in the list, and there already or ought to be */
	uint64_t list[64];
	size_t n_list;
} load;

static uint64_t
chance(void)
{
	return mix(load.luck++ ^ opt.seed << 32);
}

/* Of the list, one of a depositor. */
static uint64_t
listed(const struct depositor *d)
{
	for (size_t i = load.n_list; i-- > 0;) {
		uint64_t number = load.list[i];

		if (depositor_of(number) != d->who)
			continue;
		load.list[i] = load.list[--load.n_list];
		return number;
	}
	return 0;
}

static bool
too_far_ahead(void)
{
	for (unsigned i = 0; i < load.n_recipients; i++)
		if (load.recipients[i].ahead > AHEAD)
			return true;
	return false;
}

/* The number of the next message of a depositor, 0 for none. */
static uint64_t
next_number(struct depositor *d)
{
	uint64_t c = chance(), *next = &load.next[d->who];

	if (d->n_again > 0)
		return d->again[--d->n_again];
	if (load.judging)
		return listed(d);
	if (!load.more || now_ms() < d->pause_until || too_far_ahead())
		return 0;
	/* An old one now and then, wherever it is by now. */
	if (c % 16 == 0 && *next > 0)
		return d->who * STRIDE + *next - (c >> 8) % (*next < OLD ? *next : OLD);
	return d->who * STRIDE + ++*next;
}

static void
push(struct depositor *d)
{
	int64_t n = 0;

	if (vz_relay_client_missing(d->link.client) > 0) {
		n = vz_relay_client_part(d->link.client, d->bytes + d->at, d->size - d->at);
		need((int)(n < 0 ? n : 0), "part");
		d->at += (size_t)n;
	}
	if (vz_relay_client_missing(d->link.client) == 0) {
		free(d->bytes);
		d->bytes = NULL;
	}
}

/* Begins deposits while there is room for their bytes. */
static void
deposit_some(struct depositor *d)
{
	uint64_t number;
	uint8_t content[32];

	if (d->bytes != NULL)
		push(d);
	while (d->bytes == NULL && d->n_asked < UNDER_WAY && (number = next_number(d)) != 0) {
		struct vz_identity *to = load.recipients[recipient_of(number)].link.self;

		d->size = (size_t)size_of(number);
		d->bytes = message(number, opt.seed, d->size, content);
		d->at = 0;
		d->asked[d->n_asked++] = number;
		/* Said before it can be on the disk, as a removal is. */
		note('B', number, 0);
		need(vz_relay_client_deposit(
			 d->link.client, &to->bundle.identity, content, d->size, 0),
		    "deposit");
		push(d);
	}
}

static void
refused(struct depositor *d, const struct vz_relay_event *ev)
{
	if (ev->status != 75)
		errx(70, "a deposit was refused: %u %.*s", ev->status, (int)ev->bytes_len,
		    (const char *)ev->bytes);
	note('X', d->asked[0], ev->status);
	if (load.refused++ == 0)
		warnx("refused %u %.*s", ev->status, (int)ev->bytes_len, (const char *)ev->bytes);
	d->pause_until = now_ms() + 20;
	if (opt.stop_refused && load.more) {
		load.more = false;
		printf(
		    "refused %u %.*s\n", ev->status, (int)ev->bytes_len, (const char *)ev->bytes);
	}
}

static void
tell_ready(void)
{
	if (opt.ready_fd >= 0 &&
	    (write(opt.ready_fd, "ready\n", 6) != 6 || close(opt.ready_fd) < 0))
		err(71, "--ready-fd");
	opt.ready_fd = -1;
}

static void
depositor_event(struct link *l, const struct vz_relay_event *ev)
{
	struct depositor *d = (struct depositor *)l;
	char what = load.judging ? 'A' : 'D';

	if (ev->type == VZ_RELAY_EVENT_ROOM)
		return;
	if (ev->type == VZ_RELAY_EVENT_DEPOSITED) {
		note(ev->duplicate ? (char)(what + 'a' - 'A') : what, d->asked[0], ev->number);
		load.acked++;
		load.recipients[recipient_of(d->asked[0])].ahead += !load.judging;
		tell_ready();
	} else if (ev->type == VZ_RELAY_EVENT_REFUSED) {
		refused(d, ev);
	} else {
		errx(70, "a depositor was told %d", ev->type);
	}
	d->n_asked--;
	memmove(d->asked, d->asked + 1, d->n_asked * sizeof(*d->asked));
}

/* Whatever had no answer is deposited again: nobody knows whether it is there. */
static void
depositor_down(struct link *l)
{
	struct depositor *d = (struct depositor *)l;

	while (d->n_asked > 0 && d->n_again < UNDER_WAY)
		d->again[d->n_again++] = d->asked[--d->n_asked];
	free(d->bytes);
	d->bytes = NULL;
}

static void
depositor_up(struct link *l)
{
	(void)l;
}

/* What was collected may go. */
static void
take(struct recipient *r)
{
	for (unsigned i = 0; i < r->n_kept && r->n_taking < TAKING; i++) {
		note('R', r->kept[i].number, r->kept[i].seq);
		need(vz_relay_client_taken(r->link.client, r->kept[i].seq), "taken");
		r->taking[r->n_taking++] = r->kept[i];
	}
	r->n_kept = 0;
}

/* The whole of a message was collected, and is in the journal: it may go, or stay for a while. */
static void
collected(struct recipient *r)
{
	uint64_t number = number_of(r->bytes, r->len, r->content);

	note(number != 0 ? 'C' : 'T', number, r->seq);
	free(r->bytes);
	r->bytes = NULL;
	r->asked = false;
	r->after = r->seq;
	if (!load.more || chance() % 3 != 0)
		r->kept[r->n_kept++] = (struct taking){r->seq, number};
	if (r->n_kept == AT_ONCE)
		take(r);
}

static void
on_piece(struct recipient *r, const struct vz_relay_event *ev)
{
	memcpy(r->bytes + r->len, ev->bytes, ev->bytes_len);
	r->len += ev->bytes_len;
	if (r->len == r->size)
		collected(r);
}

static void
on_entry(struct recipient *r, const struct vz_relay_event *ev)
{
	r->seq = ev->number;
	r->size = ev->size;
	r->len = 0;
	memcpy(r->content, ev->content, sizeof(r->content));
	if ((r->bytes = malloc((size_t)ev->size + 1)) == NULL)
		err(71, "malloc");
}

/* Answers come in order. */
static void
on_removed(struct recipient *r, bool gone)
{
	if (gone)
		note('G', r->taking[0].number, r->taking[0].seq);
	load.removed += gone;
	r->n_taking--;
	memmove(r->taking, r->taking + 1, r->n_taking * sizeof(*r->taking));
}

static void
on_nothing(struct recipient *r)
{
	take(r);
	r->ahead = 0;
	r->asked = false;
	r->idle = r->after == 0 && !load.more;
	r->after = 0;
	r->pause_until = load.more ? now_ms() + 5 : 0;
}

static void
recipient_event(struct link *l, const struct vz_relay_event *ev)
{
	struct recipient *r = (struct recipient *)l;

	switch (ev->type) {
	case VZ_RELAY_EVENT_ENTRY: on_entry(r, ev); break;
	case VZ_RELAY_EVENT_PIECE: on_piece(r, ev); break;
	case VZ_RELAY_EVENT_NOTHING: on_nothing(r); break;
	case VZ_RELAY_EVENT_REMOVED: on_removed(r, true); break;
	case VZ_RELAY_EVENT_REFUSED:
		errx(70, "a recipient was refused: %u %.*s", ev->status, (int)ev->bytes_len,
		    (const char *)ev->bytes);
	case VZ_RELAY_EVENT_ROOM: break;
	default: errx(70, "a recipient was told %d", ev->type);
	}
}

static void
recipient_down(struct link *l)
{
	struct recipient *r = (struct recipient *)l;

	free(r->bytes);
	r->bytes = NULL;
	r->asked = r->idle = false;
	r->after = 0;
	r->n_kept = r->n_taking = 0;
}

static void
recipient_up(struct link *l)
{
	(void)l;
}

static void
collect_some(struct recipient *r)
{
	if (r->asked || r->idle || !(load.more || load.emptying) || now_ms() < r->pause_until)
		return;
	need(vz_relay_client_collect(r->link.client, r->after), "collect");
	r->asked = true;
}

#endif
