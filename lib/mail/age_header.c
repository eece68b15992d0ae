#include "mail/age_impl.h"

#include <sodium.h>
#include <string.h>
#include "base/base64.h"
#include "base/err.h"

#define VERSION "age-encryption.org/v1"
#define STANZA  "-> "
#define MAC     "---"
#define X25519  "X25519"

#define KEY_BASE64  43 /* 32 bytes without padding */
#define BODY_COLUMN 64 /* characters of each line of a body but the last */

static void
put_base64(char out[static KEY_BASE64 + 1], const uint8_t p[static 32])
{
	sodium_bin2base64(out, KEY_BASE64 + 1, p, 32, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

static int
write_stanza(const struct age_stanza *s, struct vz_buf *to)
{
	char share[KEY_BASE64 + 1], body[KEY_BASE64 + 1];
	int err;

	put_base64(share, s->share);
	put_base64(body, s->body);
	if ((err = vz_buf_str(to, STANZA X25519 " ")) || (err = vz_buf_str(to, share)) ||
	    (err = vz_buf_u8(to, '\n')) || (err = vz_buf_str(to, body)))
		return err;
	return vz_buf_u8(to, '\n');
}

int
vz_age_header_write(const uint8_t file_key[static AGE_FILE_KEY], const struct age_stanza *stanzas,
    size_t n, struct vz_buf *to)
{
	size_t before = to->len;
	uint8_t mac[AGE_MAC];
	char text[KEY_BASE64 + 1];
	int err = vz_buf_str(to, VERSION "\n");

	for (size_t i = 0; !err && i < n; i++)
		err = write_stanza(&stanzas[i], to);
	if (!err)
		err = vz_buf_str(to, MAC);
	if (err)
		return err;
	vz_age_mac(file_key, vz_buf_ptr(to) + before, to->len - before, mac);
	put_base64(text, mac);
	if ((err = vz_buf_u8(to, ' ')) || (err = vz_buf_str(to, text)))
		return err;
	return vz_buf_u8(to, '\n');
}

/* Takes the next argument of a stanza, up to a blank or the end; false when it is none. */
static bool
take_argument(const char **s, size_t *len, const char **arg, size_t *arg_len)
{
	size_t n = 0;

	while (n < *len && (*s)[n] != ' ') {
		if ((*s)[n] < 33 || (*s)[n] > 126)
			return false;
		n++;
	}
	*arg = *s;
	*arg_len = n;
	*s += n;
	*len -= n;
	return n > 0;
}

/* "-> TYPE ARGUMENT...": visible characters, one blank between two. X25519 has one, the share. */
static int
stanza_line(struct age_header *h, const char *s, size_t len)
{
	const char *type, *arg, *share = NULL;
	size_t type_len, n, share_len = 0, args = 0;

	if (!take_argument(&s, &len, &type, &type_len))
		return VZ_EFORMAT;
	while (len > 0) {
		s++;
		len--;
		if (!take_argument(&s, &len, &arg, &n))
			return VZ_EFORMAT;
		if (args++ == 0) {
			share = arg;
			share_len = n;
		}
	}
	h->some = true;
	h->at = AGE_AT_BODY;
	h->is_x25519 = type_len == strlen(X25519) && memcmp(type, X25519, type_len) == 0;
	if (!h->is_x25519)
		return 0;
	if (args != 1 || share_len != KEY_BASE64)
		return VZ_EFORMAT;
	return vz_base64_decode_unpadded(
	    share, share_len, h->stanza.share, sizeof(h->stanza.share), &n);
}

/* Tries all identities on a stanza that is for somebody with X25519. */
static int
unwrap(struct age_header *h)
{
	int err = VZ_EMISMATCH;

	for (size_t i = 0; err == VZ_EMISMATCH && !h->found && i < h->identities; i++)
		err = vz_age_unwrap(&h->stanza, h->secrets[i], h->publics[i], h->file_key);
	if (!err)
		h->found = true;
	return err == VZ_EMISMATCH ? 0 : err;
}

/* A body ends with a line that is not full, be it empty. */
static int
body_line(struct age_header *h, const char *s, size_t len)
{
	uint8_t bytes[BODY_COLUMN / 4 * 3];
	size_t n;

	if (len > BODY_COLUMN || vz_base64_decode_unpadded(s, len, bytes, sizeof(bytes), &n) != 0)
		return VZ_EFORMAT;
	if (len < BODY_COLUMN)
		h->at = AGE_AT_STANZA;
	if (!h->is_x25519)
		return 0;
	/* Told before anything is decrypted; so much is in one line (X25519 stanza). */
	if (n != AGE_WRAPPED)
		return VZ_EFORMAT;
	memcpy(h->stanza.body, bytes, AGE_WRAPPED);
	return unwrap(h);
}

static int
mac_line(struct age_header *h, const char *s, size_t len)
{
	size_t n;

	if (!h->some || len != 1 + KEY_BASE64 || *s != ' ')
		return VZ_EFORMAT;
	h->at = AGE_AT_END;
	return vz_base64_decode_unpadded(s + 1, KEY_BASE64, h->mac, sizeof(h->mac), &n);
}

static bool
begins(const char *s, size_t len, const char *with)
{
	return len >= strlen(with) && memcmp(s, with, strlen(with)) == 0;
}

int
vz_age_header_line(struct age_header *h, const char *line, size_t len)
{
	switch (h->at) {
	case AGE_AT_VERSION:
		h->at = AGE_AT_STANZA;
		return len == strlen(VERSION) && begins(line, len, VERSION) ? 0 : VZ_EFORMAT;
	case AGE_AT_STANZA:
		if (begins(line, len, STANZA))
			return stanza_line(h, line + strlen(STANZA), len - strlen(STANZA));
		if (begins(line, len, MAC))
			return mac_line(h, line + strlen(MAC), len - strlen(MAC));
		return VZ_EFORMAT;
	case AGE_AT_BODY: return body_line(h, line, len);
	case AGE_AT_END: break;
	}
	return VZ_EINVAL;
}
