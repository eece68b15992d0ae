#include "cmd/common/progress_line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/width.h"

#define WINDOW_MS   5000            /* what a rate is the average of */
#define LEFT_MOST_S (100 * 86400.0) /* what takes longer is not worth a guess */
#define NAME_LEAST  8 /* columns to which names are cut before anything else is left out */
#define PART_MAX    64

#define BOLD   "\033[1m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

void
progress_rate_take(struct progress_rate *r, uint64_t now_ms, uint64_t amount)
{
	uint64_t dt = now_ms - r->at_ms, age = now_ms - r->began_ms;
	double now, weight;

	if (!r->begun) {
		*r = (struct progress_rate){
		    .begun = true, .began_ms = now_ms, .at_ms = now_ms, .amount = amount};
		return;
	}
	if (dt == 0)
		return;
	if (amount < r->amount)
		r->amount = amount;
	now = (double)(amount - r->amount) * 1000 / (double)dt;
	/* At first the average of all. */
	weight = (double)dt / (double)(age < WINDOW_MS ? age : WINDOW_MS);
	r->per_s += (now - r->per_s) * (weight < 1 ? weight : 1);
	r->at_ms = now_ms;
	r->amount = amount;
}

void
progress_duration(uint64_t s, char buf[static 16])
{
	unsigned v = (unsigned)(s < UINT32_MAX ? s : UINT32_MAX);

	if (v < 3600)
		snprintf(buf, 16, "%u:%02u", v / 60, v % 60);
	else if (v < 86400)
		snprintf(buf, 16, "%u:%02u:%02u", v / 3600, v / 60 % 60, v % 60);
	else
		snprintf(buf, 16, "%u d", v / 86400 + (v % 86400 >= 43200));
}

uint64_t
progress_left(const struct progress_state *s)
{
	double left;

	if (s->total == PROGRESS_UNKNOWN || s->done >= s->total || s->per_s < 1)
		return PROGRESS_UNKNOWN;
	left = (double)(s->total - s->done) / s->per_s;
	return left < LEFT_MOST_S ? (uint64_t)(left + 0.5) : PROGRESS_UNKNOWN;
}

/* Rounded down: only what is all there is 100 %. */
static unsigned
percent(const struct progress_state *s)
{
	uint64_t p;

	if (s->done >= s->total)
		return 100;
	p = s->done <= UINT64_MAX / 100 ? s->done * 100 / s->total : s->done / (s->total / 100);
	return p < 100 ? (unsigned)p : 99;
}

/* Parts, in the order in which they are read. */
enum part {
	PEER,
	NAME,
	FILES,
	MESSAGES,
	UNDER_WAY,
	FAILED,
	DONE,
	TOTAL, /* with one blank before it, and only behind DONE */
	PERCENT,
	MESSAGE_RATE,
	RATE,
	LEFT,
	REPLIED,
	PLACES,
	RESUMED,
	NOTE,
	PARTS
};

/* What matters most first. */
static const unsigned char ranking[PARTS] = {PERCENT, NOTE, DONE, MESSAGES, FAILED, RATE,
    MESSAGE_RATE, NAME, LEFT, TOTAL, REPLIED, PLACES, PEER, UNDER_WAY, FILES, RESUMED};

struct parts {
	char text[PARTS][PART_MAX];
	const char *names[PARTS]; /* instead of text, for those that are cut */
};

static void
set(struct parts *p, enum part which, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
set(struct parts *p, enum part which, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->text[which], PART_MAX, fmt, ap);
	va_end(ap);
}

static void
set_messages(struct parts *p, const struct progress_state *s)
{
	set(p, MESSAGES, "%" PRIu64 " delivered", s->delivered);
	if (s->under_way)
		set(p, UNDER_WAY, "%" PRIu64 " under way", s->under_way);
	if (s->failed)
		set(p, FAILED, "%" PRIu64 " failed", s->failed);
	if (s->messages_per_s >= 0.5)
		set(p, MESSAGE_RATE, "%.0f/s", s->messages_per_s);
}

static void
set_bytes(struct parts *p, const struct progress_state *s)
{
	char size[16];

	vz_format_size(s->done, size);
	set(p, DONE, "%s", size);
	if (s->total != PROGRESS_UNKNOWN && s->total > 0) {
		vz_format_size(s->total, size);
		set(p, TOTAL, "of %s", size);
		set(p, PERCENT, "%u %%", percent(s));
	}
	if (s->per_s >= 0.5) {
		vz_format_size((uint64_t)s->per_s, size);
		set(p, RATE, "%s/s", size);
	}
	if (progress_left(s) != PROGRESS_UNKNOWN) {
		progress_duration(progress_left(s), size);
		set(p, LEFT, "%s left", size);
	}
	if (s->replied) {
		vz_format_size(s->replied, size);
		set(p, REPLIED, "reply %s", size);
	}
}

static void
set_all(struct parts *p, const struct progress_state *s)
{
	memset(p, 0, sizeof(*p));
	p->names[PEER] = s->peer;
	p->names[NAME] = s->name;
	if (s->many)
		set_messages(p, s);
	set_bytes(p, s);
	if (s->files > 1)
		set(p, FILES, "file %" PRIu64 " of %" PRIu64, s->file, s->files);
	if (s->places > 1)
		set(p, PLACES, "%zu of %zu there", s->there, s->places);
	if (s->resumed)
		set(p, RESUMED, "resumed %u time%s", s->resumed, s->resumed == 1 ? "" : "s");
	if (s->note)
		set(p, NOTE, "%s", s->note);
}

static const char *
text_of(const struct parts *p, enum part which)
{
	return p->names[which] ? p->names[which] : p->text[which];
}

/* Which of them fit, and how wide the names may be: width[] of those that do not is 0. */
static void
choose(const struct parts *p, size_t columns, size_t width[static PARTS])
{
	size_t used = 0;

	memset(width, 0, PARTS * sizeof(*width));
	for (size_t i = 0; i < PARTS; i++) {
		enum part w = ranking[i];
		size_t want = vz_width(text_of(p, w), strlen(text_of(p, w)));
		size_t between = used == 0 ? 0 : w == TOTAL ? 1 : 2;

		if (p->names[w] && want > NAME_LEAST)
			want = NAME_LEAST;
		if (want == 0 || used + between + want > columns || (w == TOTAL && !width[DONE]))
			continue;
		width[w] = want;
		used += between + want;
	}
	for (size_t i = 0; i < PARTS; i++) {
		enum part w = ranking[i];
		size_t want = vz_width(text_of(p, w), strlen(text_of(p, w)));

		if (width[w] == 0 || want <= width[w])
			continue;
		if (want > width[w] + columns - used)
			want = width[w] + columns - used;
		used += want - width[w];
		width[w] = want;
	}
}

static const char *
colour_of(enum part which)
{
	return which == PERCENT ? BOLD : which == NOTE || which == FAILED ? YELLOW : NULL;
}

static size_t
add(char *out, size_t at, const char *text)
{
	size_t n = strlen(text);

	if (n >= PROGRESS_LINE_MAX - at)
		return at;
	memcpy(out + at, text, n + 1);
	return at + n;
}

const char *
progress_line(
    const struct progress_state *s, size_t columns, bool colour, char out[static PROGRESS_LINE_MAX])
{
	char fitted[PROGRESS_LINE_MAX / 4];
	size_t width[PARTS], at = 0;
	struct parts p;

	set_all(&p, s);
	choose(&p, columns, width);
	*out = '\0';
	for (enum part w = 0; w < PARTS; w++) {
		const char *sgr = colour ? colour_of(w) : NULL;

		if (width[w] == 0)
			continue;
		if (at > 0)
			at = add(out, at, w == TOTAL ? " " : "  ");
		vz_fit(fitted, sizeof(fitted), text_of(&p, w), width[w]);
		at = add(out, at, sgr ? sgr : "");
		at = add(out, at, fitted);
		at = add(out, at, sgr ? PLAIN : "");
	}
	return out;
}

const char *
progress_words(const struct progress_state *s, char out[static PROGRESS_LINE_MAX])
{
	struct parts p;
	size_t at = 0;

	set_all(&p, s);
	*out = '\0';
	for (enum part w = 0; w < PARTS; w++) {
		if (!*text_of(&p, w))
			continue;
		if (at > 0)
			at = add(out, at, w == TOTAL ? " " : ", ");
		at = add(out, at, text_of(&p, w));
	}
	return out;
}
