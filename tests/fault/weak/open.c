/*
 * Linked into a vz-relay with --wrap=vz_store_sqlite_open: its store is synchronous=NORMAL, by
 * which power cuts lose what was acknowledged (tests/fault/relay-cuts).
 */
#include "relay/store_sqlite.h"

int __wrap_vz_store_sqlite_open(const char *dir, const struct vz_store_limits *limits,
    char words[static VZ_STORE_WORDS], struct vz_store **out);

int
__wrap_vz_store_sqlite_open(const char *dir, const struct vz_store_limits *limits,
    char words[static VZ_STORE_WORDS], struct vz_store **out)
{
	return vz_store_sqlite_open_weak(dir, limits, words, out);
}
