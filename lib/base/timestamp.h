/*
 * Points in time as ssh-keygen(1) writes them: YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, local time
 * or, with Z or UTC behind it, UTC. Local time is that without daylight saving also in summer,
 * since that is what ssh-keygen makes of it, and one file should mean one thing.
 */
#ifndef VZ_BASE_TIMESTAMP_H
#define VZ_BASE_TIMESTAMP_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* mktime(3), or what stands for it: tm_isdst is 0; -1 when there is no such time. */
typedef time_t vz_local_time_fn(struct tm *tm);

/*
 * Unix seconds, above 0. `local` is asked when the time is not in UTC. VZ_EFORMAT: also for a day
 * that its month has not, and for times up to 1970-01-01.
 */
int vz_timestamp_parse(const char *s, size_t len, vz_local_time_fn *local, int64_t *out);

#endif
