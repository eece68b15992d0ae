/*
 * Addresses to dial and to listen on, with a peers file whose text is hostile too: what is parsed
 * can be written and parsed again to the same.
 *
 * Aims at: lib/id/address.c lib/id/key.c lib/id/typo.c lib/base/bech32_typo.c
 */
#include "base/err.h"
#include "id/typo.h"
#include "tests/fuzz/fuzz.h"

/* The input's second line is what every name stands for. */
struct names {
	const char *text;
	char copy[1024];
};

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return vz_secret_init();
}

static int
look_up(void *arg, const char *name, size_t len, const char **text)
{
	const struct names *n = arg;

	PROMISE(vz_peer_name_ok(name, len));
	if (n->text == NULL)
		return VZ_ENOTFOUND;
	*text = n->text;
	return 0;
}

static void
endpoint(const struct vz_endpoint *at)
{
	PROMISE(memchr(at->host, 0, sizeof(at->host)) != NULL);
	PROMISE(memchr(at->path, 0, sizeof(at->path)) != NULL);
	if (at->kind == VZ_ADDRESS_UNIX)
		PROMISE(at->path[0] == '/');
}

/* Whatever is said of what was refused is printable, and short. */
static void
typo(const char *s, size_t len, struct names *n)
{
	char words[VZ_TYPO_WORDS];

	vz_address_typo(s, len, look_up, n, words);
	vz_psk_typo(s, len, words);
	vz_key_typo(s, len, words);
	PROMISE(memchr(words, 0, sizeof(words)) != NULL);
	for (const char *c = words; *c; c++)
		PROMISE(*c >= 0x20 && *c < 0x7f);
}

static void
dial(const char *s, size_t len, struct names *n)
{
	char text[VZ_ADDRESS_TEXT_MAX], again[VZ_ADDRESS_TEXT_MAX];
	struct vz_address a, b;
	const char *why = NULL;

	if (vz_address_parse(s, len, look_up, n, &a, &why) < 0) {
		PROMISE(why != NULL);
		typo(s, len, n);
		return;
	}
	endpoint(&a.at);
	PROMISE(a.at.kind == VZ_ADDRESS_UNIX || a.at.port != 0);
	PROMISE(vz_address_format(&a, text, sizeof(text)) == 0);
	PROMISE(vz_address_parse(text, strlen(text), NULL, NULL, &b, NULL) == 0);
	PROMISE(vz_address_format(&b, again, sizeof(again)) == 0);
	PROMISE(strcmp(text, again) == 0);
	PROMISE(vz_key_equal(&a.key, &b.key) && a.relayed == b.relayed && a.at.port == b.at.port);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	const char *nl = size > 0 ? memchr(s, '\n', size) : NULL;
	struct vz_listen_address l;
	struct names n = {NULL, ""};
	size_t len = nl != NULL ? (size_t)(nl - s) : size;
	const char *why = NULL;
	char *line;

	if (nl != NULL && size - len - 1 < sizeof(n.copy)) {
		memcpy(n.copy, nl + 1, size - len - 1);
		n.text = n.copy;
	}
	line = fuzz_string(data, len);
	dial(line, len, &n);
	if (vz_listen_address_parse(line, look_up, &n, &l, &why) == 0)
		endpoint(&l.at);
	else
		PROMISE(why != NULL);
	free(line);
	return 0;
}
