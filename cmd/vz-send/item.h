/*
 * One message on its way to one destination: how far it is, what became of it.
 */
#ifndef VZ_SEND_ITEM_H
#define VZ_SEND_ITEM_H

#include <stdint.h>

enum item_state {
	ITEM_WAITING, /* not looked at yet */
	ITEM_OPENED,  /* its input is open, the other side does not know of it */
	ITEM_SENDING, /* the message is open */
	ITEM_ENDED,   /* all is sent, the verdict is outstanding */
	ITEM_OVER,    /* status says how */
};

struct item {
	enum item_state state;
	uint64_t number, sent;
	uint64_t taken; /* as the other side says */
	uint64_t began_us;
	int status;
	struct signing *signing; /* --sign, from its begin to its verdict (sign.h) */
};

#endif
