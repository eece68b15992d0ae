/*
 * Records over a hostile network, after an honest handshake: what comes out of a channel is a
 * beginning of what the other side put in, record by record, and after an error nothing more.
 *
 * Aims at: lib/wire/channel.c lib/crypto/aead.c
 *
 * The first byte of an input says which cipher, the second in what pieces bytes arrive; then
 * turns: who speaks, lengths of records, edits of the flight (network.h).
 */
#include "base/err.h"
#include "tests/fuzz/hosts.h"
#include "tests/fuzz/network.h"
#include "wire/frame.h"

#define FLIGHT_MAX  (256 * 1024)
#define RECORDS_MAX 64 /* of each side */
#define TURNS_MAX   32

struct side {
	struct vz_channel *ch;
	uint32_t said[RECORDS_MAX]; /* lengths */
	size_t n_said, n_heard;     /* records: its own, and of the other */
	bool broken;                /* it has met an error */
	bool tampered;              /* what it heard was changed */
};

static uint8_t flight[FLIGHT_MAX], text[VZ_RECORD_PLAIN_MAX + RECORDS_MAX];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	hosts_make();
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i % 251);
	return 0;
}

/* Record number i is text from i on, so that no two begin alike. */
static const uint8_t *
text_of(size_t i)
{
	return text + i;
}

static void
make(struct side *s, bool initiator, bool aes)
{
	struct vz_channel_config c = hosts_config(initiator, 31);

	c.aes = aes;
	PROMISE(vz_channel_new(&s->ch, &c) == 0);
}

static void
hear_handshake(struct side *from, struct side *to, int expected)
{
	const uint8_t *plain, *p;
	size_t n, len;

	p = vz_channel_out(from->ch, &n);
	network_feed(to->ch, p, n, 0);
	vz_channel_sent(from->ch, n);
	PROMISE(vz_channel_next(to->ch, &plain, &len) == expected);
	if (expected == VZ_CHANNEL_PEER)
		PROMISE(vz_channel_accept(to->ch) == 0);
}

static void
listen_to(struct side *s, const struct side *by)
{
	const uint8_t *plain;
	size_t len;
	int r;

	while ((r = vz_channel_next(s->ch, &plain, &len)) == VZ_CHANNEL_RECORD) {
		PROMISE(!s->broken && s->n_heard < by->n_said);
		PROMISE(len == by->said[s->n_heard]);
		PROMISE(memcmp(plain, text_of(s->n_heard), len) == 0);
		s->n_heard++;
	}
	PROMISE(r == VZ_CHANNEL_MORE || r == VZ_EFORMAT || r == VZ_EAUTH);
	PROMISE(!s->broken || r < 0);
	s->broken = r < 0;
	PROMISE(s->tampered || (!s->broken && s->n_heard == by->n_said));
}

static void
put(struct side *s, struct vz_rd *in)
{
	size_t len = vz_rd_u16(in), head;

	if (s->n_said == RECORDS_MAX)
		return;
	if (len == 0 || len > VZ_RECORD_PLAIN_MAX) {
		PROMISE(vz_channel_put(s->ch, text, len, NULL, 0) == VZ_EINVAL);
		return;
	}
	head = vz_rd_u8(in) % (len + 1);
	PROMISE(vz_channel_put(
		    s->ch, text_of(s->n_said), head, text_of(s->n_said) + head, len - head) == 0);
	s->said[s->n_said++] = (uint32_t)len;
}

static void
turn(struct side *from, struct side *to, struct vz_rd *in, size_t piece)
{
	size_t len, n;
	const uint8_t *p;

	for (int i = vz_rd_u8(in) % 4; i >= 0; i--)
		put(from, in);
	p = vz_channel_out(from->ch, &len);
	PROMISE(len <= sizeof(flight) + 5 * (VZ_RECORD_PLAIN_MAX + 18));
	len = len < sizeof(flight) ? len : sizeof(flight);
	memcpy(flight, p, len);
	n = network_tamper(in, flight, len, sizeof(flight));
	if (n != len || memcmp(flight, p, len) != 0)
		to->tampered = true;
	vz_channel_sent(from->ch, len);
	vz_channel_out(from->ch, &len);
	if (len > 0) /* never told: the same as cut off */
		to->tampered = true;
	vz_channel_sent(from->ch, len);
	network_feed(to->ch, flight, n, piece);
	listen_to(to, from);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vz_rd in = vz_rd_of(data, size);
	uint8_t how = vz_rd_u8(&in);
	size_t piece = vz_rd_u8(&in) * (size_t)64;
	struct side a = {0}, b = {0};

	make(&a, true, (how & 1) != 0);
	make(&b, false, (how & 1) != 0);
	hear_handshake(&a, &b, VZ_CHANNEL_MORE);
	hear_handshake(&b, &a, VZ_CHANNEL_PEER);
	hear_handshake(&a, &b, VZ_CHANNEL_PEER);
	for (int i = 0; i < TURNS_MAX && in.len > 0; i++) {
		if ((vz_rd_u8(&in) & 1) != 0)
			turn(&a, &b, &in, piece);
		else
			turn(&b, &a, &in, piece);
	}
	vz_channel_free(a.ch);
	vz_channel_free(b.ch);
	return 0;
}
