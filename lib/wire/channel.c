/*
 * The channel: Noise_XXpsk0 with bundles as payloads, then records.
 */
#include "wire/channel.h"
#include <string.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/noise.h"
#include "wire/frame.h"

#define MESSAGE_1   48                  /* e and the tag of an empty payload */
#define MESSAGE_MAX 1024                /* messages 2 and 3 */
#define PAYLOAD     (VZ_BUNDLE_LEN + 1) /* bundle, flags */
#define FLAG_AES    1u

/* What one read asks for: little until the traffic shows that it is much. */
#define CHUNK_MIN 4096
#define CHUNK_MAX (512 * 1024)
#define IN_MAX    (CHUNK_MAX + 2 + VZ_RECORD_MAX)
#define OUT_MAX   (1024 * 1024)

enum phase {
	WAIT_1, /* responder */
	WAIT_2, /* initiator */
	WAIT_3, /* responder */
	PEER,   /* authenticated, not yet accepted */
	OPEN,
	DEAD,
};

/* One direction's record cipher. */
struct half {
	struct vz_aead *aead;
	uint64_t n;
};

struct vz_channel {
	enum phase phase;
	bool initiator, want_aes, is_aes, begun, to_relay;
	const struct vz_observer *observer; /* NULL once it is open */
	const struct vz_identity *self;
	struct vz_key responder;
	uint8_t psk[VZ_CHANNEL_PSKS][32];
	unsigned psks;
	uint8_t random[32];
	uint8_t prologue[7 + 32 + VZ_MATCH_LEN];
	size_t prologue_len;
	struct vz_noise *noise;
	struct vz_bundle peer;
	struct half tx, rx;
	struct vz_buf in, out;
	size_t chunk, asked;
};

/* "vz/1" 00 || service || path || on path 1 the relay's identity and the match id (DESIGN 5). */
static void
make_prologue(struct vz_channel *ch, const struct vz_channel_config *c)
{
	uint8_t *p = ch->prologue;

	memcpy(p, "vz/1", 5);
	p[5] = (uint8_t)c->service;
	p[6] = c->relayed ? 1 : 0;
	ch->prologue_len = 7;
	if (c->relayed) {
		memcpy(p + 7, c->relay.b, 32);
		memcpy(p + 7 + 32, c->match, VZ_MATCH_LEN);
		ch->prologue_len = sizeof(ch->prologue);
	}
}

/* psk = BLAKE2b-256(key = pre-shared bytes or none; "vz/1 psk\0" || listener's identity). */
static void
make_psks(struct vz_channel *ch, const struct vz_channel_config *c)
{
	static const char label[] = "vz/1 psk"; /* its NUL counts */

	for (unsigned i = 0; i < VZ_CHANNEL_PSKS; i++) {
		if (c->psk[i] == NULL && (i > 0 || c->psk[1] != NULL))
			continue;
		vz_blake2b_256(c->psk[i], c->psk[i] != NULL ? 32 : 0, label, sizeof(label),
		    ch->responder.b, sizeof(ch->responder.b), ch->psk[ch->psks++]);
		if (c->initiator)
			break;
	}
}

static int
start_noise(struct vz_channel *ch, unsigned psk)
{
	struct vz_noise_config c = {
	    .pattern = &vz_noise_xxpsk0,
	    .cipher = VZ_AEAD_CHACHAPOLY,
	    .hash = VZ_HASH_BLAKE2B,
	    .initiator = ch->initiator,
	    .prologue = ch->prologue,
	    .prologue_len = ch->prologue_len,
	    .psk = {ch->psk[psk]},
	    .static_secret = ch->self->noise_secret,
	    .static_public = ch->self->bundle.noise,
	    .ephemeral_secret = ch->random,
	};

	vz_noise_free(ch->noise);
	ch->noise = NULL;
	return vz_noise_new(&ch->noise, &c);
}

/* The phase is the one before what was read, and before that after what is written. */
static void
observe(const struct vz_channel *ch, bool out, size_t len)
{
	unsigned message;

	if (ch->observer == NULL)
		return;
	if (ch->phase == WAIT_1)
		message = 1;
	else if (ch->phase == WAIT_2)
		message = out ? 1 : 2;
	else
		message = out && ch->phase == WAIT_3 ? 2 : 3;
	ch->observer->handshake(ch->observer->arg, out, ch->to_relay, message, len);
}

/* Writes the next handshake message, u16 length first, into the output. */
static int
write_message(struct vz_channel *ch, const uint8_t *payload, size_t len)
{
	size_t cap = len + vz_noise_overhead(ch->noise), n;
	uint8_t *p;
	int r;

	if ((r = vz_buf_reserve(&ch->out, 2 + cap, &p)) < 0)
		return r;
	if ((r = vz_noise_write(ch->noise, payload, len, p + 2, cap, &n)) < 0)
		return r;
	vz_store16(p, (uint16_t)n);
	vz_buf_added(&ch->out, 2 + n);
	observe(ch, true, n);
	return 0;
}

static int
write_bundle(struct vz_channel *ch)
{
	uint8_t payload[PAYLOAD];

	vz_bundle_encode(&ch->self->bundle, payload);
	payload[VZ_BUNDLE_LEN] = ch->want_aes ? FLAG_AES : 0;
	return write_message(ch, payload, sizeof(payload));
}

int
vz_channel_new(struct vz_channel **out, const struct vz_channel_config *c)
{
	struct vz_channel *ch;
	int r = 0;

	*out = NULL;
	if ((ch = vz_secret_small(sizeof(*ch))) == NULL)
		return VZ_ENOMEM;
	ch->phase = c->initiator ? WAIT_2 : WAIT_1;
	ch->initiator = c->initiator;
	ch->want_aes = c->aes;
	ch->self = c->self;
	ch->responder = c->responder;
	ch->observer = c->observer;
	ch->to_relay = c->service == VZ_SERVICE_RELAY;
	memcpy(ch->random, c->random, sizeof(ch->random));
	ch->chunk = CHUNK_MIN;
	vz_buf_init(&ch->in, IN_MAX);
	vz_buf_init(&ch->out, OUT_MAX);
	make_prologue(ch, c);
	make_psks(ch, c);
	/* A responder keeps no Noise state before there is something to read. */
	if (ch->initiator && (r = start_noise(ch, 0)) == 0)
		r = write_message(ch, NULL, 0);
	if (r < 0) {
		vz_channel_free(ch);
		return r;
	}
	*out = ch;
	return 0;
}

void
vz_channel_free(struct vz_channel *ch)
{
	if (ch == NULL)
		return;
	vz_noise_free(ch->noise);
	vz_aead_free(ch->tx.aead);
	vz_aead_free(ch->rx.aead);
	vz_buf_free(&ch->in);
	vz_buf_free(&ch->out);
	vz_secret_small_free(ch, sizeof(*ch));
}

uint8_t *
vz_channel_space(struct vz_channel *ch, size_t *n)
{
	uint8_t *p;

	if (vz_buf_reserve(&ch->in, ch->chunk, &p) < 0)
		return NULL;
	ch->asked = ch->chunk;
	*n = ch->chunk;
	return p;
}

void
vz_channel_fed(struct vz_channel *ch, size_t n)
{
	vz_buf_added(&ch->in, n);
	/* A full read means more is waiting: ask for more at once, but never before the peer is
	 * known. */
	if (ch->phase == OPEN && n == ch->asked && ch->chunk < CHUNK_MAX)
		ch->chunk *= 8;
	if (ch->chunk > CHUNK_MAX)
		ch->chunk = CHUNK_MAX;
}

/* Message 1 tells nothing of who calls, only that they know whom: no DH before its tag (DESIGN 5).
 */
static int
read_1(struct vz_channel *ch, const uint8_t *p, size_t len)
{
	uint8_t none[1];
	size_t n;
	int r = VZ_EFORMAT;

	if (len != MESSAGE_1)
		return VZ_EFORMAT;
	for (unsigned i = 0; i < ch->psks; i++) {
		if ((r = start_noise(ch, i)) < 0)
			return r;
		if ((r = vz_noise_read(ch->noise, p, len, none, 0, &n)) == 0)
			break;
	}
	if (r < 0)
		return r;
	observe(ch, false, len);
	ch->begun = true;
	ch->phase = WAIT_3;
	return write_bundle(ch);
}

/*
 * The dialler knows whose it has to be. The listener knows the keys that it was given, each with
 * its point judged; a stranger's is judged when strangers are let in (vz_acl_check).
 */
static int
judge_bundle(const struct vz_channel *ch, const uint8_t *payload, struct vz_bundle *peer)
{
	int r = vz_bundle_parse(payload, VZ_BUNDLE_LEN, peer);

	if (r < 0)
		return r;
	if (ch->initiator && !vz_key_equal(&peer->identity, &ch->responder))
		return VZ_EMISMATCH;
	return vz_bundle_verify_known(peer);
}

/*
 * Messages 2 and 3: tag, then the bundle's Noise key is the session's, then its signature, and for
 * who dials, that it is the identity called. Into a local, committed once.
 */
static int
read_bundle(struct vz_channel *ch, const uint8_t *p, size_t len)
{
	uint8_t payload[PAYLOAD];
	struct vz_bundle peer;
	size_t n;
	int r;

	if (len > MESSAGE_MAX || len != PAYLOAD + vz_noise_overhead(ch->noise))
		return VZ_EFORMAT;
	if ((r = vz_noise_read(ch->noise, p, len, payload, sizeof(payload), &n)) < 0)
		return r;
	/* The bundle's Noise key stands behind its version byte and identity. */
	if (memcmp(payload + 1 + 32, vz_noise_remote_static(ch->noise), 32) != 0)
		return VZ_EAUTH;
	if ((r = judge_bundle(ch, payload, &peer)) < 0)
		return r;
	observe(ch, false, len);
	ch->peer = peer;
	ch->begun = true;
	ch->is_aes = ch->want_aes && (payload[VZ_BUNDLE_LEN] & FLAG_AES) != 0;
	ch->phase = PEER;
	return VZ_CHANNEL_PEER;
}

/* The session keys, once; the handshake's state goes. */
static int
split(struct vz_channel *ch)
{
	enum vz_aead_alg alg = ch->is_aes ? VZ_AEAD_AES256GCM : VZ_AEAD_CHACHAPOLY;
	uint8_t k[2][32]; /* initiator to responder, and back */
	int r;

	if (ch->is_aes)
		r = vz_noise_split_label(ch->noise, "vz/1 aes256gcm", k[0], k[1]);
	else
		r = vz_noise_split(ch->noise, k[0], k[1]);
	if (r == 0)
		r = vz_aead_new(&ch->tx.aead, alg, k[ch->initiator ? 0 : 1]);
	if (r == 0)
		r = vz_aead_new(&ch->rx.aead, alg, k[ch->initiator ? 1 : 0]);
	vz_wipe(k, sizeof(k));
	vz_noise_free(ch->noise);
	ch->noise = NULL;
	vz_wipe(ch->psk, sizeof(ch->psk));
	vz_wipe(ch->random, sizeof(ch->random));
	ch->self = NULL; /* borrowed no longer */
	ch->observer = NULL;
	return r;
}

int
vz_channel_accept(struct vz_channel *ch)
{
	int r = 0;

	if (ch->phase != PEER)
		return VZ_EINVAL;
	if (ch->initiator)
		r = write_bundle(ch);
	if (r == 0)
		r = split(ch);
	/* Without memory the handshake's state is gone too: it cannot be tried again. */
	ch->phase = r == 0 ? OPEN : DEAD;
	return r;
}

/* Rekey() after nonce 65535 mod 65536; n goes on and never wraps (DESIGN 5). */
static int
advance(struct half *h)
{
	if (h->n == UINT64_MAX - 1)
		return VZ_ELIMIT;
	return (h->n++ & 0xffff) == 0xffff ? vz_aead_rekey(h->aead) : 0;
}

static int
next_record(struct vz_channel *ch, uint8_t *p, size_t len, const uint8_t **plain, size_t *plain_len)
{
	int r;

	if (len <= VZ_AEAD_TAG) /* an empty record is as wrong as a short one */
		return VZ_EFORMAT;
	if ((r = vz_aead_open(ch->rx.aead, ch->rx.n, NULL, 0, p, len, p)) < 0)
		return r;
	if ((r = advance(&ch->rx)) < 0)
		return r;
	*plain = p;
	*plain_len = len - VZ_AEAD_TAG;
	return VZ_CHANNEL_RECORD;
}

/* Lengths are judged as soon as they are known, before the bytes are waited for. */
static bool
length_ok(const struct vz_channel *ch, size_t len)
{
	switch (ch->phase) {
	case WAIT_1: return len == MESSAGE_1;
	case WAIT_2:
	case WAIT_3: return len <= MESSAGE_MAX && len > VZ_AEAD_TAG;
	default: return len > VZ_AEAD_TAG;
	}
}

int
vz_channel_next(struct vz_channel *ch, const uint8_t **plain, size_t *len)
{
	uint8_t *p;
	size_t n;
	int r;

	if (ch->phase == DEAD)
		return VZ_EINVAL;
	if (ch->phase == PEER || ch->in.len < 2)
		return VZ_CHANNEL_MORE;
	p = ch->in.data + ch->in.off;
	n = vz_load16(p);
	if (!length_ok(ch, n)) {
		/* As below: an open channel can still tell its peer. */
		ch->phase = ch->phase == OPEN ? OPEN : DEAD;
		return VZ_EFORMAT;
	}
	if (ch->in.len < 2 + n)
		return VZ_CHANNEL_MORE;
	if (ch->phase == OPEN)
		r = next_record(ch, p + 2, n, plain, len);
	else if (ch->phase == WAIT_1)
		r = read_1(ch, p + 2, n);
	else
		r = read_bundle(ch, p + 2, n);
	if (r < 0)
		ch->phase = ch->phase == OPEN ? OPEN : DEAD;
	else
		vz_buf_consume(
		    &ch->in, 2 + n); /* the bytes stay where they are until the next space */
	return r;
}

const struct vz_bundle *
vz_channel_peer(const struct vz_channel *ch)
{
	return ch->phase == PEER || ch->phase == OPEN ? &ch->peer : NULL;
}

bool
vz_channel_open(const struct vz_channel *ch)
{
	return ch->phase == OPEN;
}

bool
vz_channel_begun(const struct vz_channel *ch)
{
	return ch->begun;
}

bool
vz_channel_partial(const struct vz_channel *ch)
{
	return ch->in.len > 0;
}

const uint8_t *
vz_channel_rest(const struct vz_channel *ch, size_t *n)
{
	*n = ch->in.len;
	return vz_buf_ptr(&ch->in);
}

bool
vz_channel_is_aes(const struct vz_channel *ch)
{
	return ch->is_aes;
}

int
vz_channel_put(
    struct vz_channel *ch, const void *head, size_t head_len, const void *body, size_t body_len)
{
	size_t plain = head_len + body_len;
	uint8_t *p;
	int r;

	if (ch->phase != OPEN || plain == 0 || plain > VZ_RECORD_PLAIN_MAX)
		return VZ_EINVAL;
	if ((r = vz_buf_reserve(&ch->out, 2 + plain + VZ_AEAD_TAG, &p)) < 0)
		return r;
	r = vz_aead_seal(ch->tx.aead, ch->tx.n, NULL, 0, head, head_len, body, body_len, p + 2);
	if (r < 0 || (r = advance(&ch->tx)) < 0)
		return r;
	vz_store16(p, (uint16_t)(plain + VZ_AEAD_TAG));
	vz_buf_added(&ch->out, 2 + plain + VZ_AEAD_TAG);
	return 0;
}

const uint8_t *
vz_channel_out(const struct vz_channel *ch, size_t *n)
{
	*n = ch->out.len;
	return vz_buf_ptr(&ch->out);
}

int
vz_channel_append(struct vz_channel *ch, const uint8_t *p, size_t n)
{
	return vz_buf_put(&ch->out, p, n);
}

void
vz_channel_sent(struct vz_channel *ch, size_t n)
{
	vz_buf_consume(&ch->out, n);
}

void
vz_channel_trim(struct vz_channel *ch)
{
	if (ch->in.len == 0)
		vz_buf_free(&ch->in);
	if (ch->out.len == 0)
		vz_buf_free(&ch->out);
	ch->chunk = CHUNK_MIN;
}
