/*
 * The store in an SQLite file (WAL, synchronous=FULL, one process).
 */
#ifndef VZ_RELAY_STORE_SQLITE_H
#define VZ_RELAY_STORE_SQLITE_H

#include "relay/store.h"

#define VZ_STORE_SQLITE_FILE    "spool.db"
#define VZ_STORE_SQLITE_RESERVE "reserve"

/*
 * Opens the store in folder `dir`, which is made (0700) when it is not there, and recovers what a
 * crash left. Only one process has it open; one that was forked off while it is open, and did not
 * exec, keeps it locked, so helper processes are split off before. NULL limits are the defaults. On
 * failure `words` tells why: VZ_EMODE (the folder or a file is open to others), VZ_EEXISTS (another
 * process has it open), VZ_EFORMAT (no spool, of a newer version, or damaged), VZ_ESYSTEM,
 * VZ_ENOMEM, VZ_ELIMIT (path).
 */
int vz_store_sqlite_open(const char *dir, const struct vz_store_limits *limits,
    char words[static VZ_STORE_WORDS], struct vz_store **out);
/* The same with synchronous=NORMAL, by which power cuts lose what was acknowledged: it is there to
 * prove that the tests of power cuts would see that. */
int vz_store_sqlite_open_weak(const char *dir, const struct vz_store_limits *limits,
    char words[static VZ_STORE_WORDS], struct vz_store **out);

#endif
