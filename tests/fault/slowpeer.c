/*
 * slowpeer: a peer of vz-send or vz-listen that is slow, or stops, in a state of its own choice.
 *
 *	slowpeer [--for SECONDS] [--every MS] [--size N] [--stream HEX] send ADDRESS STATE
 *	slowpeer [--for SECONDS] [--every MS] [--size N] --ready-fd N listen STATE
 *
 * As a sender it calls ADDRESS and has a message of N bytes (1000); as a listener it takes anybody,
 * one connection after the other, on a port of the system's choice, and writes its full address to
 * descriptor N when it does. Its identity is made anew; a sender's stream is HEX, 32 digits, or
 *made up. STATE is one of
 *
 *	silent		says nothing at all
 *	in-hello	stops in the middle of its first handshake message
 *	after-hello	stops after it
 *	in-proof	a sender: stops in the middle of its second one
 *	after-proof	stops after it
 *	in-head		stops after one byte of its first record
 *	in-record	stops in the middle of it
 *	deaf		reads nothing any more, once both are authenticated; says what it has to say
 *	plain		does everything
 *	drip		does everything, and writes a byte each MS milliseconds (10)
 *	sip		does everything, and reads a byte each MS milliseconds
 *	begun		a sender: sends all of its message but the end, and then answers pings only
 *	gone		a sender: the same, and answers nothing any more
 *	asking		a sender: asks questions of N bytes, at most 16 KiB, until the windows are
 *full, and reads nothing once it may unacked		a listener: reads messages and acknowledges
 *nothing, but answers pings
 *	undone		a listener: acknowledges bytes, and never says that it has a message
 *
 * Who has stopped reads and drops what comes. stdout has a line `there` when the state is reached,
 * `done N` for a verdict with status N, and `ended` when the other side has ended the connection; a
 * sender is over then, with status 0. After SECONDS (60) it says `still there` and gives up with
 * status 1. 64 wrong use, 71 the system refused.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "guard/acl.h"
#include "id/address.h"
#include "id/identity.h"
#include "net/dial.h"
#include "net/listen.h"
#include "net/loop.h"
#include "wire/session.h"

/* Where in a frame of our output we stop. */
enum part { NOWHERE, HEAD, MIDDLE, AFTER };

static struct {
	const char *state;
	uint64_t for_ms, every_ms;
	size_t size;
	int ready_fd;
	bool sends;
	uint8_t stream[VZ_STREAM_LEN];
	bool has_stream;
} opt = {.for_ms = 60000, .every_ms = 10, .size = 1000, .ready_fd = -1};

static struct vz_identity *me;
static struct vz_address address; /* a sender's */
static uint64_t give_up_at;

struct peer {
	int fd;
	struct vz_session *s;
	enum part stop;
	unsigned stop_frame, frame; /* counted from 0, of our output */
	size_t frame_left;          /* bytes of the present one that are not out */
	uint64_t number, next_byte_at;
	size_t sent;
	bool begun, stopped, deaf, ended, ready;
};

static void
need(int r, const char *what)
{
	if (r < 0)
		errx(71, "%s: %s", what, vz_strerror(r));
}

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool
is(const char *state)
{
	return strcmp(opt.state, state) == 0;
}

static void
say(const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

static void
stop_here(struct peer *p)
{
	if (!p->stopped)
		say("there");
	p->stopped = true;
}

static void
plan(struct peer *p)
{
	static const struct {
		const char *state;
		enum part part;
		unsigned frame; /* of a sender; a listener has one frame less before its records */
	} stops[] = {{"in-hello", MIDDLE, 0}, {"after-hello", AFTER, 0}, {"in-proof", MIDDLE, 1},
	    {"after-proof", AFTER, 1}, {"in-head", HEAD, 2}, {"in-record", MIDDLE, 2}};

	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
		if (is(stops[i].state)) {
			p->stop = stops[i].part;
			p->stop_frame = stops[i].frame - (!opt.sends && stops[i].frame == 2);
		}
	if (is("silent"))
		stop_here(p);
}

/* How many of n bytes of output may go: up to the end of the frame, or to where we stop. */
static size_t
allowed(struct peer *p, const uint8_t *out, size_t n)
{
	size_t whole, most;

	if (p->frame_left == 0 && n >= 2)
		p->frame_left = 2 + (size_t)(out[0] << 8 | out[1]);
	most = p->frame_left < n ? p->frame_left : n;
	if (is("drip") && most > 1)
		most = 1;
	if (p->stop == NOWHERE || p->frame != p->stop_frame)
		return most;
	whole = p->frame_left;
	if (p->stop == HEAD)
		return 1;
	return p->stop == MIDDLE ? whole / 2 : most;
}

static void
write_some(struct peer *p)
{
	size_t n, may;
	const uint8_t *out;
	ssize_t put;

	while (!p->stopped && (out = vz_session_out(p->s, &n), n > 0)) {
		if (is("drip") && now_ms() < p->next_byte_at)
			return;
		may = allowed(p, out, n);
		put = send(p->fd, out, may, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (put < 0) {
			p->ended |= errno != EAGAIN;
			return;
		}
		vz_session_sent(p->s, (size_t)put, now_ms());
		p->next_byte_at = now_ms() + opt.every_ms;
		p->frame_left -= (size_t)put;
		if (p->stop != NOWHERE && p->frame == p->stop_frame && (size_t)put == may &&
		    (p->stop != AFTER || p->frame_left == 0))
			stop_here(p);
		p->frame += p->frame_left == 0;
	}
}

/* Questions, as many as there is room for. */
static void
ask(struct peer *p)
{
	static uint8_t body[VZ_WHOLE_MAX];
	size_t n = opt.size < sizeof(body) ? opt.size : sizeof(body);

	while (vz_session_whole(p->s, VZ_KIND_ASK, body, n, &p->number) == 0)
		;
}

/* What a sender has to say, as far as there is room. */
static void
speak(struct peer *p)
{
	static uint8_t body[64 * 1024];
	long n = 1;

	if (!opt.sends || !p->ready || p->stopped)
		return;
	if (is("asking")) {
		ask(p);
		return;
	}
	if (!p->begun)
		need(vz_session_open(p->s, VZ_KIND_SEND, 0, "", VZ_LENGTH_UNKNOWN, &p->number),
		    "open");
	p->begun = true;
	while (p->sent < opt.size && n > 0) {
		size_t left = opt.size - p->sent;

		n = vz_session_data(
		    p->s, p->number, body, left < sizeof(body) ? left : sizeof(body));
		p->sent += n > 0 ? (size_t)n : 0;
	}
	if (p->sent < opt.size)
		return;
	if (is("begun") || is("gone")) {
		size_t waiting;

		vz_session_out(p->s, &waiting);
		if (waiting > 0)
			return;
		if (is("gone"))
			stop_here(p);
		else if (opt.size != SIZE_MAX)
			say("there");
	} else {
		need(vz_session_end(p->s, p->number), "end");
	}
	opt.size = SIZE_MAX; /* said */
}

/* What a listener answers. */
static void
answer(struct peer *p, const struct vz_event *ev)
{
	if (ev->type == VZ_EVENT_OPEN && is("unacked"))
		say("there");
	if (ev->type == VZ_EVENT_DATA && !is("unacked"))
		need(vz_session_taken(p->s, ev->number, ev->bytes_len), "taken");
	if (ev->type != VZ_EVENT_END && ev->type != VZ_EVENT_WHOLE)
		return;
	if (is("undone") || is("unacked"))
		say("there");
	else
		need(vz_session_done(p->s, ev->number, 0, ""), "done");
}

static void
handle(struct peer *p, const struct vz_event *ev)
{
	switch (ev->type) {
	case VZ_EVENT_PEER:
		need(vz_session_accept(p->s, VZ_RIGHT_SEND | VZ_RIGHT_ASK, 0), "accept");
		p->ready |= opt.sends;
		if (is("deaf")) {
			p->deaf = true;
			say("there");
		}
		break;
	case VZ_EVENT_READY:
		p->deaf = is("asking");
		if (p->deaf)
			say("there");
		break;
	case VZ_EVENT_DONE:
		printf("done %u\n", ev->status);
		fflush(stdout);
		need(vz_session_close(p->s, 0, ""), "close");
		break;
	case VZ_EVENT_CLOSE: p->ended = true; break;
	default:
		if (!opt.sends)
			answer(p, ev);
	}
}

static void
read_some(struct peer *p)
{
	uint8_t bin[4096], *to = bin;
	struct vz_event ev;
	size_t n = sizeof(bin);
	ssize_t got;
	int r;

	if (!p->stopped)
		to = vz_session_space(p->s, &n);
	if (n == 0 || !to)
		return;
	got = recv(p->fd, to, is("sip") ? 1 : n, MSG_DONTWAIT);
	p->ended |= got == 0 || (got < 0 && errno != EAGAIN);
	if (got <= 0 || p->stopped)
		return;
	vz_session_fed(p->s, (size_t)got, now_ms());
	while (!p->deaf && (r = vz_session_next(p->s, &ev)) != 0) {
		if (r < 0) {
			p->ended = true;
			return;
		}
		handle(p, &ev);
	}
}

static void
turn(struct peer *p)
{
	struct pollfd w = {.fd = p->fd, .events = POLLRDHUP};
	size_t waiting = 0;
	bool paced = is("drip") || is("sip");

	if (!p->stopped) {
		speak(p);
		need(vz_session_flush(p->s, now_ms()), "flush");
		write_some(p);
		vz_session_out(p->s, &waiting);
	}
	if (!p->deaf && !is("sip"))
		w.events |= POLLIN;
	if (!p->stopped && waiting > 0 && !is("drip"))
		w.events |= POLLOUT;
	if (poll(&w, 1, paced ? (int)opt.every_ms : 100) < 0 && errno != EINTR)
		err(71, "poll");
	/* What is still to be read may say more than the end of it. */
	if (p->deaf)
		p->ended |= (w.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
	else if ((w.revents & (POLLIN | POLLHUP | POLLERR)) || is("sip"))
		read_some(p);
	if (now_ms() >= give_up_at) {
		say("still there");
		exit(1);
	}
}

static void
serve(int fd)
{
	struct vz_session_config c = {0};
	struct peer p = {.fd = fd};

	vz_session_defaults(&c);
	c.handshake_ms = c.dead_ms = c.record_ms = 3600 * 1000;
	c.now = now_ms();
	c.channel.initiator = opt.sends;
	c.channel.service = VZ_SERVICE_MESSAGES;
	c.channel.self = me;
	c.channel.responder = opt.sends ? address.key : me->bundle.identity;
	c.channel.aes = vz_aead_has_aes();
	randombytes_buf(c.channel.random, sizeof(c.channel.random));
	randombytes_buf(c.stream, sizeof(c.stream));
	if (opt.has_stream)
		memcpy(c.stream, opt.stream, sizeof(c.stream));
	need(vz_session_new(&p.s, &c), "session");
	plan(&p);
	while (!p.ended)
		turn(&p);
	say("ended");
	vz_session_free(p.s);
	close(fd);
}

static void
on_connected(void *arg, int fd, int why, int sys_errno, enum vz_dial_step step)
{
	(void)step;
	if (fd < 0)
		errx(71, "connect: %s", why == VZ_ESYSTEM ? strerror(sys_errno) : vz_strerror(why));
	vz_loop_stop(arg, fd);
}

static void
call(const char *to)
{
	struct vz_dial_config dial = {0};
	struct vz_loop *loop;
	struct vz_dial *d;
	int fd;

	need(vz_address_parse(to, strlen(to), NULL, NULL, &address, NULL), "address");
	need(vz_loop_new(&loop), "loop");
	dial.at = address.at;
	need(vz_dial_start(loop, &dial, on_connected, loop, &d), "dial");
	fd = vz_loop_run(loop);
	need(fd, "loop");
	vz_loop_free(loop);
	serve(fd);
}

static _Noreturn void
be_called(void)
{
	static struct vz_listener sockets[VZ_LISTEN_MAX];
	struct vz_listen_address at;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct pollfd w = {.events = POLLIN};
	char key[VZ_KEY_TEXT];
	const char *why;
	size_t n = 0;

	need(vz_listen_address_parse("127.0.0.1:0", NULL, NULL, &at, &why), "address");
	need(vz_listen_open(&at, 0, 0600, sockets, &n), "listen");
	vz_key_format(&me->bundle.identity, key);
	dprintf(opt.ready_fd, "%s@%s\n", key, sockets[0].text);
	close(opt.ready_fd);
	w.fd = sockets[0].fd;
	for (;;) {
		int fd;

		if (poll(&w, 1, (int)opt.for_ms) == 0) {
			say("still there");
			exit(1);
		}
		fd = vz_listen_accept(w.fd, &from, &len);
		if (fd >= 0)
			serve(fd);
	}
}

static _Noreturn void
usage(void)
{
	errx(64,
	    "usage: slowpeer [--for SECONDS] [--every MS] [--size N] [--stream HEX] send ADDRESS "
	    "STATE, or --ready-fd N listen STATE");
}

static void
set_stream(const char *hex)
{
	size_t n;

	if (sodium_hex2bin(opt.stream, sizeof(opt.stream), hex, strlen(hex), NULL, &n, NULL) != 0 ||
	    n != sizeof(opt.stream))
		usage();
	opt.has_stream = true;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {{"for", 1, NULL, 'f'}, {"every", 1, NULL, 'e'},
	    {"size", 1, NULL, 's'}, {"stream", 1, NULL, 'S'}, {"ready-fd", 1, NULL, 'r'},
	    {NULL, 0, NULL, 0}};
	uint8_t random[96];
	int c;

	while ((c = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
		switch (c) {
		case 'f': opt.for_ms = 1000 * strtoull(optarg, NULL, 10); break;
		case 'e': opt.every_ms = strtoull(optarg, NULL, 10); break;
		case 's': opt.size = strtoull(optarg, NULL, 10); break;
		case 'S': set_stream(optarg); break;
		case 'r': opt.ready_fd = atoi(optarg); break;
		default: usage();
		}
	}
	argv += optind;
	argc -= optind;
	opt.sends = argc == 3 && strcmp(argv[0], "send") == 0;
	if (!opt.sends && (argc != 2 || strcmp(argv[0], "listen") != 0 || opt.ready_fd < 0))
		usage();
	opt.state = argv[argc - 1];
	give_up_at = now_ms() + opt.for_ms;
	if (vz_secret_init() != 0)
		err(71, "randomness");
	randombytes_buf(random, sizeof(random));
	me = vz_identity_new();
	if (!me)
		err(71, "identity");
	need(vz_identity_make(me, random, (uint64_t)time(NULL), "slowpeer"), "identity");
	if (!opt.sends)
		be_called();
	call(argv[1]);
	return 0;
}
