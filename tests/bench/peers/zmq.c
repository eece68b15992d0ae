/*
 * zmq serve PORT: a ZeroMQ CURVE server that answers with the question; prints its public key.
 * zmq ask DEPTH SECONDS PORT KEY: asks it; prints answers a second.
 */
#include <signal.h>
#include <zmq.h>
#include "tests/bench/messages_flood.h"

#define KEY_TEXT 41

static void *
open_socket(void)
{
	void *ctx = zmq_ctx_new(), *s = ctx ? zmq_socket(ctx, ZMQ_DEALER) : NULL;
	int none = 0;

	if (s == NULL || zmq_setsockopt(s, ZMQ_SNDHWM, &none, sizeof(none)) < 0 ||
	    zmq_setsockopt(s, ZMQ_RCVHWM, &none, sizeof(none)) < 0 ||
	    zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof(none)) < 0)
		errx(1, "%s", zmq_strerror(zmq_errno()));
	return s;
}

_Noreturn static void
failed(void)
{
	errx(1, "%s", zmq_strerror(zmq_errno()));
}

_Noreturn static void
serve(const char *port)
{
	char at[64], public[KEY_TEXT], secret[KEY_TEXT];
	void *s = open_socket();
	int yes = 1;
	zmq_msg_t m;

	snprintf(at, sizeof(at), "tcp://127.0.0.1:%s", port);
	if (zmq_curve_keypair(public, secret) < 0 ||
	    zmq_setsockopt(s, ZMQ_CURVE_SERVER, &yes, sizeof(yes)) < 0 ||
	    zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, secret, KEY_TEXT) < 0 || zmq_bind(s, at) < 0)
		failed();
	printf("%s\n", public);
	fflush(stdout);
	for (;;) {
		zmq_msg_init(&m);
		/* An answer to a client that has gone finds nobody: that is no reason to end. */
		if (zmq_msg_recv(&m, s, 0) < 0)
			failed();
		if (zmq_msg_send(&m, s, ZMQ_DONTWAIT) < 0)
			zmq_msg_close(&m);
	}
}

static double
run(void *s, uint64_t depth, double seconds)
{
	struct flood_block b = flood_block_new("", "");
	uint64_t sent = 0, got = 0, first = 0;
	double began = flood_now(), start = 0, now;
	uint8_t buf[2 * FLOOD_BODY];

	alarm((unsigned)seconds + FLOOD_PATIENCE);
	for (;;) {
		int flags = 0, n;

		for (; sent < got + depth; sent++) {
			if (zmq_send(s, b.bytes + sent % FLOOD_BLOCK * b.len, b.len, 0) < 0)
				failed();
		}
		for (; (n = zmq_recv(s, buf, sizeof(buf), flags)) >= 0; flags = ZMQ_DONTWAIT) {
			if (n != FLOOD_BODY)
				errx(1, "an answer of %d bytes", n);
			flood_check(&b, got++ * b.len, buf, b.len);
			if (sent < got + depth / 2)
				break;
		}
		if (n < 0 && zmq_errno() != EAGAIN)
			failed();
		now = flood_now();
		if (start <= 0 && now - began >= FLOOD_WARM) {
			start = now;
			first = got;
		} else if (start > 0 && now - start >= seconds) {
			return (double)(got - first) / (now - start);
		}
	}
}

static int
ask(uint64_t depth, double seconds, const char *port, const char *key)
{
	char at[64], public[KEY_TEXT], secret[KEY_TEXT];
	void *s = open_socket();

	snprintf(at, sizeof(at), "tcp://127.0.0.1:%s", port);
	if (zmq_curve_keypair(public, secret) < 0 ||
	    zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, key, KEY_TEXT) < 0 ||
	    zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, public, KEY_TEXT) < 0 ||
	    zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, secret, KEY_TEXT) < 0 || zmq_connect(s, at) < 0)
		failed();
	return printf("%.0f\n", run(s, depth, seconds)) < 0;
}

int
main(int argc, char **argv)
{
	signal(SIGALRM, SIG_DFL);
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(argv[2]);
	if (argc == 6 && strcmp(argv[1], "ask") == 0)
		return ask(flood_depth(argv[2]), flood_seconds(argv[3]), argv[4], argv[5]);
	errx(64, "usage: zmq serve PORT | ask DEPTH SECONDS PORT KEY");
}
