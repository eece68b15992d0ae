#include "cmd/vz-listen/taker.h"

const struct taker *
taker_of(const struct listen_options *o)
{
	switch (o->how) {
	case HOW_LINES:
	case HOW_NULL:
	case HOW_FRAMES:
	case HOW_JSON: return &taker_items;
	case HOW_ECHO: return &taker_echo;
	case HOW_COMMAND: return &taker_command;
	case HOW_COPROC: return &taker_coproc;
	default: return &taker_sink;
	}
}
