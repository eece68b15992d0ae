#include "mail/window.h"

#include <string.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"

#define VERSION 1
#define WORDS   (VZ_WINDOW_BITS / 64)
#define SUM_LEN 32

/* Where the fields of an encoded window begin. */
enum {
	AT_VERSION = 0,
	AT_SENDER = 1,
	AT_STREAM = 33,
	AT_HIGHEST = 49,
	AT_SEEN = 57,
	AT_SUM = AT_SEEN + 8 * WORDS,
};

_Static_assert(AT_SUM + SUM_LEN == VZ_WINDOW_LEN, "the layout fills the length");

void
vz_window_init(struct vz_window *w, const struct vz_key *sender)
{
	memset(w, 0, sizeof(*w));
	w->sender = *sender;
}

enum vz_window_verdict
vz_window_check(const struct vz_window *w, const struct vz_manifest *m, struct vz_window_gap *gap)
{
	uint64_t back;

	*gap = (struct vz_window_gap){0, 0};
	if (m->sequence > w->highest) {
		if (m->sequence - w->highest > 1 && w->highest > 0 &&
		    memcmp(m->stream, w->stream, sizeof(w->stream)) == 0)
			*gap = (struct vz_window_gap){w->highest + 1, m->sequence - 1};
		return VZ_WINDOW_NEW;
	}
	back = w->highest - m->sequence;
	if (back >= VZ_WINDOW_BITS)
		return VZ_WINDOW_OLD;
	return w->seen[back / 64] >> back % 64 & 1 ? VZ_WINDOW_SEEN : VZ_WINDOW_NEW;
}

/* All that was seen gets `by` older. */
static void
shift(struct vz_window *w, uint64_t by)
{
	size_t words = by < VZ_WINDOW_BITS ? (size_t)by / 64 : WORDS;
	unsigned bits = by % 64;

	for (size_t i = WORDS; i-- > 0;) {
		uint64_t v = i >= words ? w->seen[i - words] << bits : 0;

		if (bits > 0 && i >= words + 1)
			v |= w->seen[i - words - 1] >> (64 - bits);
		w->seen[i] = v;
	}
}

void
vz_window_mark(struct vz_window *w, const struct vz_manifest *m)
{
	uint64_t back;

	if (m->sequence > w->highest) {
		shift(w, m->sequence - w->highest);
		w->highest = m->sequence;
		memcpy(w->stream, m->stream, sizeof(w->stream));
	}
	back = w->highest - m->sequence;
	if (back < VZ_WINDOW_BITS)
		w->seen[back / 64] |= (uint64_t)1 << back % 64;
}

void
vz_window_encode(const struct vz_window *w, uint8_t out[static VZ_WINDOW_LEN])
{
	out[AT_VERSION] = VERSION;
	memcpy(out + AT_SENDER, w->sender.b, sizeof(w->sender.b));
	memcpy(out + AT_STREAM, w->stream, sizeof(w->stream));
	vz_store64(out + AT_HIGHEST, w->highest);
	for (size_t i = 0; i < WORDS; i++)
		vz_store64(out + AT_SEEN + 8 * i, w->seen[i]);
	vz_blake2b_256(NULL, 0, out, AT_SUM, NULL, 0, out + AT_SUM);
}

/* Nothing below 1 was ever delivered, and the highest always was. */
static bool
consistent(const struct vz_window *w)
{
	if (w->highest > VZ_SEQUENCE_MAX)
		return false;
	for (uint64_t back = 0; back < VZ_WINDOW_BITS; back++) {
		bool seen = w->seen[back / 64] >> back % 64 & 1;

		if (back >= w->highest ? seen : back == 0 && !seen)
			return false;
	}
	return true;
}

int
vz_window_decode(const uint8_t *p, size_t len, const struct vz_key *sender, struct vz_window *out)
{
	uint8_t sum[SUM_LEN];
	struct vz_window w;

	memset(out, 0, sizeof(*out));
	if (len != VZ_WINDOW_LEN || p[AT_VERSION] != VERSION)
		return VZ_EFORMAT;
	vz_blake2b_256(NULL, 0, p, AT_SUM, NULL, 0, sum);
	if (memcmp(sum, p + AT_SUM, SUM_LEN) != 0)
		return VZ_EFORMAT;
	memcpy(w.sender.b, p + AT_SENDER, sizeof(w.sender.b));
	memcpy(w.stream, p + AT_STREAM, sizeof(w.stream));
	w.highest = vz_load64(p + AT_HIGHEST);
	for (size_t i = 0; i < WORDS; i++)
		w.seen[i] = vz_load64(p + AT_SEEN + 8 * i);
	if (!vz_key_equal(&w.sender, sender) || !consistent(&w))
		return VZ_EFORMAT;
	*out = w;
	return 0;
}
