/*
 * What an ssh-agent says: lists of keys and signatures. What is read has no more than what was
 * said, and a message is never longer than it may be.
 *
 * Aims at: lib/crypto/agent.c
 */
#include "base/err.h"
#include "crypto/agent.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return vz_secret_init();
}

static void
list(const uint8_t *p, size_t len)
{
	struct vz_agent_keys keys;
	struct vz_agent_key k;
	int r = vz_agent_keys_read(p, len, &keys), n = 0;

	PROMISE(r == 0 || r == VZ_EDENIED || r == VZ_EPROTO || r == VZ_EFORMAT || r == VZ_ELIMIT);
	if (r < 0)
		return;
	while ((r = vz_agent_keys_next(&keys, &k)) > 0) {
		PROMISE(++n <= VZ_AGENT_KEYS_MAX);
		PROMISE(strlen(k.fingerprint) == 50);
		PROMISE((const uint8_t *)k.comment >= p &&
		    (const uint8_t *)k.comment + k.comment_len <= p + len);
		PROMISE(k.kind != VZ_AGENT_ED25519 || vz_sign_point_ok(k.public));
	}
	PROMISE(r == 0 || r == VZ_EFORMAT);
	PROMISE(vz_agent_keys_next(&keys, &k) == r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t sig[VZ_SIGN_LEN];
	long n = vz_agent_whole(data, size);
	int r;

	PROMISE(n == VZ_EFORMAT || n == VZ_ELIMIT || (n >= 0 && (size_t)n <= size));
	PROMISE(n <= 4 + (long)VZ_AGENT_MESSAGE_MAX && n != 4);
	if (n <= 0)
		return 0;
	list(data + 4, (size_t)n - 4);
	r = vz_agent_signature(data + 4, (size_t)n - 4, sig);
	PROMISE(
	    r == 0 || r == VZ_EDENIED || r == VZ_EPROTO || r == VZ_EFORMAT || r == VZ_EMISMATCH);
	/* Nothing but the blob's own strings can be there. */
	PROMISE(r != 0 || n == 4 + 1 + 4 + 4 + 11 + 4 + VZ_SIGN_LEN);
	return 0;
}
