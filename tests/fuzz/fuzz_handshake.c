/*
 * Two honest hosts shake hands over a hostile network: whatever it changes, a side knows its peer
 * only when it has heard what that peer said to it, byte for byte; and a side that gave up says
 * nothing more.
 *
 * Aims at: lib/wire/channel.c lib/crypto/noise.c lib/id/identity.c
 *
 * The first bytes of an input are the configuration, the rest edits each flight (network.h).
 *
 * Before authentication.
 */
#include "base/err.h"
#include "tests/fuzz/hosts.h"
#include "tests/fuzz/network.h"

#define FLIGHT_MAX 2048

/* The first byte of an input. */
#define CALLER_AES  0x01
#define CALLED_AES  0x02
#define RELAYED     0x04
#define PSK_CALLER  0x08 /* the caller has pre-shared key 0 */
#define PSK_FIRST   0x10 /* the called has it first, */
#define PSK_SECOND  0x20 /* or second, */
#define OTHER_HOST  0x40 /* somebody else answers */
#define OTHER_MATCH 0x80 /* the relay lies about the match */

struct side {
	struct vz_channel *ch;
	uint8_t heard[2 * FLIGHT_MAX], said[FLIGHT_MAX];
	size_t heard_len, said_len;
	size_t looked; /* bytes of `said` that went out */
	int last;
};

static struct vz_identity *other;
static uint8_t psk[2][32];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	hosts_make();
	other = fuzz_identity(21);
	memset(psk[0], 1, sizeof(psk[0]));
	memset(psk[1], 2, sizeof(psk[1]));
	return 0;
}

static void
make(struct side *s, bool initiator, uint8_t how)
{
	struct vz_channel_config c = hosts_config(initiator, 31);

	c.aes = (how & (initiator ? CALLER_AES : CALLED_AES)) != 0;
	c.relayed = (how & RELAYED) != 0;
	if (!initiator && (how & OTHER_HOST) != 0)
		c.self = other;
	/* What was heard in another configuration is of no use in this one. */
	c.random[1] = how;
	if (!initiator && (how & OTHER_MATCH) != 0)
		c.match[0] = 1;
	if (initiator && (how & PSK_CALLER) != 0)
		c.psk[0] = psk[0];
	if (!initiator && (how & (PSK_FIRST | PSK_SECOND)) != 0) {
		c.psk[0] = psk[(how & PSK_FIRST) != 0 ? 0 : 1];
		c.psk[1] = (how & PSK_SECOND) != 0 ? psk[0] : NULL;
	}
	PROMISE(vz_channel_new(&s->ch, &c) == 0);
}

/* Do they agree about everything that is agreed before the handshake? */
static bool
agreed(uint8_t how)
{
	bool has = (how & (PSK_FIRST | PSK_SECOND)) != 0;

	if (has != ((how & PSK_CALLER) != 0))
		return false;
	return (how & RELAYED) == 0 || (how & OTHER_MATCH) == 0;
}

/* What a side says next, on the record. */
static size_t
take(struct side *s, uint8_t out[static FLIGHT_MAX])
{
	size_t n;
	const uint8_t *p = vz_channel_out(s->ch, &n);

	PROMISE(n <= FLIGHT_MAX / 2);
	memcpy(out, p, n);
	memcpy(s->said + s->said_len, p, n);
	s->said_len += n;
	vz_channel_sent(s->ch, n);
	return n;
}

/* Reads all that it can; an error is final. */
static void
listen_to(struct side *s)
{
	const uint8_t *plain;
	size_t len;

	if (s->last < 0) {
		PROMISE(vz_channel_next(s->ch, &plain, &len) == VZ_EINVAL);
		return;
	}
	s->last = vz_channel_next(s->ch, &plain, &len);
	PROMISE(s->last == VZ_CHANNEL_MORE || s->last == VZ_CHANNEL_PEER || s->last == VZ_EFORMAT ||
	    s->last == VZ_EAUTH || s->last == VZ_EMISMATCH);
	if (s->last < 0)
		PROMISE(vz_channel_space(s->ch, &len) != NULL && !vz_channel_open(s->ch));
}

/* A flight from one side to the other, through the network. */
static void
carry(struct side *from, struct side *to, struct vz_rd *script, size_t piece)
{
	uint8_t flight[FLIGHT_MAX];
	size_t n = take(from, flight);

	n = network_tamper(script, flight, n, sizeof(flight));
	memcpy(to->heard + to->heard_len, flight, n);
	to->heard_len += n;
	network_feed(to->ch, flight, n, piece);
	listen_to(to);
}

/* Everything that the other said, and that first. */
static bool
heard_all(const struct side *s, const struct side *by)
{
	return s->heard_len >= by->said_len && memcmp(s->heard, by->said, by->said_len) == 0;
}

static void
judge(struct side *s, const struct side *by, bool good, const struct vz_identity *is)
{
	const struct vz_bundle *peer = vz_channel_peer(s->ch);
	size_t n;

	PROMISE((s->last == VZ_CHANNEL_PEER) == good && (peer != NULL) == good);
	if (good) {
		PROMISE(heard_all(s, by) && memcmp(peer->sig, is->bundle.sig, 64) == 0);
		PROMISE(vz_channel_accept(s->ch) == 0 && vz_channel_open(s->ch));
		return;
	}
	PROMISE(vz_channel_accept(s->ch) == VZ_EINVAL && !vz_channel_open(s->ch));
	vz_channel_out(s->ch, &n);
	/* At most the answer to a first message that came only now, said again by the network. */
	PROMISE(n == 0 || (s->said_len == 0 && vz_channel_begun(s->ch)));
}

static void
shake_hands(struct side *a, struct side *b, uint8_t how, struct vz_rd *script, size_t piece)
{
	uint8_t aes = CALLER_AES | CALLED_AES;
	bool one, two;

	carry(a, b, script, piece);
	one = agreed(how) && heard_all(b, a);
	/* Message 1 of another caller may be said again: it proves no more than whom it calls. */
	PROMISE(vz_channel_begun(b->ch) || !one);
	PROMISE(vz_channel_peer(b->ch) == NULL);
	carry(b, a, script, piece);
	two = one && (how & OTHER_HOST) == 0 && heard_all(a, b) && b->said_len > 0;
	judge(a, b, two, called);
	carry(a, b, script, piece);
	judge(b, a, two && heard_all(b, a), caller);
	if (vz_channel_open(b->ch)) {
		PROMISE(vz_channel_is_aes(a->ch) == ((how & aes) == aes));
		PROMISE(vz_channel_is_aes(a->ch) == vz_channel_is_aes(b->ch));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vz_rd script = vz_rd_of(data, size);
	struct side a = {0}, b = {0};
	uint8_t how = vz_rd_u8(&script);
	size_t piece = vz_rd_u8(&script);

	make(&a, true, how);
	make(&b, false, how);
	shake_hands(&a, &b, how, &script, piece);
	vz_channel_free(a.ch);
	vz_channel_free(b.ch);
	return 0;
}
