/*
 * Words about a key that was mistyped (base/bech32_typo.h): where to look. Never the key that was
 * meant: that is to be read from where it came.
 */
#ifndef VZ_ID_TYPO_H
#define VZ_ID_TYPO_H

#include <stddef.h>
#include "id/address.h"

#define VZ_TYPO_WORDS 160 /* and the NUL */

/*
 * Each writes words for behind "not a key: ", such as
 *	the 17th character is likely wrong: the x in ...q2ymx7kf3...
 * or "" when nothing can be said, and returns out. Only printable ASCII comes out, and of the text
 * at most the nine characters around that place.
 */
const char *vz_key_typo(const char *s, size_t len, char out[static VZ_TYPO_WORDS]);
/* The same of a pre-shared key: a number, and nothing of the text. */
const char *vz_psk_typo(const char *s, size_t len, char out[static VZ_TYPO_WORDS]);
/* Of the first key in an address that vz_address_parse refused; names are followed as there. */
const char *vz_address_typo(
    const char *s, size_t len, vz_lookup_fn *lookup, void *arg, char out[static VZ_TYPO_WORDS]);

#endif
