/*
 * An identity's public name: an Ed25519 public key, written vz1... (DESIGN 4).
 */
#ifndef VZ_ID_KEY_H
#define VZ_ID_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VZ_KEY_TEXT 62 /* 61 characters and a NUL */

struct vz_key {
	uint8_t b[32];
};

/* Strict: bech32 "vz", canonical point, not of small order. VZ_EFORMAT, VZ_EAUTH (bad point). */
int vz_key_parse(const char *s, size_t len, struct vz_key *out);
void vz_key_format(const struct vz_key *k, char out[static VZ_KEY_TEXT]);
bool vz_key_equal(const struct vz_key *a, const struct vz_key *b);

#define VZ_PSK_LEN  32
#define VZ_PSK_TEXT 66 /* "vzpsk1..." and a NUL */
/* The pre-shared key's text form. VZ_EFORMAT. */
int vz_psk_parse(const char *s, size_t len, uint8_t out[static VZ_PSK_LEN]);
int vz_psk_format(const uint8_t psk[static VZ_PSK_LEN], char *out, size_t cap);

#endif
