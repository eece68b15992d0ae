/* Whether what a journal says of a relay is as it has to be. */
#ifndef VZ_MAILMAN_JUDGE_H
#define VZ_MAILMAN_JUDGE_H

#include "mail/window.h"
#include "tests/fault/mailman_mail.h"

/* What the journal says of one message. */
struct claim {
	uint64_t seq;       /* 0: not known */
	bool begun, acked;  /* deposited; and acknowledged */
	bool removing;      /* said to be taken before the run ended */
	bool gone, there;   /* removed; collected after the run ended */
	unsigned delivered; /* times, by a recipient that keeps windows */
};

static struct {
	struct claim *claims[PEOPLE]; /* by count */
	size_t cap[PEOPLE];
	uint64_t last[PEOPLE];         /* highest count of each */
	uint64_t *owner, owner_cap;    /* the number that a seq belongs to */
	uint64_t last_seq, seq_before; /* that before what was deposited in the end */
	struct vz_window windows[PEOPLE][PEOPLE];
	bool ended;
	unsigned long acknowledged, removed, lost, back, twice, torn, told;
} judge;

/* The first few are told of; a relay that does it for ever is not looked at for ever. */
static void
wrong(unsigned long *sum, const char *what, uint64_t number, uint64_t seq)
{
	if (++*sum > 10000)
		errx(1, "message %llu, seq %llu: %s, and 10,000 before it",
		    (unsigned long long)number, (unsigned long long)seq, what);
	if (judge.told++ < 10)
		warnx("message %llu, seq %llu: %s", (unsigned long long)number,
		    (unsigned long long)seq, what);
}

static void *
grown(void *p, size_t *cap, size_t at, size_t size)
{
	size_t was = *cap;

	if (at < was)
		return p;
	*cap = at * 2 + 1024;
	if ((p = realloc(p, *cap * size)) == NULL)
		err(71, "realloc");
	memset((uint8_t *)p + was * size, 0, (*cap - was) * size);
	return p;
}

static struct claim *
claim_of(uint64_t number)
{
	unsigned who = depositor_of(number);
	size_t i = (size_t)(number % STRIDE);

	if (who >= PEOPLE)
		errx(70, "there is no message %llu", (unsigned long long)number);
	judge.claims[who] =
	    grown(judge.claims[who], &judge.cap[who], i, sizeof(*judge.claims[who]));
	if (i > judge.last[who])
		judge.last[who] = i;
	return &judge.claims[who][i];
}

/* One message has one seq, and the other way round. */
static void
numbered(struct claim *c, uint64_t number, uint64_t seq)
{
	size_t cap = (size_t)judge.owner_cap;

	judge.owner = grown(judge.owner, &cap, (size_t)seq, sizeof(*judge.owner));
	judge.owner_cap = cap;
	if (c->seq != 0 && c->seq != seq)
		wrong(&judge.twice, "has another seq, too", number, seq);
	if (judge.owner[seq] != 0 && judge.owner[seq] != number)
		wrong(&judge.twice, "has the seq of another", number, seq);
	c->seq = seq;
	judge.owner[seq] = number;
	if (seq > judge.last_seq)
		judge.last_seq = seq;
}

static void
on_acked(struct claim *c, uint64_t number, uint64_t seq)
{
	numbered(c, number, seq);
	judge.acknowledged += !c->acked;
	c->acked = true;
}

/* What a recipient's window says of it is done to it. */
static void
deliver(struct claim *c, uint64_t number, uint64_t seq)
{
	struct vz_window *w = &judge.windows[depositor_of(number)][recipient_of(number)];
	struct vz_manifest m = {.sequence = number % STRIDE};
	struct vz_window_gap gap;

	if (vz_window_check(w, &m, &gap) == VZ_WINDOW_NEW) {
		vz_window_mark(w, &m);
		if (c->delivered++ > 0)
			wrong(&judge.twice, "delivered twice", number, seq);
	} else if (c->delivered == 0) {
		wrong(&judge.lost, "came too late to be delivered", number, seq);
	}
}

static void
on_collected(struct claim *c, uint64_t number, uint64_t seq)
{
	if (!c->begun)
		wrong(&judge.torn, "was never deposited", number, seq);
	if (c->gone)
		wrong(&judge.back, "was removed, and is back", number, seq);
	numbered(c, number, seq);
	c->there |= judge.ended;
	deliver(c, number, seq);
}

/* Deposited again: what was acknowledged is no news, and what is has a seq of its own. */
static void
on_again(struct claim *c, uint64_t number, uint64_t seq, bool duplicate)
{
	if (c->acked && !duplicate)
		wrong(&judge.twice, "was taken again as new", number, seq);
	if (!duplicate && seq <= judge.seq_before)
		wrong(&judge.twice, "has a seq that is not new", number, seq);
	on_acked(c, number, seq);
}

static void
hear(char what, uint64_t number, uint64_t seq)
{
	struct claim *c = what == 'T' || what == 'E' ? NULL : claim_of(number);

	switch (what) {
	case 'B': c->begun = true; break;
	case 'D':
	case 'd': on_acked(c, number, seq); break;
	case 'X': break;
	case 'C': on_collected(c, number, seq); break;
	case 'R': c->removing |= !judge.ended; break;
	case 'G':
		judge.removed += !c->gone;
		c->gone = true;
		break;
	case 'A':
	case 'a': on_again(c, number, seq, what == 'a'); break;
	case 'T': wrong(&judge.torn, "is no message that was deposited", 0, seq); break;
	case 'E': judge.ended = true; break;
	default: errx(70, "the journal has a line of %c", what);
	}
}

static void
read_journal(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long long ns, number, seq;
	char what;

	if (f == NULL)
		err(71, "%s", path);
	for (unsigned i = 0; i < PEOPLE; i++)
		for (unsigned j = 0; j < PEOPLE; j++)
			vz_window_init(&judge.windows[i][j], &(struct vz_key){.b = {1}});
	while (fscanf(f, "%llu %c %llu %llu\n", &ns, &what, &number, &seq) == 4)
		hear(what, number, seq);
	if (!feof(f) || fclose(f) != 0)
		errx(71, "%s: not a journal", path);
}

/* Some messages that were acknowledged, the last ones and others, and a new one of each. */
static size_t
probes(uint64_t *list, size_t max)
{
	size_t n = 0;

	for (unsigned who = 0; who < opt.depositors && n < max; who++) {
		uint64_t step = 1, i = judge.last[who];

		list[n++] = who * STRIDE + i + 1;
		for (unsigned tried = 0; tried < 10 && n < max && i > 0; tried++) {
			if (judge.claims[who][i].acked)
				list[n++] = who * STRIDE + i;
			step += tried / 2 * step;
			i -= step < i ? step : i;
		}
	}
	return n;
}

/* After all was looked at. True when nothing is wrong. */
static bool
verdict(void)
{
	for (unsigned who = 0; who < PEOPLE; who++) {
		for (uint64_t i = 1; judge.claims[who] != NULL && i <= judge.last[who]; i++) {
			const struct claim *c = &judge.claims[who][i];

			if (c->acked && !c->removing && !c->there)
				wrong(&judge.lost, "was acknowledged, and is not there",
				    who * STRIDE + i, c->seq);
		}
		free(judge.claims[who]);
	}
	free(judge.owner);
	printf("acknowledged %lu removed %lu lost %lu back %lu twice %lu torn %lu\n",
	    judge.acknowledged, judge.removed, judge.lost, judge.back, judge.twice, judge.torn);
	return judge.lost + judge.back + judge.twice + judge.torn == 0;
}

#endif
