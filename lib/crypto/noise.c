#include "crypto/noise.h"

#include <stdio.h>
#include <string.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"

#define DHLEN             32    /* Noise 12.1 */
#define KEYLEN            32    /* Noise 4.2 */
#define MESSAGE_MAX       65535 /* Noise 3 */
#define PROTOCOL_NAME_MAX 255   /* Noise 8 */

const struct vz_noise_pattern vz_noise_xxpsk0 = {
    .name = "XXpsk0",
    .messages = 3,
    .message =
	{
	    {VZ_NOISE_PSK, VZ_NOISE_E},
	    {VZ_NOISE_E, VZ_NOISE_EE, VZ_NOISE_S, VZ_NOISE_ES},
	    {VZ_NOISE_S, VZ_NOISE_SE},
	},
};

struct key {
	uint8_t bytes[DHLEN];
	bool there;
};

/* SymmetricState with its CipherState inside (Noise 5.1, 5.2). */
struct symmetric {
	uint8_t ck[VZ_HASH_MAX], h[VZ_HASH_MAX];
	uint8_t k[KEYLEN];
	uint64_t n;
	bool has_key;
	enum vz_hash hash;
	enum vz_aead_alg cipher;
};

/* What a message changes: HandshakeState's variables (Noise 5.3). */
struct state {
	struct symmetric ss;
	struct key rs, re;
	bool e_sent;
	uint8_t next_message, next_psk;
};

struct vz_noise {
	struct state now;
	struct vz_noise_pattern pattern;
	struct key s, e; /* secrets */
	uint8_t s_public[DHLEN], e_public[DHLEN];
	uint8_t psk[VZ_NOISE_PSKS_MAX][KEYLEN];
	bool initiator, psk_mode, dead;
};

/* A message on its way through the tokens: reading when `in` is set, else writing. */
struct cursor {
	const uint8_t *in;
	uint8_t *out;
};

int
vz_x25519_public(const uint8_t secret[static 32], uint8_t public[static 32])
{
	return crypto_scalarmult_curve25519_base(public, secret) == 0 ? 0 : VZ_EAUTH;
}

int
vz_x25519(
    const uint8_t secret[static 32], const uint8_t public[static 32], uint8_t shared[static 32])
{
	/* libsodium refuses an all-zero result, that is, every point of small order. */
	if (crypto_scalarmult_curve25519(shared, secret, public) == 0)
		return 0;
	vz_wipe(shared, DHLEN);
	return VZ_EAUTH;
}

/* --- CipherState, Noise 5.1 --- */

static void
initialize_key(struct symmetric *ss, const uint8_t *key)
{
	memcpy(ss->k, key, KEYLEN);
	ss->n = 0;
	ss->has_key = true;
}

/* --- SymmetricState, Noise 5.2 --- */

static void
mix_hash(struct symmetric *ss, const void *data, size_t len)
{
	uint8_t h[VZ_HASH_MAX];

	vz_hash2(ss->hash, ss->h, vz_hash_len(ss->hash), data, len, h);
	memcpy(ss->h, h, vz_hash_len(ss->hash));
}

static void
initialize_symmetric(struct symmetric *ss, const char *protocol_name)
{
	size_t len = strlen(protocol_name), hash_len = vz_hash_len(ss->hash);

	if (len <= hash_len)
		memcpy(ss->h, protocol_name, len); /* the rest is zero already */
	else
		vz_hash2(ss->hash, protocol_name, len, NULL, 0, ss->h);
	memcpy(ss->ck, ss->h, hash_len);
}

static void
mix_key(struct symmetric *ss, const uint8_t *ikm)
{
	uint8_t ck[VZ_HASH_MAX], temp_k[VZ_HASH_MAX];
	size_t hash_len = vz_hash_len(ss->hash);

	vz_hkdf(ss->hash, ss->ck, hash_len, ikm, KEYLEN, ck, temp_k, NULL);
	memcpy(ss->ck, ck, hash_len);
	initialize_key(ss, temp_k);
	vz_wipe(ck, sizeof ck);
	vz_wipe(temp_k, sizeof temp_k);
}

static void
mix_key_and_hash(struct symmetric *ss, const uint8_t *psk)
{
	uint8_t ck[VZ_HASH_MAX], temp_h[VZ_HASH_MAX], temp_k[VZ_HASH_MAX];
	size_t hash_len = vz_hash_len(ss->hash);

	vz_hkdf(ss->hash, ss->ck, hash_len, psk, KEYLEN, ck, temp_h, temp_k);
	memcpy(ss->ck, ck, hash_len);
	mix_hash(ss, temp_h, hash_len);
	initialize_key(ss, temp_k);
	vz_wipe(ck, sizeof ck);
	vz_wipe(temp_h, sizeof temp_h);
	vz_wipe(temp_k, sizeof temp_k);
}

/* out takes len bytes and, once there is a key, a tag. Returns the bytes written. */
static size_t
encrypt_and_hash(struct symmetric *ss, const void *plain, size_t len, uint8_t *out)
{
	if (ss->has_key) {
		vz_aead_once_seal(
		    ss->cipher, ss->k, ss->n++, ss->h, vz_hash_len(ss->hash), plain, len, out);
		len += VZ_AEAD_TAG;
	} else if (len != 0) {
		memcpy(out, plain, len);
	}
	mix_hash(ss, out, len);
	return len;
}

static int
decrypt_and_hash(struct symmetric *ss, const uint8_t *data, size_t len, uint8_t *out)
{
	int rc = 0;

	if (ss->has_key)
		rc = vz_aead_once_open(
		    ss->cipher, ss->k, ss->n++, ss->h, vz_hash_len(ss->hash), data, len, out);
	else if (len != 0)
		memcpy(out, data, len);
	mix_hash(ss, data, len);
	return rc;
}

/* --- HandshakeState, Noise 5.3 --- */

static size_t
tag_len(bool has_key)
{
	return has_key ? VZ_AEAD_TAG : 0;
}

static bool
our_turn(const struct vz_noise *n)
{
	return (n->now.next_message % 2 == 0) == n->initiator;
}

/* The local and the remote key of a DH token, as each role sees it. */
static int
mix_dh(const struct vz_noise *n, struct state *st, uint8_t token)
{
	bool local_s = token == VZ_NOISE_SS || token == (n->initiator ? VZ_NOISE_SE : VZ_NOISE_ES);
	bool remote_s = token == VZ_NOISE_SS || token == (n->initiator ? VZ_NOISE_ES : VZ_NOISE_SE);
	const struct key *local = local_s ? &n->s : &n->e;
	const struct key *remote = remote_s ? &st->rs : &st->re;
	uint8_t shared[DHLEN];
	int rc;

	if (!local->there || !remote->there || (!local_s && !st->e_sent))
		return VZ_EINVAL;
	rc = vz_x25519(local->bytes, remote->bytes, shared);
	if (rc == 0)
		mix_key(&st->ss, shared);
	vz_wipe(shared, sizeof shared);
	return rc;
}

/* "e": in a psk handshake it is also mixed into the key (Noise 9.2). */
static int
token_e(const struct vz_noise *n, struct state *st, struct cursor *c)
{
	const uint8_t *public;

	if (c->in != NULL) {
		if (st->re.there)
			return VZ_EINVAL;
		memcpy(st->re.bytes, c->in, DHLEN);
		st->re.there = true;
		c->in += DHLEN;
		public = st->re.bytes;
	} else {
		if (!n->e.there || st->e_sent)
			return VZ_EINVAL;
		memcpy(c->out, n->e_public, DHLEN);
		st->e_sent = true;
		c->out += DHLEN;
		public = n->e_public;
	}
	mix_hash(&st->ss, public, DHLEN);
	if (n->psk_mode)
		mix_key(&st->ss, public);
	return 0;
}

static int
token_s(const struct vz_noise *n, struct state *st, struct cursor *c)
{
	size_t len = DHLEN + tag_len(st->ss.has_key);
	int rc;

	if (c->in != NULL) {
		if (st->rs.there)
			return VZ_EINVAL;
		rc = decrypt_and_hash(&st->ss, c->in, len, st->rs.bytes);
		if (rc != 0)
			return rc;
		st->rs.there = true;
		c->in += len;
	} else {
		if (!n->s.there)
			return VZ_EINVAL;
		c->out += encrypt_and_hash(&st->ss, n->s_public, DHLEN, c->out);
	}
	return 0;
}

static int
run_tokens(const struct vz_noise *n, struct state *st, struct cursor *c)
{
	const uint8_t *tokens = n->pattern.message[st->next_message];
	int rc = 0;

	for (size_t i = 0; i < VZ_NOISE_TOKENS_MAX && tokens[i] != 0 && rc == 0; i++) {
		switch (tokens[i]) {
		case VZ_NOISE_E: rc = token_e(n, st, c); break;
		case VZ_NOISE_S: rc = token_s(n, st, c); break;
		case VZ_NOISE_EE:
		case VZ_NOISE_ES:
		case VZ_NOISE_SE:
		case VZ_NOISE_SS: rc = mix_dh(n, st, tokens[i]); break;
		case VZ_NOISE_PSK: mix_key_and_hash(&st->ss, n->psk[st->next_psk++]); break;
		default: rc = VZ_EINVAL;
		}
	}
	return rc;
}

size_t
vz_noise_overhead(const struct vz_noise *n)
{
	bool has_key = n->now.ss.has_key;
	const uint8_t *tokens;
	size_t sum = 0;

	if (n->now.next_message >= n->pattern.messages)
		return 0;
	tokens = n->pattern.message[n->now.next_message];
	for (size_t i = 0; i < VZ_NOISE_TOKENS_MAX && tokens[i] != 0; i++) {
		if (tokens[i] == VZ_NOISE_E)
			sum += DHLEN;
		else if (tokens[i] == VZ_NOISE_S)
			sum += DHLEN + tag_len(has_key);
		if (tokens[i] != VZ_NOISE_S && (tokens[i] != VZ_NOISE_E || n->psk_mode))
			has_key = true;
	}
	return sum + tag_len(has_key);
}

/* A message passed: what it computed becomes the state. Else the state is dead. */
static void
commit(struct vz_noise *n, struct state *st, int rc)
{
	if (rc == 0) {
		st->next_message++;
		n->now = *st;
	} else {
		n->dead = true;
	}
	vz_wipe(st, sizeof *st);
}

int
vz_noise_write(struct vz_noise *n, const void *payload, size_t payload_len, uint8_t *out,
    size_t cap, size_t *out_len)
{
	struct state st = n->now;
	struct cursor c = {.out = out};
	size_t overhead = vz_noise_overhead(n), bound = cap < MESSAGE_MAX ? cap : MESSAGE_MAX;
	int rc;

	*out_len = 0;
	if (n->dead || st.next_message >= n->pattern.messages || !our_turn(n))
		rc = VZ_EINVAL;
	else if (overhead > bound || payload_len > bound - overhead)
		rc = VZ_ELIMIT;
	else
		rc = run_tokens(n, &st, &c);
	if (rc == 0) {
		c.out += encrypt_and_hash(&st.ss, payload, payload_len, c.out);
		*out_len = (size_t)(c.out - out);
	} else if (c.out != out) {
		vz_wipe(out, (size_t)(c.out - out));
	}
	commit(n, &st, rc);
	return rc;
}

int
vz_noise_read(struct vz_noise *n, const uint8_t *in, size_t in_len, uint8_t *payload, size_t cap,
    size_t *payload_len)
{
	struct state st = n->now;
	struct cursor c = {.in = in};
	size_t overhead = vz_noise_overhead(n);
	int rc;

	*payload_len = 0;
	if (n->dead || st.next_message >= n->pattern.messages || our_turn(n))
		rc = VZ_EINVAL;
	else if (in_len < overhead || in_len > MESSAGE_MAX)
		rc = VZ_EFORMAT;
	else if (in_len - overhead > cap)
		rc = VZ_ELIMIT;
	else
		rc = run_tokens(n, &st, &c);
	if (rc == 0)
		rc = decrypt_and_hash(&st.ss, c.in, in_len - (size_t)(c.in - in), payload);
	if (rc == 0)
		*payload_len = in_len - overhead;
	commit(n, &st, rc);
	return rc;
}

/* True for a list of pre-message tokens that this core knows: "s" or nothing (Noise 7.1). */
static bool
pre_message_ok(const uint8_t pre[static 2])
{
	return pre[0] == 0 || (pre[0] == VZ_NOISE_S && pre[1] == 0);
}

/* Counts psk tokens; false for a pattern that the arrays cannot hold. */
static bool
check_pattern(const struct vz_noise_pattern *p, size_t *psks)
{
	*psks = 0;
	if (p->messages == 0 || p->messages > VZ_NOISE_MESSAGES_MAX ||
	    !pre_message_ok(p->pre_initiator) || !pre_message_ok(p->pre_responder))
		return false;
	for (size_t m = 0; m < p->messages; m++)
		for (size_t i = 0; i < VZ_NOISE_TOKENS_MAX && p->message[m][i] != 0; i++)
			*psks += p->message[m][i] == VZ_NOISE_PSK;
	return *psks <= VZ_NOISE_PSKS_MAX;
}

/* known: the public key where the caller has it already, else NULL. */
static int
copy_secret(
    const uint8_t *secret, const uint8_t *known, struct key *k, uint8_t public[static DHLEN])
{
	if (secret == NULL)
		return 0;
	memcpy(k->bytes, secret, DHLEN);
	k->there = true;
	if (known == NULL)
		return vz_x25519_public(secret, public);
	memcpy(public, known, DHLEN);
	return 0;
}

static int
copy_keys(struct vz_noise *n, const struct vz_noise_config *config, size_t psks)
{
	int rc;

	for (size_t i = 0; i < psks; i++) {
		if (config->psk[i] == NULL)
			return VZ_EINVAL;
		memcpy(n->psk[i], config->psk[i], KEYLEN);
	}
	if (config->remote_static != NULL) {
		/* Nothing would compare it with the key that the handshake brings. */
		if ((n->initiator ? n->pattern.pre_responder : n->pattern.pre_initiator)[0] == 0)
			return VZ_EINVAL;
		memcpy(n->now.rs.bytes, config->remote_static, DHLEN);
		n->now.rs.there = true;
	}
	rc = copy_secret(config->static_secret, config->static_public, &n->s, n->s_public);
	if (rc == 0)
		rc = copy_secret(config->ephemeral_secret, NULL, &n->e, n->e_public);
	return rc;
}

/* Noise 5.3 Initialize(): pre-messages are hashed, the initiator's first. */
static int
mix_pre_messages(struct vz_noise *n)
{
	for (int role = 0; role < 2; role++) {
		const uint8_t *pre =
		    role == 0 ? n->pattern.pre_initiator : n->pattern.pre_responder;
		bool ours = (role == 0) == n->initiator;

		if (pre[0] == 0)
			continue;
		if (ours ? !n->s.there : !n->now.rs.there)
			return VZ_EINVAL;
		mix_hash(&n->now.ss, ours ? n->s_public : n->now.rs.bytes, DHLEN);
	}
	return 0;
}

static int
protocol_name(const struct vz_noise_config *config, char name[static PROTOCOL_NAME_MAX + 1])
{
	static const char *const ciphers[] = {
	    [VZ_AEAD_CHACHAPOLY] = "ChaChaPoly",
	    [VZ_AEAD_AES256GCM] = "AESGCM",
	};
	static const char *const hashes[] = {
	    [VZ_HASH_BLAKE2B] = "BLAKE2b",
	    [VZ_HASH_SHA256] = "SHA256",
	    [VZ_HASH_SHA512] = "SHA512",
	};
	int n = snprintf(name, PROTOCOL_NAME_MAX + 1, "Noise_%s_25519_%s_%s", config->pattern->name,
	    ciphers[config->cipher], hashes[config->hash]);

	return n > 0 && n <= PROTOCOL_NAME_MAX ? 0 : VZ_EINVAL;
}

/* Noise 5.3 Initialize(). */
static int
initialize(struct vz_noise *n, const struct vz_noise_config *config)
{
	char name[PROTOCOL_NAME_MAX + 1];
	size_t psks;
	int rc;

	if (!check_pattern(config->pattern, &psks))
		return VZ_EINVAL;
	n->pattern = *config->pattern;
	n->pattern.name = NULL; /* the caller's, not needed again */
	n->psk_mode = psks > 0;
	n->initiator = config->initiator;
	n->now.ss.hash = config->hash;
	n->now.ss.cipher = config->cipher;
	if ((rc = protocol_name(config, name)) != 0 || (rc = copy_keys(n, config, psks)) != 0)
		return rc;
	initialize_symmetric(&n->now.ss, name);
	mix_hash(&n->now.ss, config->prologue, config->prologue_len);
	return mix_pre_messages(n);
}

int
vz_noise_new(struct vz_noise **out, const struct vz_noise_config *config)
{
	struct vz_noise *n;
	int rc;

	*out = NULL;
	if (config->pattern == NULL || config->pattern->name == NULL ||
	    (config->cipher == VZ_AEAD_AES256GCM && !vz_aead_has_aes()))
		return VZ_EINVAL;
	n = vz_secret_small(sizeof *n);
	if (n == NULL)
		return VZ_ENOMEM;
	rc = initialize(n, config);
	if (rc != 0) {
		vz_noise_free(n);
		return rc;
	}
	*out = n;
	return 0;
}

void
vz_noise_free(struct vz_noise *n)
{
	vz_secret_small_free(n, sizeof(*n));
}

bool
vz_noise_finished(const struct vz_noise *n)
{
	return !n->dead && n->now.next_message == n->pattern.messages;
}

const uint8_t *
vz_noise_remote_static(const struct vz_noise *n)
{
	return n->now.rs.there ? n->now.rs.bytes : NULL;
}

const uint8_t *
vz_noise_hash(const struct vz_noise *n)
{
	return n->now.ss.h;
}

static int
split(const struct vz_noise *n, const char *label, uint8_t i_to_r[static 32],
    uint8_t r_to_i[static 32])
{
	const struct symmetric *ss = &n->now.ss;
	uint8_t k1[VZ_HASH_MAX], k2[VZ_HASH_MAX];

	if (!vz_noise_finished(n)) {
		vz_wipe(i_to_r, KEYLEN);
		vz_wipe(r_to_i, KEYLEN);
		return VZ_EINVAL;
	}
	vz_hkdf(ss->hash, ss->ck, vz_hash_len(ss->hash), label, strlen(label), k1, k2, NULL);
	memcpy(i_to_r, k1, KEYLEN);
	memcpy(r_to_i, k2, KEYLEN);
	vz_wipe(k1, sizeof k1);
	vz_wipe(k2, sizeof k2);
	return 0;
}

int
vz_noise_split(const struct vz_noise *n, uint8_t i_to_r[static 32], uint8_t r_to_i[static 32])
{
	return split(n, "", i_to_r, r_to_i);
}

int
vz_noise_split_label(const struct vz_noise *n, const char *label, uint8_t i_to_r[static 32],
    uint8_t r_to_i[static 32])
{
	return split(n, label, i_to_r, r_to_i);
}
