#include "cmd/vz-relay/metrics.h"

void
metrics_tick(struct relay *rl)
{
	(void)rl;
}

void
metrics_write(struct relay *rl)
{
	(void)rl;
}
