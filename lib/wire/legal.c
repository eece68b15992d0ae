#include "wire/legal.h"
#include "wire/frame.h"

#define BIT(type) (UINT64_C(1) << VZ_FRAME_##type)
#define ALWAYS    (BIT(PING) | BIT(PONG) | BIT(PADDING) | BIT(CLOSE))
#define FLOW                                                                                \
	(BIT(DATA) | BIT(END) | BIT(ACK) | BIT(WINDOW)) /* of messages, and back of replies \
							 */

static const uint64_t frames[] = {
    [VZ_STAGE_LISTENER_START] = ALWAYS | BIT(STREAM),
    [VZ_STAGE_LISTENER_OPEN] =
	ALWAYS | FLOW | BIT(OPEN) | BIT(WHOLE) | BIT(SIGNED) | BIT(CANCEL) | BIT(FORGET),
    [VZ_STAGE_SENDER_START] = ALWAYS | BIT(READY),
    [VZ_STAGE_SENDER_OPEN] = ALWAYS | FLOW | BIT(DONE) | BIT(ANSWER) | BIT(DELIVERED),
};

/* What may be said of a message to its listener; the second row when a reply is wanted. */
static const uint64_t to_listener[][2] = {
    [VZ_MESSAGE_OPEN] = {BIT(DATA) | BIT(SIGNED) | BIT(END) | BIT(CANCEL),
	BIT(DATA) | BIT(SIGNED) | BIT(END) | BIT(CANCEL) | BIT(ACK)},
    [VZ_MESSAGE_REFUSED] = {BIT(DATA) | BIT(SIGNED) | BIT(END) | BIT(CANCEL),
	BIT(DATA) | BIT(SIGNED) | BIT(END) | BIT(CANCEL) | BIT(ACK)},
    [VZ_MESSAGE_ENDED] = {0, BIT(ACK)},
    [VZ_MESSAGE_OVER] = {0, BIT(ACK)}, /* crossed the verdict: without effect */
};

/* And to its sender. What crossed a cancel on its way is without effect before this is asked. */
static const uint64_t to_sender[][2] = {
    [VZ_MESSAGE_OPEN] = {BIT(ACK) | BIT(DONE), BIT(ACK) | BIT(DONE) | BIT(DATA) | BIT(END)},
    [VZ_MESSAGE_REFUSED] = {0, 0},
    [VZ_MESSAGE_ENDED] = {BIT(ACK) | BIT(DONE) | BIT(DELIVERED),
	BIT(ACK) | BIT(DONE) | BIT(DATA) | BIT(END) | BIT(ANSWER)},
    [VZ_MESSAGE_OVER] = {0, 0},
};

bool
vz_legal_frame(enum vz_stage stage, uint8_t type)
{
	return type < VZ_FRAME_TYPES && (frames[stage] >> type & 1) != 0;
}

bool
vz_legal_message(enum vz_stage stage, enum vz_message_state state, bool reply, uint8_t type)
{
	const uint64_t *row =
	    stage >= VZ_STAGE_SENDER_START ? to_sender[state] : to_listener[state];

	return type < VZ_FRAME_TYPES && (row[reply ? 1 : 0] >> type & 1) != 0;
}
