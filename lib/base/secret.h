/*
 * Memory for secrets. Whatever holds key bytes is allocated here and leaves by vz_secret_free, the
 * one wiping free (STYLE 9).
 */
#ifndef VZ_BASE_SECRET_H
#define VZ_BASE_SECRET_H

#include <stddef.h>

/*
 * Prepares libsodium and the random generator. Call once, first thing in main; later calls are
 * free. VZ_ESYSTEM when there is no randomness to be had.
 */
int vz_secret_init(void);
/*
 * Guarded memory, zeroed, locked where the system allows it, for long-term keys (two guard pages
 * each: not for things that are many). NULL when memory is short. The caller owns it.
 */
void *vz_secret_new(size_t size);
/* The same contract on the ordinary heap, for per-connection state. Zeroed. */
void *vz_secret_small(size_t size);
/* Wipes and frees what the two above gave; NULL is nothing. `size` as given to vz_secret_small. */
void vz_secret_free(void *p);
void vz_secret_small_free(void *p, size_t size);
/* Wipes n bytes; never optimised away. */
void vz_wipe(void *p, size_t n);

#endif
