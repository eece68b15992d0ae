/*
 * Headers of age files, against a second reading of the format: stanzas of the fuzzer's around the
 * one for us, under a MAC that is right, as only a sender can make it; and any bytes at all. A file
 * is read the same in pieces of any size.
 *
 * The first byte of an input: the rest is stanzas before ours, after it, or a whole file.
 *
 * Aims at: lib/mail/age_header.c lib/mail/age_reader.c lib/base/base64.c
 *
 * Before authentication.
 */
#include <sodium.h>
#include "base/buf.h"
#include "base/err.h"
#include "crypto/noise.h"
#include "mail/age_impl.h"
#include "tests/fuzz/curves.h"
#include "tests/fuzz/fuzz.h"

#define FILE_MAX (64 * 1024)
#define PLAIN    "plain"

static const uint8_t secret[1][32] = {{1, 2, 3}};
static const uint8_t file_key[AGE_FILE_KEY] = "sixteen bytes...";
static struct vz_buf ours, payload; /* the stanza for us, and what follows a header */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t ephemeral[32] = {4, 5, 6}, nonce[AGE_NONCE] = {7};
	struct age_stanza stanza;
	struct age_stream stream;
	struct vz_buf whole;
	uint8_t public[32];
	const char *from, *to;

	(void)argc;
	(void)argv;
	PROMISE(vz_secret_init() == 0 && vz_x25519_public(secret[0], public) == 0);
	PROMISE(vz_age_wrap(file_key, public, ephemeral, &stanza) == 0);
	vz_buf_init(&whole, FILE_MAX);
	PROMISE(vz_age_header_write(file_key, &stanza, 1, &whole) == 0);
	PROMISE(vz_buf_u8(&whole, 0) == 0);
	from = strstr((const char *)vz_buf_ptr(&whole), "-> ");
	to = strstr(from, "\n---") + 1;
	vz_buf_init(&ours, FILE_MAX);
	PROMISE(vz_buf_put(&ours, from, (size_t)(to - from)) == 0);
	vz_buf_init(&payload, FILE_MAX);
	PROMISE(vz_buf_put(&payload, nonce, sizeof(nonce)) == 0);
	vz_age_stream_init(&stream, file_key, nonce);
	PROMISE(vz_age_stream_seal(
		    &stream, (const uint8_t *)PLAIN, strlen(PLAIN), true, &payload) == 0);
	vz_buf_free(&whole);
	return 0;
}

static int
read_file(const uint8_t *p, size_t n, size_t piece, struct vz_buf *out, bool *opened)
{
	struct vz_age_reader *r;
	int err = 0;

	vz_buf_init(out, FILE_MAX + VZ_AGE_CHUNK);
	PROMISE(vz_age_reader_new(&r, secret, 1) == 0);
	for (size_t at = 0; !err && at < n; at += piece)
		err = vz_age_reader_put(r, p + at, n - at < piece ? n - at : piece, out);
	if (!err)
		err = vz_age_reader_end(r, out);
	PROMISE(err == 0 || err == VZ_EFORMAT || err == VZ_EMISMATCH || err == VZ_EAUTH ||
	    err == VZ_ECUT);
	*opened = vz_age_reader_opened(r);
	PROMISE(err != 0 || *opened);
	PROMISE(out->len <= n && (*opened || out->len == 0));
	vz_age_reader_free(r);
	return err;
}

/* Base64 of so many characters and no padding that is written in its one way. */
static bool
canonical(const char *s, size_t n)
{
	static const char symbols[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *last = NULL;

	for (size_t i = 0; i < n; i++)
		if (s[i] == '\0' || (last = strchr(symbols, s[i])) == NULL)
			return false;
	switch (n % 4) {
	case 1: return false;
	case 2: return (last - symbols) % 16 == 0;
	case 3: return (last - symbols) % 4 == 0;
	default: return true;
	}
}

/* The line at *s without its newline, stepped over; false at the end, or if it has none. */
static bool
next_line(const char **s, const char *end, const char **line, size_t *len)
{
	const char *nl = *s < end ? memchr(*s, '\n', (size_t)(end - *s)) : NULL;

	if (nl == NULL)
		return false;
	*line = *s;
	*len = (size_t)(nl - *s);
	*s = nl + 1;
	return true;
}

/* "-> a b": no argument is empty, or holds what is not seen. `share` is the only one of X25519. */
static bool
head_ok(const char *s, size_t n, bool *x25519)
{
	bool blank = true;

	if (n < 4 || memcmp(s, "-> ", 3) != 0)
		return false;
	for (size_t i = 3; i < n; i++) {
		if (s[i] == ' ' ? blank : s[i] < 33 || s[i] > 126)
			return false;
		blank = s[i] == ' ';
	}
	if (blank)
		return false;
	*x25519 = n >= 9 && memcmp(s + 3, "X25519", 6) == 0 && (n == 9 || s[9] == ' ');
	return !*x25519 || (n == 10 + 43 && canonical(s + 10, 43));
}

/* Are these whole stanzas, by the letter? Those of X25519 are the caller's to fear. */
static bool
stanzas_ok(const char *s, size_t n, bool *x25519)
{
	const char *end = s + n, *line;
	size_t len;

	*x25519 = false;
	while (s < end) {
		bool is = false;
		size_t lines = 0;

		if (!next_line(&s, end, &line, &len) || !head_ok(line, len, &is))
			return false;
		*x25519 |= is;
		do {
			if (!next_line(&s, end, &line, &len) || len > 64 || !canonical(line, len))
				return false;
			lines++;
		} while (len == 64);
		if (is && (lines != 1 || len != 43))
			return false;
	}
	return true;
}

static void
put(struct vz_buf *to, const void *p, size_t n)
{
	PROMISE(vz_buf_put(to, p, n) == 0);
}

/* A header around the fuzzer's stanzas with the right MAC, and a payload. */
static void
make_file(const uint8_t *p, size_t n, bool before, struct vz_buf *out)
{
	char mac_text[44];
	uint8_t mac[AGE_MAC];

	vz_buf_init(out, FILE_MAX);
	put(out, "age-encryption.org/v1\n", 22);
	if (before)
		put(out, p, n);
	put(out, vz_buf_ptr(&ours), ours.len);
	if (!before)
		put(out, p, n);
	put(out, "---", 3);
	vz_age_mac(file_key, vz_buf_ptr(out), out->len, mac);
	sodium_bin2base64(
	    mac_text, sizeof(mac_text), mac, 32, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	put(out, " ", 1);
	put(out, mac_text, 43);
	put(out, "\n", 1);
	put(out, vz_buf_ptr(&payload), payload.len);
}

static void
stanzas(const uint8_t *p, size_t n, bool before)
{
	struct vz_buf file, out;
	bool x25519, opened, ok;
	int err;

	if (n > VZ_AGE_HEADER_MAX / 2)
		return;
	ok = stanzas_ok((const char *)p, n, &x25519);
	make_file(p, n, before, &file);
	err = read_file(vz_buf_ptr(&file), file.len, FILE_MAX, &out, &opened);
	PROMISE(ok || err != 0);
	/* A stanza of X25519 may offer a point of small order. */
	PROMISE(!ok || x25519 || err == 0);
	PROMISE(err != 0 || (out.len == 5 && memcmp(vz_buf_ptr(&out), PLAIN, 5) == 0));
	vz_buf_free(&file);
	vz_buf_free(&out);
}

static void
any_bytes(const uint8_t *p, size_t n, size_t piece)
{
	struct vz_buf whole, pieces;
	bool opened, opened_too;
	int err;

	if (n > FILE_MAX)
		return;
	err = read_file(p, n, FILE_MAX, &whole, &opened);
	PROMISE(read_file(p, n, piece, &pieces, &opened_too) == err && opened == opened_too);
	PROMISE(whole.len == pieces.len &&
	    memcmp(vz_buf_ptr(&whole), vz_buf_ptr(&pieces), whole.len) == 0);
	vz_buf_free(&whole);
	vz_buf_free(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how;

	if (size == 0)
		return 0;
	how = *data++;
	size--;
	switch (how % 4) {
	case 0: stanzas(data, size, true); break;
	case 1: stanzas(data, size, false); break;
	default: any_bytes(data, size, 1 + how / 4); break;
	}
	return 0;
}
