/*
 * The handshake against arbitrary bytes: nobody is authenticated but who sends the one bundle that
 * is good, whole, in a message of the right length and key.
 *
 * The first byte of an input chooses who is attacked and how deep the attacker got.
 *
 * Aims at: lib/wire/channel.c lib/crypto/noise.c lib/id/identity.c
 *
 * Before authentication.
 */
#include "base/err.h"
#include "crypto/noise.h"
#include "tests/fuzz/hosts.h"
#include "wire/frame.h"

enum how {
	RAW_1,    /* to a responder: bytes of a stranger */
	RAW_3,    /* to a responder: message 1 of who knows whom it calls, then bytes */
	BUNDLE_3, /* to a responder: messages 1 and 3, the bytes changing 3's payload */
	RAW_2,    /* to an initiator */
	BUNDLE_2, /* to an initiator: a good message 2, the bytes changing its payload */
	HOST_2,   /* to an initiator: another host answers as itself, its bundle changed */
	RECORDS,  /* to both after a good handshake */
	HOWS
};

#define MESSAGE_MAX 1024
#define PAYLOAD     (VZ_BUNDLE_LEN + 1)

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	hosts_make();
	return 0;
}

static struct vz_channel *
make(bool initiator)
{
	struct vz_channel_config c = hosts_config(initiator, 21);
	struct vz_channel *ch;

	PROMISE(vz_channel_new(&ch, &c) == 0);
	return ch;
}

static void
feed(struct vz_channel *ch, const uint8_t *p, size_t len)
{
	while (len > 0) {
		size_t n;
		uint8_t *room = vz_channel_space(ch, &n);

		if (room == NULL) /* a channel that is dead or full takes no more */
			return;
		if (n > len)
			n = len;
		memcpy(room, p, n);
		vz_channel_fed(ch, n);
		p += n;
		len -= n;
	}
}

/* All that one has to say, to the other. */
static void
carry(struct vz_channel *from, struct vz_channel *to)
{
	size_t n;
	const uint8_t *p = vz_channel_out(from, &n);

	feed(to, p, n);
	vz_channel_sent(from, n);
}

/* Reads to the end; returns the last answer, and no record may be among them. */
static int
drain(struct vz_channel *ch)
{
	const uint8_t *plain;
	size_t len;
	int r = vz_channel_next(ch, &plain, &len);

	PROMISE(r != VZ_CHANNEL_RECORD);
	PROMISE(r == 0 || r == 1 || r == VZ_EFORMAT || r == VZ_EAUTH || r == VZ_EMISMATCH);
	return r;
}

/* The attacker's end of the handshake, which can say anything in a payload. */
static struct vz_noise *
attacker(bool initiator, const struct vz_identity *id)
{
	static const uint8_t label[] = "vz/1 psk", prologue[] = {'v', 'z', '/', '1', 0, 1, 0};
	uint8_t psk[32], random[32];
	struct vz_noise_config c = {
	    .pattern = &vz_noise_xxpsk0,
	    .cipher = VZ_AEAD_CHACHAPOLY,
	    .hash = VZ_HASH_BLAKE2B,
	    .initiator = initiator,
	    .prologue = prologue,
	    .prologue_len = sizeof(prologue),
	    .psk = {psk},
	    .static_secret = id->noise_secret,
	    .ephemeral_secret = random,
	};
	struct vz_noise *n;

	memset(random, 33, sizeof(random));
	vz_blake2b_256(NULL, 0, label, sizeof(label), called->bundle.identity.b, 32, psk);
	PROMISE(vz_noise_new(&n, &c) == 0);
	return n;
}

static void
say(struct vz_noise *n, const uint8_t *payload, size_t len, struct vz_channel *to)
{
	uint8_t out[2 + MESSAGE_MAX + 256];
	size_t out_len;

	PROMISE(vz_noise_write(n, payload, len, out + 2, sizeof(out) - 2, &out_len) == 0);
	vz_store16(out, (uint16_t)out_len);
	feed(to, out, 2 + out_len);
}

static void
hear(struct vz_noise *n, struct vz_channel *from)
{
	uint8_t payload[MESSAGE_MAX];
	size_t len, payload_len;
	const uint8_t *p = vz_channel_out(from, &len);

	PROMISE(len >= 2 && len == 2 + (size_t)vz_load16(p));
	PROMISE(vz_noise_read(n, p + 2, len - 2, payload, sizeof(payload), &payload_len) == 0);
	vz_channel_sent(from, len);
}

/*
 * A good payload with the bytes laid over it. The first of them makes it longer or shorter, and
 * with its highest bit begins from the bundle of somebody else.
 */
static size_t
change(
    const struct vz_identity *id, const uint8_t *data, size_t size, uint8_t out[static MESSAGE_MAX])
{
	const struct vz_identity *other = id == caller ? called : caller;
	size_t len = PAYLOAD;

	memset(out, 0, MESSAGE_MAX);
	if (size > 0 && (data[0] & 0x80) != 0)
		id = other;
	vz_bundle_encode(&id->bundle, out);
	if (size > 0)
		len = (PAYLOAD + (size_t)(data[0] & 0x7f) * 6) % (MESSAGE_MAX - 128);
	for (size_t i = 1; i < size && i <= len; i++)
		out[i - 1] ^= data[i];
	return len;
}

/* The flags in the last byte are the sender's to choose; all else is not. */
static bool
is_good(const struct vz_identity *id, const uint8_t *payload, size_t len)
{
	uint8_t good[VZ_BUNDLE_LEN];

	vz_bundle_encode(&id->bundle, good);
	return len == PAYLOAD && memcmp(payload, good, sizeof(good)) == 0;
}

static void
to_responder(enum how how, const uint8_t *data, size_t size)
{
	struct vz_channel *ch = make(false);
	struct vz_noise *n = attacker(true, caller);
	uint8_t payload[MESSAGE_MAX];
	size_t len, n_out;

	if (how != RAW_1) {
		say(n, NULL, 0, ch);
		PROMISE(drain(ch) == VZ_CHANNEL_MORE && vz_channel_peer(ch) == NULL);
		hear(n, ch);
	}
	if (how == BUNDLE_3) {
		len = change(caller, data, size, payload);
		say(n, payload, len, ch);
		PROMISE((drain(ch) == VZ_CHANNEL_PEER) == is_good(caller, payload, len));
	} else {
		feed(ch, data, size);
		PROMISE(drain(ch) != VZ_CHANNEL_PEER && vz_channel_peer(ch) == NULL);
	}
	/* Silence before authentication. */
	vz_channel_out(ch, &n_out);
	PROMISE(n_out == 0);
	vz_noise_free(n);
	vz_channel_free(ch);
}

static void
to_initiator(enum how how, const uint8_t *data, size_t size)
{
	const struct vz_identity *host = how == HOST_2 ? caller : called;
	struct vz_channel *ch = make(true);
	struct vz_noise *n = attacker(false, host);
	uint8_t payload[MESSAGE_MAX];
	size_t len, n_out;

	hear(n, ch);
	if (how == RAW_2) {
		feed(ch, data, size);
		PROMISE(drain(ch) != VZ_CHANNEL_PEER && vz_channel_peer(ch) == NULL);
	} else {
		len = change(host, data, size, payload);
		say(n, payload, len, ch);
		PROMISE((drain(ch) == VZ_CHANNEL_PEER) ==
		    (host == called && is_good(called, payload, len)));
	}
	/* Nor does an initiator show who it is. */
	vz_channel_out(ch, &n_out);
	PROMISE(n_out == 0);
	vz_noise_free(n);
	vz_channel_free(ch);
}

static void
to_records(const uint8_t *data, size_t size)
{
	struct vz_channel *a = make(true), *b = make(false);

	carry(a, b);
	PROMISE(drain(b) == VZ_CHANNEL_MORE);
	carry(b, a);
	PROMISE(drain(a) == VZ_CHANNEL_PEER && vz_channel_accept(a) == 0);
	carry(a, b);
	PROMISE(drain(b) == VZ_CHANNEL_PEER && vz_channel_accept(b) == 0);
	feed(a, data, size);
	feed(b, data, size);
	PROMISE(drain(a) <= 0 && drain(b) <= 0);
	vz_channel_free(a);
	vz_channel_free(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum how how;

	if (size == 0 || size > 200000)
		return 0;
	how = data[0] % HOWS;
	if (how <= BUNDLE_3)
		to_responder(how, data + 1, size - 1);
	else if (how <= HOST_2)
		to_initiator(how, data + 1, size - 1);
	else
		to_records(data + 1, size - 1);
	return 0;
}
