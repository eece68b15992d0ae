#include "cmd/serve/watchdog.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "net/notify.h"

/* Microseconds; 0: nobody asked, or what he said is no number. */
static uint64_t
asked(void)
{
	const char *pid = getenv("WATCHDOG_PID"), *usec = getenv("WATCHDOG_USEC"), *bad;
	long long n;

	if (!usec)
		return 0;
	if (pid && strtonum(pid, 1, INT_MAX, &bad) != getpid())
		return 0;
	n = strtonum(usec, 1, LLONG_MAX, &bad);
	return bad ? 0 : (uint64_t)n;
}

void
watchdog_tick(uint64_t now)
{
	static bool looked;
	static uint64_t each, due;

	if (!looked) {
		looked = true;
		each = asked() / 2 / 1000;
		due = now;
	}
	if (each == 0 || now < due)
		return;
	/* What goes wrong here is what the service manager waits to see. */
	(void)vz_notify(getenv("NOTIFY_SOCKET"), VZ_NOTIFY_ALIVE);
	due = now + each;
}
