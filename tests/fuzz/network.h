/*
 * A hostile network as a script: what one honest side says is changed by the fuzzer's bytes before
 * the other hears it, so that the fuzzer starts behind all that an honest peer can prove. Bytes
 * that have run out change nothing more.
 */
#ifndef VZ_TESTS_FUZZ_NETWORK_H
#define VZ_TESTS_FUZZ_NETWORK_H

#include "base/buf.h"
#include "tests/fuzz/fuzz.h"
#include "wire/channel.h"

#define NETWORK_EDITS 8 /* of one flight */

enum network_edit { PASS_ON, CHANGE, REMOVE, INSERT, CUT, REPEAT, EDITS };

/* One edit of p[0..*len), which has room for cap bytes. False at the end of the edits. */
static inline bool
network_edit(struct vz_rd *script, uint8_t *p, size_t *len, size_t cap)
{
	uint8_t op = vz_rd_u8(script) % EDITS;
	size_t at, n;

	if (op == PASS_ON)
		return false;
	at = vz_rd_u16(script) % (*len + 1);
	n = vz_rd_u8(script);
	if (op == CHANGE && at < *len) {
		p[at] ^= (uint8_t)n;
	} else if (op == REMOVE) {
		n = n < *len - at ? n : *len - at;
		memmove(p + at, p + at + n, *len - at - n);
		*len -= n;
	} else if (op == CUT) {
		*len = at;
	} else if (op == INSERT || op == REPEAT) {
		size_t have = op == INSERT ? script->len : *len - at;

		n = n < have ? n : have;
		n = n < cap - *len ? n : cap - *len;
		memmove(p + at + n, p + at, *len - at);
		if (op == INSERT && n > 0)
			memcpy(p + at, vz_rd_bytes(script, n), n);
		*len += n;
	}
	return true;
}

static inline size_t
network_tamper(struct vz_rd *script, uint8_t *p, size_t len, size_t cap)
{
	for (int i = 0; i < NETWORK_EDITS && network_edit(script, p, &len, cap); i++)
		;
	return len;
}

/* In pieces of at most `piece` bytes; 0 = as they fit. A channel that is full takes no more. */
static inline void
network_feed(struct vz_channel *ch, const uint8_t *p, size_t len, size_t piece)
{
	while (len > 0) {
		size_t n;
		uint8_t *room = vz_channel_space(ch, &n);

		if (room == NULL)
			return;
		PROMISE(n > 0);
		if (n > len)
			n = len;
		if (piece > 0 && n > piece)
			n = piece;
		memcpy(room, p, n);
		vz_channel_fed(ch, n);
		p += n;
		len -= n;
	}
}

#endif
