#include "mail/age.h"

#include <string.h>
#include "base/bech32.h"
#include "base/err.h"
#include "base/secret.h"

#define RECIPIENT "age"
#define IDENTITY  "age-secret-key-"

void
vz_age_recipient_format(
    const uint8_t key[static VZ_AGE_KEY], char out[static VZ_AGE_RECIPIENT_TEXT])
{
	(void)vz_bech32_encode(RECIPIENT, key, VZ_AGE_KEY, out, VZ_AGE_RECIPIENT_TEXT);
}

void
vz_age_identity_format(const uint8_t key[static VZ_AGE_KEY], char out[static VZ_AGE_IDENTITY_TEXT])
{
	(void)vz_bech32_encode(IDENTITY, key, VZ_AGE_KEY, out, VZ_AGE_IDENTITY_TEXT);
	for (char *c = out; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
}

int
vz_age_recipient_parse(const char *s, size_t len, uint8_t key[static VZ_AGE_KEY])
{
	int err = vz_bech32_decode(RECIPIENT, s, len, key, VZ_AGE_KEY);

	/* bech32 takes either case. */
	if (!err && s[0] != 'a') {
		vz_wipe(key, VZ_AGE_KEY);
		return VZ_EFORMAT;
	}
	return err;
}

int
vz_age_identity_parse(const char *s, size_t len, uint8_t key[static VZ_AGE_KEY])
{
	int err = vz_bech32_decode(IDENTITY, s, len, key, VZ_AGE_KEY);

	if (!err && s[0] != 'A') {
		vz_wipe(key, VZ_AGE_KEY);
		return VZ_EFORMAT;
	}
	return err;
}
