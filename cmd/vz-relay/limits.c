#include "cmd/vz-relay/limits.h"

#define STALL_MS (60 * 1000)

uint64_t
limits_stall_ms(const struct relay *rl)
{
	uint64_t w = rl->options->common.wait_ms;

	return w != 0 ? w : STALL_MS;
}

/* The keepalive goes so often that a living client is never taken for dead. */
void
limits_protocol(const struct relay *rl, struct vz_relay_limits *out)
{
	uint64_t w = rl->options->common.wait_ms;

	vz_relay_limits_default(out);
	out->stall_ms = limits_stall_ms(rl);
	if (w == 0)
		return;
	out->handshake_ms = out->request_ms = out->record_ms = out->dead_ms = w;
	if (out->keepalive_ms > w / 3)
		out->keepalive_ms = w / 3 + 1;
}
