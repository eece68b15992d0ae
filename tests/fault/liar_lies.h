/* Which lies the liar tells now. Its manual is in liar.c. */
#ifndef VZ_LIAR_LIES_H
#define VZ_LIAR_LIES_H

#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum lie {
	/* about bytes of a joined pair, with A and B */
	CUT,
	FLIP,
	DROP,
	REPEAT,
	REORDER,
	/* about who is joined with whom */
	SWAP_SENDERS,
	OTHER_MATCH,
	AS_DIRECT,
	AS_RELAYED,
	REPLAY,
	/* about bundles and mail */
	OLD_BUNDLE,
	OTHER_BUNDLE,
	BAD_BUNDLE,
	LOSE,
	KEEP,
	TWICE,
	NEWEST_FIRST,
	SWAP_BOXES,
	BAD_MAIL,
	LIES,
};

static const char *const lie_names[LIES] = {"cut", "flip", "drop", "repeat", "reorder",
    "swap-senders", "other-match", "as-direct", "as-relayed", "replay", "old-bundle",
    "other-bundle", "bad-bundle", "lose", "keep", "twice", "newest-first", "swap-boxes",
    "bad-mail"};

static struct {
	bool on;
	uint64_t a, b; /* of the bytes [a, b) */
	bool down;     /* of those from the listener */
} lies[LIES];

/* "NAME [A[:B]] [down]", or "honest". */
static void
lie_as_told(const char *line)
{
	char name[24] = "", range[48] = "0:0", dir[8] = "up";
	char *colon;

	(void)sscanf(line, "%23s %47s %7s", name, range, dir);
	if (strcmp(name, "honest") == 0) {
		memset(lies, 0, sizeof(lies));
		return;
	}
	for (int i = 0; i < LIES; i++) {
		if (strcmp(name, lie_names[i]) != 0)
			continue;
		lies[i].on = true;
		lies[i].a = strtoull(range, &colon, 10);
		lies[i].b = *colon == ':' ? strtoull(colon + 1, NULL, 10) : lies[i].a + 1;
		lies[i].down = strcmp(dir, "down") == 0;
		return;
	}
	errx(64, "what lie is '%s'?", line);
}

#endif
