/*
 * A hash of bytes that come in pieces: BLAKE2b (RFC 7693) with an output of 32 bytes, no key.
 */
#ifndef VZ_BASE_HASH_STREAM_H
#define VZ_BASE_HASH_STREAM_H

#include <stddef.h>
#include <stdint.h>

struct vz_hash_stream;

/* VZ_ENOMEM. The caller ends it by vz_hash_stream_free. */
int vz_hash_stream_new(struct vz_hash_stream **out);
void vz_hash_stream_feed(struct vz_hash_stream *s, const void *p, size_t n);
/* The digest of all that was fed; feeding goes on afterwards as if nothing had been fed yet. */
void vz_hash_stream_end(struct vz_hash_stream *s, uint8_t out[static 32]);
/* Wipes and frees; NULL is nothing. */
void vz_hash_stream_free(struct vz_hash_stream *s);

#endif
