/*
 * Where a bech32 text that does not decode was mistyped.
 *
 * The checksum is a BCH code that tells up to four wrong characters from none in texts of at most
 * 89 characters, and so one wrong character has one place there. BIP 173 warns of going further:
 * what is said here is for people, to look at that place again. Nobody may take a text that was
 * mended by it for the one that was meant.
 */
#ifndef VZ_BASE_BECH32_TYPO_H
#define VZ_BASE_BECH32_TYPO_H

#include <stddef.h>
#include <stdint.h>
#include "base/bech32.h"

enum vz_typo {
	VZ_TYPO_NONE,    /* nothing can be said: more than one slip, or no such text at all */
	VZ_TYPO_WRONG,   /* the character `at` is wrong */
	VZ_TYPO_SWAPPED, /* it and the next one have changed places */
	VZ_TYPO_MISSING, /* one is missing before it; `at` may be n, the end */
	VZ_TYPO_EXTRA,   /* it is one too many */
	VZ_TYPO_CASE, /* capital and small letters are mixed; `at` is the first of the other kind */
};

/*
 * What one slip would explain that s[0..n) is no text of this hrp with `len` bytes; sets *at, from
 * 0. VZ_TYPO_NONE also for a text that is right. Where characters repeat, one of the same is named.
 * Nothing of the text is kept: it may be secret.
 */
enum vz_typo vz_bech32_typo(const char *hrp, const char *s, size_t n, size_t len, size_t *at);

#endif
