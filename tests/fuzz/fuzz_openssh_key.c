/*
 * OpenSSH's private key files: what is read is one key pair that belongs together, and what is
 * refused leaves no secret. A blob without its armour is put into one first.
 *
 * Aims at: lib/id/openssh_key.c
 */
#include <sodium.h>
#include "id/openssh_key.h"
#include "tests/fuzz/fuzz.h"

#define MAGIC "openssh-key-v1"

static struct vz_openssh_key *key;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	PROMISE(vz_secret_init() == 0 && (key = vz_secret_new(sizeof(*key))) != NULL);
	return 0;
}

static void
text(const char *s, size_t len)
{
	static const struct vz_openssh_key nothing;
	enum vz_openssh_fault fault = vz_openssh_key_parse(s, len, key);
	uint8_t secret[VZ_SIGN_SECRET];
	struct vz_key public;

	PROMISE(vz_openssh_words(fault)[0] != '\0');
	if (fault != VZ_OPENSSH_WELL) {
		PROMISE(memcmp(key, &nothing, sizeof(nothing)) == 0);
		return;
	}
	PROMISE(vz_openssh_key_is(s, len));
	vz_sign_from_seed(key->seed, public.b, secret);
	PROMISE(vz_key_equal(&public, &key->public) && vz_sign_point_ok(public.b));
	PROMISE(memcmp(secret, key->secret, sizeof(secret)) == 0);
	PROMISE(memchr(key->comment, 0, sizeof(key->comment)) != NULL);
	PROMISE(!key->comment_unfit || key->comment[0] == '\0');
}

static void
blob(const uint8_t *data, size_t size)
{
	static const char begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----\n",
			  end[] = "\n-----END OPENSSH PRIVATE KEY-----\n";
	size_t n = sodium_base64_ENCODED_LEN(size, sodium_base64_VARIANT_ORIGINAL);
	char *s = malloc(sizeof(begin) + n + sizeof(end));

	PROMISE(s != NULL);
	strcpy(s, begin);
	sodium_bin2base64(s + strlen(s), n, data, size, sodium_base64_VARIANT_ORIGINAL);
	strcat(s, end);
	text(s, strlen(s));
	free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > sizeof(MAGIC) && memcmp(data, MAGIC, sizeof(MAGIC)) == 0)
		blob(data, size);
	else
		text((const char *)data, size);
	return 0;
}
