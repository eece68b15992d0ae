#include "cmd/common/talk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/common/diag.h"
#include "guard/ratelimit.h"
#include "wire/frame.h"
#include "wire/relay_frame.h"

#define SUM_US     (1000 * 1000)
#define WORDS_MAX  1200
#define STREAM_HEX 8 /* digits of a stream, enough to find it in other lines */

/* Contents; acknowledgements; room. */
enum { SUMS = 3 };

/* Frames of one kind in one direction that no line was written for yet. */
struct sum {
	uint64_t frames, bytes, since_us;
	char last[WORDS_MAX / 2]; /* the latest, in words */
};

struct talk {
	struct vz_observer observer;
	const char *with;
	uint64_t began_us;
	char stream[STREAM_HEX + 1];
	struct sum sums[2][SUMS]; /* in, out */
	struct vz_bucket lines;
	uint64_t hidden; /* lines that there was no room for */
};

static uint64_t
clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void
write_event(const struct talk *t, const char *way, uint64_t us, const char *words)
{
	struct vz_json *j = diag_event("talk");

	vz_json_str(j, "with", t->with);
	vz_json_u64(j, "us", us);
	vz_json_str(j, "way", way);
	vz_json_str(j, "text", words);
	diag_event_end(j);
}

static void
write_line(const struct talk *t, const char *way, uint64_t us, const char *words)
{
	const char *at = strrchr(t->with, '@');
	char with[300];

	if (diag_is_json()) {
		write_event(t, way, us, words);
		return;
	}
	at = at ? at + 1 : t->with;
	diag_verbose(2, "%s: %" PRIu64 ".%03" PRIu64 " ms %s %s",
	    diag_escape(with, sizeof(with), at, strlen(at)), us / 1000, us % 1000, way, words);
}

static void
say(struct talk *t, const char *way, const char *words)
{
	uint64_t now = clock_us(), us = now - t->began_us;
	char text[80];

	if (vz_bucket_take(&t->lines, 1, now / 1000) != 0) {
		t->hidden++;
		return;
	}
	if (t->hidden > 0) {
		snprintf(text, sizeof(text), "and %" PRIu64 " lines more", t->hidden);
		t->hidden = 0;
		write_line(t, "-", us, text);
	}
	write_line(t, way, us, words);
}

static void
say_sum(struct talk *t, bool out, struct sum *s)
{
	char words[WORDS_MAX], bytes[40] = "";

	if (s->bytes > 0)
		snprintf(bytes, sizeof(bytes), ", %" PRIu64 " bytes in all", s->bytes);
	if (s->frames > 1)
		snprintf(words, sizeof(words), "%s, the last of %" PRIu64 "%s", s->last, s->frames,
		    bytes);
	if (s->frames > 0)
		say(t, out ? ">" : "<", s->frames > 1 ? words : s->last);
	s->frames = s->bytes = 0;
}

static void
say_sums(struct talk *t)
{
	for (unsigned out = 0; out < 2; out++)
		for (unsigned i = 0; i < SUMS; i++)
			say_sum(t, out, &t->sums[out][i]);
}

/* What `describe` gives is kept in the sum, or said. */
static void
add(struct talk *t, bool out, unsigned i, const char *words, size_t bytes)
{
	struct sum *s = &t->sums[out][i];
	uint64_t now = clock_us();

	if (s->frames++ == 0)
		s->since_us = now;
	s->bytes += bytes;
	strlcpy(s->last, words, sizeof(s->last));
	if (now - s->since_us >= SUM_US)
		say_sum(t, out, s);
}

static void
on_handshake(void *arg, bool out, bool to_relay, unsigned message, size_t len)
{
	struct talk *t = arg;
	char words[80];

	say_sums(t);
	snprintf(words, sizeof(words), "%shandshake %u bytes=%zu", to_relay ? "relay: " : "",
	    message, len);
	say(t, out ? ">" : "<", words);
}

static void
on_frame(void *arg, bool out, const struct vz_frame *f)
{
	struct talk *t = arg;
	char words[WORDS_MAX / 2];

	if (f->type == VZ_FRAME_STREAM)
		for (unsigned i = 0; i < STREAM_HEX / 2; i++)
			snprintf(t->stream + 2 * i, 3, "%02x", f->stream[i]);
	vz_frame_describe(f, t->stream, words, sizeof(words));
	switch (f->type) {
	case VZ_FRAME_DATA: add(t, out, 0, words, f->bytes_len); return;
	case VZ_FRAME_ACK: add(t, out, 1, words, 0); return;
	case VZ_FRAME_WINDOW: add(t, out, 2, words, 0); return;
	default: break;
	}
	say_sums(t);
	say(t, out ? ">" : "<", words);
}

static void
on_relay(void *arg, bool out, const struct vz_relay_frame *f)
{
	struct talk *t = arg;
	char words[WORDS_MAX / 2] = "relay: ";
	size_t n = strlen(words);

	vz_relay_frame_describe(f, words + n, sizeof(words) - n);
	switch (f->type) {
	case VZ_RELAY_PART:
	case VZ_RELAY_PIECE: add(t, out, 0, words, f->bytes_len); return;
	case VZ_RELAY_ROOM: add(t, out, 2, words, 0); return;
	default: break;
	}
	say_sums(t);
	say(t, out ? ">" : "<", words);
}

struct talk *
talk_new(const char *with)
{
	struct talk *t = diag_shows(2) ? calloc(1, sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	t->observer = (struct vz_observer){
	    .handshake = on_handshake, .frame = on_frame, .relay = on_relay, .arg = t};
	t->with = with;
	t->began_us = clock_us();
	vz_bucket_init(&t->lines, TALK_RATE, TALK_BURST);
	return t;
}

const struct vz_observer *
talk_observer(const struct talk *t)
{
	return t ? &t->observer : NULL;
}

void
talk_again(struct talk *t)
{
	if (!t)
		return;
	say_sums(t);
	t->began_us = clock_us();
}

void
talk_free(struct talk *t)
{
	char text[80];

	if (!t)
		return;
	say_sums(t);
	if (t->hidden > 0) {
		snprintf(text, sizeof(text), "and %" PRIu64 " lines more", t->hidden);
		write_line(t, "-", clock_us() - t->began_us, text);
	}
	free(t);
}
