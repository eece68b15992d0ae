#include "id/art.h"

#include <string.h>
#include "base/err.h"
#include "crypto/sign.h"

/* What a place looks like that was visited so often; the last two are the start and the end. */
static const char marks[] = " .o+=*BOX@%&#/^SE";

#define MARK_START ((uint8_t)(sizeof(marks) - 3))
#define MARK_END   ((uint8_t)(sizeof(marks) - 2))

static int
step(int at, int forward, int size)
{
	at += forward ? 1 : -1;
	return at < 0 ? 0 : at >= size ? size - 1 : at;
}

/* Two bits for each step, the lowest of each byte first; a wall stops a step that would cross it.
 */
static void
walk(const uint8_t digest[static 32], uint8_t field[VZ_ART_HEIGHT][VZ_ART_WIDTH])
{
	int x = VZ_ART_WIDTH / 2, y = VZ_ART_HEIGHT / 2;

	for (unsigned i = 0; i < 32; i++)
		for (unsigned bits = digest[i], n = 0; n < 4; n++, bits >>= 2) {
			x = step(x, bits & 1, VZ_ART_WIDTH);
			y = step(y, bits & 2, VZ_ART_HEIGHT);
			if (field[y][x] < MARK_START - 1)
				field[y][x]++;
		}
	field[VZ_ART_HEIGHT / 2][VZ_ART_WIDTH / 2] = MARK_START;
	field[y][x] = MARK_END;
}

/* The line of a border, `words` in its middle, half a place to the left where it must be. */
static uint8_t *
border(uint8_t *p, const char *words)
{
	size_t len = strlen(words);

	*p = '+';
	memset(p + 1, '-', VZ_ART_WIDTH);
	memcpy(p + 1 + (VZ_ART_WIDTH - len) / 2, words, len);
	memcpy(p + 1 + VZ_ART_WIDTH, "+\n", 2);
	return p + VZ_ART_WIDTH + 3;
}

int
vz_art(const uint8_t digest[static 32], const char *title, const char *footer, struct vz_buf *out)
{
	uint8_t field[VZ_ART_HEIGHT][VZ_ART_WIDTH] = {{0}}, *p;
	int err;

	if (strlen(title) > VZ_ART_WIDTH || strlen(footer) > VZ_ART_WIDTH)
		return VZ_ELIMIT;
	err = vz_buf_reserve(out, VZ_ART_TEXT, &p);
	if (err)
		return err;
	walk(digest, field);
	p = border(p, title);
	for (size_t y = 0; y < VZ_ART_HEIGHT; y++) {
		*p++ = '|';
		for (size_t x = 0; x < VZ_ART_WIDTH; x++)
			*p++ = (uint8_t)marks[field[y][x]];
		*p++ = '|';
		*p++ = '\n';
	}
	border(p, footer);
	vz_buf_added(out, VZ_ART_TEXT);
	return 0;
}

int
vz_art_of_key(const struct vz_key *key, struct vz_buf *out)
{
	uint8_t digest[32];

	vz_ssh_digest(key->b, digest);
	return vz_art(digest, "[ED25519 256]", "[SHA256]", out);
}
