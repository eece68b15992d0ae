#include "base/bech32.h"

#include <string.h>

#include "base/bech32_impl.h"
#include "base/err.h"

static const char symbols[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* BIP 173 "Checksum": one step of the BCH code over GF(32). */
uint32_t
vz_bech32_step(uint32_t sum, uint8_t group)
{
	static const uint32_t gen[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
	uint32_t top = sum >> 25;

	sum = (sum & 0x1ffffff) << 5 ^ group;
	for (unsigned i = 0; i < 5; i++)
		if (top >> i & 1)
			sum ^= gen[i];
	return sum;
}

uint32_t
vz_bech32_hrp(const char *hrp, size_t len)
{
	uint32_t sum = 1;

	if (len == 0 || len > VZ_BECH32_TEXT_MAX)
		return 0;
	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)hrp[i];

		if (c < 33 || c > 126 || (c >= 'A' && c <= 'Z'))
			return 0;
		sum = vz_bech32_step(sum, c >> 5);
	}
	sum = vz_bech32_step(sum, 0);
	for (size_t i = 0; i < len; i++)
		sum = vz_bech32_step(sum, (uint8_t)hrp[i] & 31);
	return sum;
}

size_t
vz_bech32_groups(size_t len)
{
	return (len * 8 + 4) / 5;
}

/* Group i of the data, the last one padded with zero bits. */
static uint8_t
group_at(const uint8_t *data, size_t len, size_t i)
{
	size_t byte = i * 5 / 8, shift = i * 5 % 8;
	unsigned two = (unsigned)data[byte] << 8;

	if (byte + 1 < len)
		two |= data[byte + 1];
	return two >> (11 - shift) & 31;
}

int
vz_bech32_encode(const char *hrp, const uint8_t *data, size_t len, char *out, size_t cap)
{
	size_t hrp_len = strlen(hrp), groups;
	uint32_t sum = vz_bech32_hrp(hrp, hrp_len);

	if (cap > 0)
		out[0] = '\0';
	if (sum == 0)
		return VZ_EINVAL;
	groups = vz_bech32_groups(len < VZ_BECH32_DATA_MAX ? len : VZ_BECH32_DATA_MAX);
	if (len > VZ_BECH32_DATA_MAX || hrp_len + 1 + groups + VZ_BECH32_SUM >= cap)
		return VZ_ELIMIT;

	memcpy(out, hrp, hrp_len);
	out += hrp_len;
	*out++ = '1';
	for (size_t i = 0; i < groups; i++) {
		uint8_t g = group_at(data, len, i);

		sum = vz_bech32_step(sum, g);
		*out++ = symbols[g];
	}
	for (size_t i = 0; i < VZ_BECH32_SUM; i++)
		sum = vz_bech32_step(sum, 0);
	sum ^= 1;
	for (size_t i = 0; i < VZ_BECH32_SUM; i++)
		*out++ = symbols[sum >> 5 * (VZ_BECH32_SUM - 1 - i) & 31];
	*out = '\0';
	return 0;
}

uint8_t
vz_bech32_symbol(char c)
{
	const char *at = c == '\0' ? NULL : strchr(symbols, c);

	return at == NULL ? VZ_BECH32_NO_SYM : (uint8_t)(at - symbols);
}

/* Lower-cases s[0..n) into text; fails on mixed case. */
static int
fold_case(const char *s, size_t n, char *text)
{
	int upper = 0, lower = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c >= 'A' && c <= 'Z') {
			upper = 1;
			c = (char)(c - 'A' + 'a');
		} else if (c >= 'a' && c <= 'z') {
			lower = 1;
		}
		text[i] = c;
	}
	return upper && lower ? VZ_EFORMAT : 0;
}

/* Turns the symbols into bytes and checks padding and checksum. */
static int
decode_data(uint32_t sum, const char *text, size_t groups, uint8_t *out, size_t len)
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t done = 0;

	for (size_t i = 0; i < groups + VZ_BECH32_SUM; i++) {
		uint8_t g = vz_bech32_symbol(text[i]);

		if (g == VZ_BECH32_NO_SYM)
			return VZ_EFORMAT;
		sum = vz_bech32_step(sum, g);
		if (i >= groups)
			continue;
		bits = (bits << 5 | g) & 0xfff;
		held += 5;
		if (held >= 8 && done < len) {
			held -= 8;
			out[done++] = (uint8_t)(bits >> held);
		}
	}
	if ((bits & ((1U << held) - 1)) != 0)
		return VZ_EFORMAT;
	return sum == 1 ? 0 : VZ_EFORMAT;
}

int
vz_bech32_decode(const char *hrp, const char *s, size_t n, uint8_t *out, size_t len)
{
	size_t hrp_len = strlen(hrp);
	uint32_t sum = vz_bech32_hrp(hrp, hrp_len);
	char text[VZ_BECH32_TEXT_MAX];
	uint8_t bytes[VZ_BECH32_DATA_MAX];
	int r = VZ_EFORMAT;

	if (len > 0)
		memset(out, 0, len);
	if (sum == 0 || len > VZ_BECH32_DATA_MAX)
		return VZ_EINVAL;
	/* The length says how many padding bits there are: fewer than 5, always. */
	if (n > sizeof text || n != hrp_len + 1 + vz_bech32_groups(len) + VZ_BECH32_SUM)
		return VZ_EFORMAT;
	if (fold_case(s, n, text) < 0 || memcmp(text, hrp, hrp_len) != 0 || text[hrp_len] != '1')
		goto out;
	r = decode_data(sum, text + hrp_len + 1, vz_bech32_groups(len), bytes, len);
	if (r == 0 && len > 0)
		memcpy(out, bytes, len);
out:
	/* A pre-shared key is written in this form too. */
	explicit_bzero(text, sizeof text);
	explicit_bzero(bytes, sizeof bytes);
	return r;
}
