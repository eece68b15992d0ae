/*
 * Noise messages as they come from the network: whatever the bytes, a message is read only when it
 * is the one that was written, and a state that refused one reads no other.
 *
 * Aims at: lib/crypto/noise.c lib/crypto/aead.c lib/base/hash.c
 *
 * The first bytes of an input say which message is attacked, under which ciphers, and how: edits of
 * a good one (network.h), or the rest of the input as it is.
 *
 * Before authentication.
 */
#include "base/err.h"
#include "crypto/noise.h"
#include "tests/fuzz/curves.h"
#include "tests/fuzz/network.h"

#define MESSAGE_MAX 2048
#define PAYLOAD_MAX 512
#define MESSAGES    3

/* The first byte of an input, above the number of the message. */
#define RAW       0x04
#define AESGCM    0x08
#define HASHES    0x30
#define OTHER_PSK 0x40
#define PROLOGUE  0x80

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return vz_secret_init();
}

static struct vz_noise *
make(bool initiator, uint8_t how)
{
	static const enum vz_hash hashes[] = {
	    VZ_HASH_BLAKE2B, VZ_HASH_SHA256, VZ_HASH_SHA512, VZ_HASH_BLAKE2B};
	uint8_t psk[32], identity[32], random[32];
	struct vz_noise_config c = {
	    .pattern = &vz_noise_xxpsk0,
	    .cipher =
		(how & AESGCM) != 0 && vz_aead_has_aes() ? VZ_AEAD_AES256GCM : VZ_AEAD_CHACHAPOLY,
	    .hash = hashes[(how & HASHES) >> 4],
	    .initiator = initiator,
	    .prologue = "prologue",
	    .prologue_len = initiator && (how & PROLOGUE) != 0 ? 7 : 8,
	    .psk = {psk},
	    .static_secret = identity,
	    .ephemeral_secret = random,
	};
	struct vz_noise *n;

	memset(psk, initiator && (how & OTHER_PSK) != 0, sizeof(psk));
	memset(identity, initiator ? 1 : 2, sizeof(identity));
	memset(random, initiator ? 3 : 4, sizeof(random));
	PROMISE(vz_noise_new(&n, &c) == 0);
	return n;
}

/* A state that refused is dead. */
static void
check_dead(struct vz_noise *n)
{
	uint8_t message[256], payload[256], key[32];
	size_t len = 1;

	memset(message, 7, sizeof(message));
	PROMISE(vz_noise_read(n, message, 100, payload, sizeof(payload), &len) == VZ_EINVAL);
	PROMISE(vz_noise_write(n, "", 0, message, sizeof(message), &len) == VZ_EINVAL);
	PROMISE(!vz_noise_finished(n) && vz_noise_split(n, key, key) == VZ_EINVAL);
}

static void
attack(struct vz_noise *from, struct vz_noise *to, uint8_t how, struct vz_rd *in)
{
	uint8_t message[MESSAGE_MAX], heard[MESSAGE_MAX], said[PAYLOAD_MAX], got[PAYLOAD_MAX];
	size_t said_len = vz_rd_u16(in) % PAYLOAD_MAX, cap = vz_rd_u16(in) % PAYLOAD_MAX;
	size_t overhead = vz_noise_overhead(from), len, heard_len, got_len = 0;
	bool same;
	int r;

	memset(said, 5, sizeof(said));
	PROMISE(vz_noise_write(from, said, said_len, message, sizeof(message), &len) == 0);
	PROMISE(len == said_len + overhead);
	memcpy(heard, message, len);
	if ((how & RAW) != 0) {
		heard_len = in->len < sizeof(heard) ? in->len : sizeof(heard);
		if (heard_len > 0)
			memcpy(heard, vz_rd_bytes(in, heard_len), heard_len);
	} else {
		heard_len = network_tamper(in, heard, len, sizeof(heard));
	}
	same = heard_len == len && memcmp(heard, message, len) == 0 &&
	    (how & (OTHER_PSK | PROLOGUE)) == 0;
	memset(got, 6, sizeof(got));
	r = vz_noise_read(to, heard, heard_len, got, cap, &got_len);
	for (size_t i = cap; i < sizeof(got); i++)
		PROMISE(got[i] == 6);
	if (r == 0) {
		/* Raw bytes may be a good message that was said in another run. */
		PROMISE(same || ((how & RAW) != 0 && heard_len == got_len + overhead));
		PROMISE(!same || got_len == said_len);
		PROMISE(memcmp(got, said, got_len) == 0);
		return;
	}
	PROMISE(heard_len >= overhead ? r == VZ_EAUTH || r == VZ_ELIMIT : r == VZ_EFORMAT);
	PROMISE(!same || (r == VZ_ELIMIT && cap < said_len));
	check_dead(to);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vz_rd in = vz_rd_of(data, size);
	uint8_t how = vz_rd_u8(&in), message[MESSAGE_MAX], none[1];
	struct vz_noise *side[2] = {make(true, how), make(false, how)};
	int which = how % 4 % MESSAGES;
	size_t len, n;

	/* Those before it go well, or the attack is on the one that does not. */
	if ((how & (OTHER_PSK | PROLOGUE)) != 0)
		which = 0;
	for (int i = 0; i < which; i++) {
		struct vz_noise *from = side[i % 2], *to = side[(i + 1) % 2];

		PROMISE(vz_noise_write(from, "", 0, message, sizeof(message), &len) == 0);
		PROMISE(vz_noise_read(to, message, len, none, 0, &n) == 0 && n == 0);
	}
	attack(side[which % 2], side[(which + 1) % 2], how, &in);
	vz_noise_free(side[0]);
	vz_noise_free(side[1]);
	return 0;
}
