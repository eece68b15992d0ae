/*
 * The checksum's arithmetic, for bech32.c and bech32_typo.c.
 */
#ifndef VZ_BASE_BECH32_IMPL_H
#define VZ_BASE_BECH32_IMPL_H

#include <stddef.h>
#include <stdint.h>
#include "base/bech32.h"

#define VZ_BECH32_SUM    6 /* symbols of the checksum */
#define VZ_BECH32_NO_SYM 0xff

/* One step of the BCH code over GF(32). */
uint32_t vz_bech32_step(uint32_t sum, uint8_t group);
/* The human-readable part expanded into the checksum; 0 when it is no lower-case hrp. */
uint32_t vz_bech32_hrp(const char *hrp, size_t len);
/* Five-bit groups that hold len bytes. */
size_t vz_bech32_groups(size_t len);
/* The value of a lower-case symbol, or VZ_BECH32_NO_SYM. */
uint8_t vz_bech32_symbol(char c);

#endif
