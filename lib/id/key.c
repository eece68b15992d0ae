#include "id/key.h"

#include <string.h>
#include "base/bech32.h"
#include "base/err.h"
#include "crypto/sign.h"

#define KEY_HRP "vz"
#define PSK_HRP "vzpsk"

int
vz_key_parse(const char *s, size_t len, struct vz_key *out)
{
	struct vz_key k;

	memset(out, 0, sizeof(*out));
	if (vz_bech32_decode(KEY_HRP, s, len, k.b, sizeof(k.b)) != 0)
		return VZ_EFORMAT;
	if (!vz_sign_point_ok(k.b))
		return VZ_EAUTH;
	*out = k;
	return 0;
}

void
vz_key_format(const struct vz_key *k, char out[static VZ_KEY_TEXT])
{
	/* 32 bytes under this prefix always make 61 characters. */
	if (vz_bech32_encode(KEY_HRP, k->b, sizeof(k->b), out, VZ_KEY_TEXT) != 0)
		out[0] = '\0';
}

bool
vz_key_equal(const struct vz_key *a, const struct vz_key *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

int
vz_psk_parse(const char *s, size_t len, uint8_t out[static VZ_PSK_LEN])
{
	int err = vz_bech32_decode(PSK_HRP, s, len, out, VZ_PSK_LEN);

	if (err)
		memset(out, 0, VZ_PSK_LEN);
	return err ? VZ_EFORMAT : 0;
}

int
vz_psk_format(const uint8_t psk[static VZ_PSK_LEN], char *out, size_t cap)
{
	return vz_bech32_encode(PSK_HRP, psk, VZ_PSK_LEN, out, cap);
}
