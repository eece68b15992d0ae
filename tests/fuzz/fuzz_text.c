/*
 * Short texts that people type or peers send: keys, pre-shared keys, and the escaping of what is
 * shown.
 *
 * Aims at: lib/base/bech32.c lib/base/escape.c lib/base/utf8.c lib/id/key.c
 */
#include "base/bech32.h"
#include "base/err.h"
#include "base/text.h"
#include "base/utf8.h"
#include "id/key.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return vz_secret_init();
}

/* One case, so its own text again or that in capitals. */
static bool
same_text(const char *a, size_t len, const char *b)
{
	return strlen(b) == len && strncasecmp(a, b, len) == 0;
}

static void
keys(const char *s, size_t len)
{
	char text[VZ_BECH32_TEXT_MAX];
	struct vz_key key;
	uint8_t psk[VZ_PSK_LEN], any[20];

	if (vz_key_parse(s, len, &key) == 0) {
		vz_key_format(&key, text);
		PROMISE(same_text(s, len, text));
	}
	if (vz_psk_parse(s, len, psk) == 0) {
		PROMISE(vz_psk_format(psk, text, sizeof(text)) == 0);
		PROMISE(same_text(s, len, text));
	}
	if (vz_bech32_decode("vz", s, len, any, sizeof(any)) == 0) {
		PROMISE(vz_bech32_encode("vz", any, sizeof(any), text, sizeof(text)) == 0);
		PROMISE(same_text(s, len, text));
	}
}

/* A line's escapes say which bytes they stand for: read back, it is what was written. */
static void
read_back(const char *line, const uint8_t *data, size_t size)
{
	size_t n = 0;

	for (const char *p = line; *p != '\0'; n++) {
		unsigned byte = (uint8_t)*p++;

		if (byte == '\\' && *p == 'x') {
			PROMISE(sscanf(p, "x%2x", &byte) == 1);
			p += 3;
		} else if (byte == '\\') {
			PROMISE(*p++ == '\\');
		}
		PROMISE(n < size && data[n] == byte);
	}
	PROMISE(n == size);
}

/* Marks that hide or turn what is read, from the Unicode standard and not from the code's table. */
static bool
misleads(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x200b && cp <= 0x200f) ||
	    (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff ||
	    cp == 0x61c || cp == 0xad || (cp >= 0xe0000 && cp <= 0xe007f);
}

/* Nothing that a terminal could obey comes out, and what was not taken is said. */
static void
escape(enum vz_escape_for how, const uint8_t *data, size_t size, size_t cap)
{
	char *out = malloc(cap);
	size_t taken, len;

	PROMISE(out != NULL);
	taken = vz_escape(how, out, cap, data, size);
	PROMISE(taken <= size);
	if (cap > 0) {
		len = strlen(out);
		PROMISE(len < cap);
		for (size_t i = 0; i < len;) {
			uint32_t cp = 0;
			int n = vz_utf8_next((const uint8_t *)out + i, len - i, &cp);

			PROMISE(n > 0);
			PROMISE(
			    !misleads(cp) || (how == VZ_ESCAPE_BODY && (cp == '\n' || cp == '\t')));
			i += (size_t)n;
		}
		if (how == VZ_ESCAPE_LINE && taken == size)
			read_back(out, data, size);
	}
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	keys((const char *)data, size);
	for (size_t cap = 0; cap < 16; cap += 3) {
		escape(VZ_ESCAPE_LINE, data, size, cap);
		escape(VZ_ESCAPE_BODY, data, size, cap);
		escape(VZ_ESCAPE_JSON, data, size, cap);
	}
	escape(VZ_ESCAPE_LINE, data, size, 6 * size + 1);
	escape(VZ_ESCAPE_BODY, data, size, 6 * size + 1);
	escape(VZ_ESCAPE_JSON, data, size, 6 * size + 1);
	return 0;
}
