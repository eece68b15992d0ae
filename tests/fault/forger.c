/*
 * forger: an authorised sender that announces a signed message and then lies about it.
 *
 *	forger ADDRESS IDENTITY HOW
 *
 *	honest       does not lie
 *	none         ends the message without a manifest
 *	unannounced  proves what was not announced
 *	late         sends more bytes behind the manifest
 *	garbled      the manifest has another byte at its end
 *	signature    the manifest is right, and signed by a key that is not in it
 *	namespace    the same, signed by the right key for something else
 *	signer       from another key, and signed by that
 *	recipient    to another key
 *	stream, sequence, name, expires	the manifest of another message
 *	body, size   of other bytes
 *
 * Its message is "forged" and a newline, its name "name". It says `done STATUS TEXT` for a verdict,
 * `closed STATUS TEXT` when the listener ended the session, `ended ERROR` when it broke.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/sign.h"
#include "id/address.h"
#include "keep/keyfile.h"
#include "mail/proof.h"
#include "net/conn.h"
#include "net/dial.h"
#include "wire/session_impl.h"

static struct vz_loop *loop;
static struct vz_identity *me;
static struct vz_address address;
static const char *how;
static bool said, heard;

static const uint8_t body[] = "forged\n";
#define BODY_LEN (sizeof(body) - 1)

static void
need(int r, const char *what)
{
	if (r < 0)
		errx(71, "%s: %s", what, vz_strerror(r));
}

static bool
is(const char *lie)
{
	return strcmp(how, lie) == 0;
}

struct signer {
	const uint8_t *secret;
	const char *ns;
};

static int
sign(void *arg, const uint8_t digest[static VZ_MANIFEST_HASH], uint8_t sig[static 64])
{
	const struct signer *s = arg;

	vz_sshsig_sign_digest(s->secret, s->ns, digest, sig);
	return 0;
}

/* The text, and a signature of it by whom the lie wants: not as vz_proof_make, which would look. */
static void
make(const struct vz_manifest *m, const uint8_t *secret, struct vz_buf *out, size_t *text_len)
{
	const char *ns = is("namespace") ? VZ_NS_RECEIPT : VZ_NS_MESSAGE;
	uint8_t raw[VZ_SIGN_LEN];

	need(vz_manifest_encode(m, out), "manifest");
	if (is("garbled"))
		need(vz_buf_u8(out, '\n'), "buffer");
	*text_len = out->len;
	vz_sshsig_sign(secret, ns, vz_buf_ptr(out), out->len, raw);
	need(vz_sshsig_armor(m->from.b, VZ_NS_MESSAGE, raw, out), "signature");
}

static void
lie(struct vz_manifest *m, const struct vz_key *other)
{
	if (is("signer"))
		m->from = *other;
	if (is("recipient"))
		m->to = *other;
	if (is("stream"))
		m->stream[0] ^= 1;
	if (is("sequence"))
		m->sequence++;
	if (is("name"))
		m->name[0] = 'N';
	if (is("expires"))
		m->expires = VZ_EXPIRES_MAX;
	if (is("body"))
		m->sha512[0] ^= 1;
	if (is("size"))
		m->size++;
}

static void
prove(struct vz_session *s, uint64_t number)
{
	struct vz_manifest m = {
	    .from = me->bundle.identity, .to = address.key, .sequence = number + 1, .name = "name"};
	struct signer signer = {me->sign_secret, VZ_NS_MESSAGE};
	uint8_t seed[VZ_SIGN_SEED], secret[VZ_SIGN_SECRET];
	struct vz_frame f = {.type = VZ_FRAME_SIGNED, .number = number};
	struct vz_key other;
	struct vz_proof *p;
	struct vz_buf out;
	size_t text_len;

	randombytes_buf(seed, sizeof(seed));
	vz_sign_from_seed(seed, other.b, secret);
	memcpy(m.stream, vz_session_stream(s), sizeof(m.stream));
	vz_buf_init(&out, 2 * VZ_SIGNED_MAX);
	need(vz_proof_new(&p), "hash");
	vz_proof_feed(p, body, BODY_LEN);
	need(vz_proof_make(p, &m, sign, &signer, &out, &text_len), "proof");
	if (!is("honest")) {
		vz_buf_clear(&out);
		lie(&m, &other);
		make(&m, is("signer") || is("signature") ? secret : me->sign_secret, &out,
		    &text_len);
	}
	f.text_len = (uint16_t)text_len;
	f.bytes = vz_buf_ptr(&out);
	f.bytes_len = out.len;
	need(vz_session_put(s, &f), "manifest");
	vz_proof_free(p);
	vz_buf_free(&out);
}

/* Frames as they are: the session would not say most of this. */
static void
say(struct vz_session *s)
{
	struct vz_frame end = {.type = VZ_FRAME_END, .length = BODY_LEN};
	struct vz_frame more = {
	    .type = VZ_FRAME_DATA, .offset = BODY_LEN, .bytes = body, .bytes_len = 1};
	uint64_t number;

	need(vz_session_open(s, VZ_KIND_SEND, is("unannounced") ? 0 : VZ_OPEN_SIGNED, "name",
		 VZ_LENGTH_UNKNOWN, &number),
	    "open");
	if (vz_session_data(s, number, body, BODY_LEN) != (long)BODY_LEN)
		errx(71, "no room");
	if (!is("none"))
		prove(s, number);
	if (is("late")) {
		need(vz_session_put(s, &more), "data");
		end.length++;
	}
	end.number = number;
	need(vz_session_put(s, &end), "end");
	/* For the session to believe a verdict. */
	vz_messages_get(&s->messages, number)->up.ended = true;
	vz_messages_get(&s->messages, number)->up.declared = BODY_LEN;
	vz_messages_get(&s->messages, number)->state = VZ_MESSAGE_ENDED;
}

static bool
on_event(void *arg, struct vz_conn *c, const struct vz_event *ev)
{
	bool closed = ev->type == VZ_EVENT_CLOSE;

	(void)arg;
	if (ev->type == VZ_EVENT_PEER)
		need(vz_session_accept(vz_conn_session(c), 0, 0), "accept");
	if (ev->type == VZ_EVENT_READY && !said) {
		said = true;
		say(vz_conn_session(c));
	}
	if (closed || ev->type == VZ_EVENT_DONE) {
		heard = true;
		printf("%s %u %.*s\n", closed ? "closed" : "done", ev->status, (int)ev->bytes_len,
		    (const char *)ev->bytes);
		fflush(stdout);
		vz_loop_stop(loop, 0);
	}
	return true;
}

static void
on_ended(void *arg, struct vz_conn *c, int why, int sys_errno)
{
	(void)arg;
	(void)c;
	(void)sys_errno;
	if (!heard)
		printf("ended %d\n", why);
	exit(0);
}

static const struct vz_conn_handler handler = {.event = on_event, .ended = on_ended};

static void
on_connected(void *arg, int fd, int why, int sys_errno, enum vz_dial_step step)
{
	struct vz_conn_config c = {.handler = &handler};
	struct vz_conn *conn;

	(void)arg;
	(void)sys_errno;
	(void)step;
	need(fd < 0 ? why : 0, "connect");
	vz_session_defaults(&c.session);
	c.session.channel.initiator = true;
	c.session.channel.service = VZ_SERVICE_MESSAGES;
	c.session.channel.self = me;
	c.session.channel.responder = address.key;
	c.session.channel.aes = vz_aead_has_aes();
	randombytes_buf(c.session.channel.random, sizeof(c.session.channel.random));
	randombytes_buf(c.session.stream, sizeof(c.session.stream));
	need(vz_conn_new(loop, fd, &c, &conn), "connection");
}

int
main(int argc, char **argv)
{
	struct vz_dial_config dial = {0};
	struct vz_dial *d;
	int r;

	if (argc != 4)
		errx(64, "usage: forger ADDRESS IDENTITY HOW");
	how = argv[3];
	if (vz_secret_init() != 0)
		err(71, "randomness");
	need(vz_keyfile_load(argv[2], NULL, NULL, &me), "identity");
	need(vz_address_parse(argv[1], strlen(argv[1]), NULL, NULL, &address, NULL), "address");
	need(vz_loop_new(&loop), "loop");
	dial.at = address.at;
	need(vz_dial_start(loop, &dial, on_connected, NULL, &d), "dial");
	r = vz_loop_run(loop);
	vz_identity_free(me);
	return r < 0;
}
