/*
 * Frames in words, by the table that they are coded by.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "id/key.h"
#include "wire/layout.h"

#define HEX_SHOWN  4 /* bytes of what is long and nobody reads */
#define TEXT_SHOWN 300

/* Where the words go. */
struct words {
	char *at;
	size_t room; /* with the NUL */
};

static void say(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
say(struct words *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->at, w->room, fmt, ap);
	va_end(ap);
	if (n < 0 || w->room == 0)
		return;
	if ((size_t)n >= w->room)
		n = (int)w->room - 1;
	w->at += n;
	w->room -= (size_t)n;
}

static uint64_t
number_at(const void *at, size_t width)
{
	switch (width) {
	case 1: return *(const uint8_t *)at;
	case 2: return *(const uint16_t *)at;
	case 4: return *(const uint32_t *)at;
	default: return *(const uint64_t *)at;
	}
}

static void
say_number(struct words *w, const char *word, uint64_t value)
{
	if (value == UINT64_MAX)
		say(w, " %s=unknown", word);
	else
		say(w, " %s=%" PRIu64, word, value);
}

/* Bytes as they are: keys are public, streams are told in every log, the rest is cut. */
static void
say_fixed(struct words *w, const char *word, const uint8_t *p, size_t width)
{
	char text[VZ_KEY_TEXT];
	struct vz_key key;

	if (strcmp(word, "key") == 0 && width == sizeof(key.b)) {
		memcpy(key.b, p, sizeof(key.b));
		vz_key_format(&key, text);
		say(w, " %s=%s", word, text);
		return;
	}
	say(w, " %s=", word);
	for (size_t i = 0; i < HEX_SHOWN; i++)
		say(w, "%02x", p[i]);
	say(w, "...");
}

static void
say_tail(struct words *w, char code, const uint8_t *p, size_t len)
{
	char text[TEXT_SHOWN];

	if (code != 'M' && code != 'T') {
		say(w, " bytes=%zu", len);
		return;
	}
	if (len == 0)
		return;
	vz_escape(VZ_ESCAPE_LINE, text, sizeof(text), p, len);
	say(w, " %s='%s'", code == 'M' ? "name" : "text", text);
}

static void
say_field(const struct vz_layouts *set, struct words *w, char code, const uint8_t *f)
{
	const struct vz_layout_field *d = &set->fields[(uint8_t)code];

	if (d->width == 0)
		say_tail(w, code, *(const uint8_t *const *)(const void *)(f + set->bytes),
		    *(const size_t *)(const void *)(f + set->bytes_len));
	else if (d->width <= 8)
		say_number(w, d->word, number_at(f + d->at, d->width));
	else
		say_fixed(w, d->word, f + d->at, d->width);
}

static bool
is_number(const struct vz_layouts *set, char code)
{
	const struct vz_layout_field *d = &set->fields[(uint8_t)code];

	return d->width == 8 && strcmp(d->word, "number") == 0;
}

void
vz_layout_describe(
    const struct vz_layouts *set, const void *f, const char *stream, char *out, size_t cap)
{
	uint8_t type = ((const uint8_t *)f)[set->type];
	const char *codes = type < set->n ? set->types[type].codes : NULL;
	struct words w = {.at = out, .room = cap};

	if (cap > 0)
		*out = '\0';
	say(&w, "%s", vz_layout_name(set, type));
	if (codes == NULL)
		return;
	if (stream != NULL && is_number(set, *codes)) {
		say(&w, " %s.%" PRIu64, stream,
		    number_at((const uint8_t *)f + set->fields[(uint8_t)*codes].at, 8));
		codes++;
	}
	for (; *codes != '\0'; codes++)
		say_field(set, &w, *codes, f);
}
