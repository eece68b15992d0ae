/*
 * The hash under an SSHSIG of a message that comes in pieces (PROTOCOL.sshsig 3), for
 * vz_sshsig_sign_digest and vz_sshsig_verify_digest.
 */
#ifndef VZ_CRYPTO_SIGN_STREAM_H
#define VZ_CRYPTO_SIGN_STREAM_H

#include <stddef.h>
#include <stdint.h>

struct vz_sign_stream;

/* hash_bits is 512 or 256 (VZ_EINVAL). VZ_ENOMEM. The caller ends it by vz_sign_stream_free. */
int vz_sign_stream_new(int hash_bits, struct vz_sign_stream **out);
void vz_sign_stream_feed(struct vz_sign_stream *s, const void *p, size_t n);
/* The digest of all that was fed, zeros behind it when it is the shorter one; feed no more then. */
void vz_sign_stream_end(struct vz_sign_stream *s, uint8_t digest[static 64]);
/* NULL is nothing. */
void vz_sign_stream_free(struct vz_sign_stream *s);

#endif
