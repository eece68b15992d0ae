/*
 * A service manager that wants to hear now and then that we are alive (sd_watchdog_enabled(3)).
 */
#ifndef VZ_SERVE_WATCHDOG_H
#define VZ_SERVE_WATCHDOG_H

#include <stdint.h>

/*
 * Comes each second from the loop whose turning is the proof, with the loop's time in milliseconds.
 * Says it when half of WATCHDOG_USEC is over since it was said last; nothing where WATCHDOG_PID is
 * another process, or nobody asked.
 */
void watchdog_tick(uint64_t now);

#endif
