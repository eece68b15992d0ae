#include "id/typo.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/bech32_typo.h"

#define AROUND    4
#define NAMES_MAX 8 /* as in address.c */

static const char *
suffix(size_t n)
{
	if (n % 100 >= 11 && n % 100 <= 13)
		return "th";
	switch (n % 10) {
	case 1: return "st";
	case 2: return "nd";
	case 3: return "rd";
	default: return "th";
	}
}

/* Before or after the place, the end of a text that goes on is marked. */
static void
around(const char *s, size_t len, size_t at, char out[static 3 + 2 * AROUND + 2 + 3 + 1])
{
	size_t from = at > AROUND ? at - AROUND : 0;
	size_t to = at + AROUND + 1 < len ? at + AROUND + 1 : len;
	char *p = out;

	if (from > 0)
		p = stpcpy(p, "...");
	for (size_t i = from; i < to; i++)
		*p++ = s[i] > 0x20 && s[i] < 0x7f ? s[i] : '?';
	strcpy(p, to < len ? "..." : "");
}

static const char *
tell(enum vz_typo what, size_t at, const char *s, size_t len, char out[static VZ_TYPO_WORDS])
{
	char near[32], of[48] = "";
	size_t n = at + 1;

	if (s) {
		around(s, len, at, near);
		snprintf(of, sizeof(of), ": in %s", near);
		if (what == VZ_TYPO_WRONG || what == VZ_TYPO_EXTRA)
			snprintf(of, sizeof(of), ": the %c in %s",
			    s[at] > 0x20 && s[at] < 0x7f ? s[at] : '?', near);
	}
	*out = '\0';
	switch (what) {
	case VZ_TYPO_NONE: break;
	case VZ_TYPO_WRONG:
		snprintf(
		    out, VZ_TYPO_WORDS, "the %zu%s character is likely wrong%s", n, suffix(n), of);
		break;
	case VZ_TYPO_SWAPPED:
		snprintf(out, VZ_TYPO_WORDS,
		    "the %zu%s and the next character are likely swapped%s", n, suffix(n), of);
		break;
	case VZ_TYPO_MISSING:
		snprintf(out, VZ_TYPO_WORDS, "a character is likely missing after the %zu%s%s", at,
		    suffix(at), of);
		break;
	case VZ_TYPO_EXTRA:
		snprintf(out, VZ_TYPO_WORDS, "the %zu%s character is likely one too many%s", n,
		    suffix(n), of);
		break;
	case VZ_TYPO_CASE:
		snprintf(out, VZ_TYPO_WORDS,
		    "capital and small letters are mixed, first at the "
		    "%zu%s character",
		    n, suffix(n));
		break;
	}
	return out;
}

const char *
vz_key_typo(const char *s, size_t len, char out[static VZ_TYPO_WORDS])
{
	size_t at;
	enum vz_typo what = vz_bech32_typo("vz", s, len, sizeof(((struct vz_key *)0)->b), &at);

	return tell(what, at, s, len, out);
}

const char *
vz_psk_typo(const char *s, size_t len, char out[static VZ_TYPO_WORDS])
{
	size_t at;
	enum vz_typo what = vz_bech32_typo("vzpsk", s, len, VZ_PSK_LEN, &at);

	return tell(what, at, NULL, 0, out);
}

/* KEY@KEY@PLACE: what stands before each @. */
static const char *
keys_of(const char *s, size_t len, char out[static VZ_TYPO_WORDS])
{
	const char *at;
	struct vz_key key;

	for (unsigned i = 0; i < VZ_ADDRESS_DEPTH && (at = memchr(s, '@', len)) != NULL; i++) {
		size_t n = (size_t)(at - s);

		if (vz_key_parse(s, n, &key) != 0)
			return vz_key_typo(s, n, out);
		s += n + 1;
		len -= n + 1;
	}
	return out;
}

const char *
vz_address_typo(
    const char *s, size_t len, vz_lookup_fn *lookup, void *arg, char out[static VZ_TYPO_WORDS])
{
	char name[64];

	*out = '\0';
	for (unsigned i = 0; lookup && i < NAMES_MAX && vz_peer_name_ok(s, len); i++) {
		memmove(name, s, len); /* it may have given the name itself back */
		name[len] = '\0';
		if (lookup(arg, name, len, &s) != 0)
			return out;
		len = strlen(s);
	}
	return keys_of(s, len, out);
}
