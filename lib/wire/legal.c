#include "wire/legal.h"
#include "wire/frame.h"

#define BIT(type) (UINT64_C(1) << VZ_FRAME_##type)
#define ALWAYS    (BIT(PING) | BIT(PONG) | BIT(PADDING) | BIT(CLOSE))

static const uint64_t frames[] = {
    [VZ_STAGE_LISTENER_START] = ALWAYS | BIT(STREAM),
    [VZ_STAGE_LISTENER_OPEN] =
	ALWAYS | BIT(OPEN) | BIT(DATA) | BIT(END) | BIT(CANCEL) | BIT(FORGET),
    [VZ_STAGE_SENDER_START] = ALWAYS | BIT(READY),
    [VZ_STAGE_SENDER_OPEN] = ALWAYS | BIT(ACK) | BIT(WINDOW) | BIT(DONE),
};

/*
 * DATA, END and CANCEL come from the sender, ACK and DONE from the listener. A verdict that crosses
 * a cancel finds the message over at the sender: legal there, and without effect
 * (session_sender.c).
 */
static const uint64_t messages[] = {
    [VZ_MESSAGE_OPEN] = BIT(DATA) | BIT(END) | BIT(CANCEL) | BIT(ACK) | BIT(DONE),
    [VZ_MESSAGE_REFUSED] = BIT(DATA) | BIT(END) | BIT(CANCEL),
    [VZ_MESSAGE_ENDED] = BIT(ACK) | BIT(DONE),
    [VZ_MESSAGE_OVER] = 0,
};

bool
vz_legal_frame(enum vz_stage stage, uint8_t type)
{
	return type < VZ_FRAME_TYPES && (frames[stage] >> type & 1) != 0;
}

bool
vz_legal_message(enum vz_message_state state, uint8_t type)
{
	return type < VZ_FRAME_TYPES && (messages[state] >> type & 1) != 0;
}
