/*
 * Which frame is legal in which state: looked up before any handler runs (STYLE 8).
 */
#ifndef VZ_WIRE_LEGAL_H
#define VZ_WIRE_LEGAL_H

#include <stdbool.h>
#include <stdint.h>

/* Where a session stands, by side. */
enum vz_stage {
	VZ_STAGE_LISTENER_START, /* authenticated; the stream is not named yet */
	VZ_STAGE_LISTENER_OPEN,
	VZ_STAGE_SENDER_START, /* authenticated; not told yet what is allowed */
	VZ_STAGE_SENDER_OPEN,
};

/* Where a message stands. The same names on both sides. */
enum vz_message_state {
	VZ_MESSAGE_OPEN,    /* bytes flow */
	VZ_MESSAGE_REFUSED, /* listener: verdict said before the end; the rest is dropped */
	VZ_MESSAGE_ENDED,   /* END passed, verdict outstanding */
	VZ_MESSAGE_OVER,    /* verdict said or message cancelled: only forget remains */
};

bool vz_legal_frame(enum vz_stage stage, uint8_t type);
/* For the frames that speak of one message; `reply` says that one is wanted (kind ask). */
bool vz_legal_message(enum vz_stage stage, enum vz_message_state state, bool reply, uint8_t type);

#endif
