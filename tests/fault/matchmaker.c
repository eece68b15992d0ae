/*
 * matchmaker: a small relay that does what it is told, also what no good one does.
 *
 *	matchmaker --ready-fd N [--seed N] [--port N] [COMMAND]...
 *
 * Its identity is made of the seed (1), and its address goes to descriptor N. Whoever proves a key
 * may do everything. Commands come as arguments and as lines on standard input:
 *
 *	offer N		offers N matches to each listener in which nobody waits
 *	close STATUS	ends each registration with this status
 *	drop		hangs up on everybody without a word
 *	claims HOW	answers claims so from here on: join (as a relay does), refuse, ignore,
 *			hangup, or vanish (READY, and then the sender is gone)
 *	register HOW	answers registrations so: accept, ignore, hangup, or the status of a refusal
 *	handshake HOW	accept, or ignore: reads and says nothing
 *
 * What happens is told on standard output, one word or two a line: registered NUMBER, claim,
 * connect, gone (a registration ended).
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "id/identity.h"
#include "net/listen.h"
#include "net/loop.h"
#include "relay/live.h"
#include "tests/fault/commands.h"

#define CHUNK 16384

struct client {
	struct vz_live_client live; /* first: the other's is found from it */
	struct client *next;
	struct vz_watch watch;
	bool registered, over, shut, eof;
	uint8_t pending[CHUNK]; /* of the other one, on its way to this one */
	size_t pending_len;
};

static struct vz_identity *me;
static struct vz_loop *loop;
static struct vz_live live;
static struct vz_relay_limits limits;
static struct vz_listener sockets[VZ_LISTEN_MAX];
static struct vz_watch gate, commands;
static struct vz_timer tick, sweep;
static struct client *clients;
static char claims[16] = "join", registrations[16] = "accept", handshakes[16] = "accept";

static void turn(struct client *c, bool readable);

static void
need(int r, const char *what)
{
	if (r < 0)
		errx(71, "%s: %s", what, vz_strerror(r));
}

static void
tell(const char *what, uint64_t number)
{
	if (number)
		printf("%s %" PRIu64 "\n", what, number);
	else
		printf("%s\n", what);
	fflush(stdout);
}

/* Ends. */

static void
gone(struct client *c)
{
	struct client *other = (struct client *)(void *)c->live.other;

	if (c->over)
		return;
	c->over = true;
	if (c->registered)
		tell("gone", 0);
	vz_loop_del(loop, &c->watch);
	vz_live_gone(&live, &c->live, vz_loop_now(loop));
	close(c->watch.fd);
	if (other)
		gone(other);
	need(vz_timer_set(loop, &sweep, 0), "timer");
}

static void
on_sweep(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	(void)t;
	for (struct client **at = &clients; *at;) {
		struct client *c = *at;

		if (!c->over) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		vz_relay_serve_free(c->live.serve);
		free(c);
	}
}

/* Requests. */

/* True when it was dealt with out of the ordinary. */
static bool
misanswered(struct client *c, const char *how, const struct vz_relay_event *ev)
{
	if (strcmp(how, "ignore") == 0)
		return true;
	if (strcmp(how, "hangup") == 0)
		gone(c);
	else if (strcmp(how, "refuse") == 0)
		vz_relay_serve_close(c->live.serve, 69, "nobody waits in this match");
	else if (strcmp(how, "vanish") == 0)
		c->eof = vz_relay_serve_ready(c->live.serve, ev->match) == 0;
	else if (atoi(how) > 0)
		vz_relay_serve_close(c->live.serve, (uint8_t)atoi(how), "not today");
	else
		return false;
	return true;
}

static void
request(struct client *c, const struct vz_relay_event *ev)
{
	uint8_t random[VZ_MATCH_LEN];

	if (ev->type == VZ_RELAY_EVENT_CLAIM)
		tell("claim", 0);
	if (ev->type == VZ_RELAY_EVENT_CONNECT)
		tell("connect", 0);
	if ((ev->type == VZ_RELAY_EVENT_CLAIM && misanswered(c, claims, ev)) ||
	    (ev->type == VZ_RELAY_EVENT_REGISTER && misanswered(c, registrations, ev)))
		return;
	randombytes_buf(random, sizeof(random));
	vz_live_request(
	    &live, &c->live, ev, vz_loop_now(loop), (uint64_t)time(NULL) * 1000, random);
	if (ev->type == VZ_RELAY_EVENT_REGISTER && c->live.role == VZ_LIVE_LISTENER) {
		c->registered = true;
		tell("registered", ev->number + 1);
	}
}

static void
events(struct client *c)
{
	struct vz_relay_event ev;
	int r = 0;

	while (!c->over && (r = vz_relay_serve_next(c->live.serve, &ev)) > 0) {
		if (ev.type == VZ_RELAY_EVENT_PEER)
			vz_relay_serve_accept(
			    c->live.serve, VZ_RELAY_MAY_REGISTER | VZ_RELAY_MAY_CONNECT);
		else if (ev.type == VZ_RELAY_EVENT_CLOSE)
			gone(c);
		else
			request(c, &ev);
	}
	if (r < 0 && !c->over)
		gone(c);
}

/* Bytes. */

static bool
is_raw(const struct client *c)
{
	size_t n;

	vz_relay_serve_out(c->live.serve, &n);
	return vz_relay_serve_raw(c->live.serve) && n == 0 && c->live.other;
}

static void
write_out(struct client *c)
{
	size_t n = 0;
	const uint8_t *p = c->over ? NULL : vz_relay_serve_out(c->live.serve, &n);
	ssize_t w = p && n > 0 ? send(c->watch.fd, p, n, MSG_NOSIGNAL) : 0;

	if (w > 0)
		vz_relay_serve_sent(c->live.serve, (size_t)w, vz_loop_now(loop));
	if ((w < 0 && errno != EAGAIN) ||
	    (!c->over && (c->live.hang_up || (c->eof && !c->live.other))))
		gone(c);
}

/* What the other one has sent, on to this one. */
static void
push(struct client *c)
{
	struct client *other = (struct client *)(void *)c->live.other;
	ssize_t n =
	    c->pending_len > 0 ? send(c->watch.fd, c->pending, c->pending_len, MSG_NOSIGNAL) : 0;

	if (n < 0 && errno != EAGAIN) {
		gone(c);
		return;
	}
	if (n > 0) {
		c->pending_len -= (size_t)n;
		memmove(c->pending, c->pending + n, c->pending_len);
	}
	if (c->pending_len == 0 && other->eof && !c->shut) {
		c->shut = true;
		shutdown(c->watch.fd, SHUT_WR);
	}
}

static void
pull(struct client *c)
{
	struct client *other = (struct client *)(void *)c->live.other;
	ssize_t n;

	if (other->pending_len > 0 || c->eof)
		return;
	n = read(c->watch.fd, other->pending, CHUNK);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		gone(c);
		return;
	}
	c->eof = n == 0;
	other->pending_len = n > 0 ? (size_t)n : 0;
	push(other);
}

static void
read_in(struct client *c)
{
	size_t room;
	uint8_t dropped[512], *p = vz_relay_serve_space(c->live.serve, &room);
	bool ignored = strcmp(handshakes, "ignore") == 0 || !p;
	ssize_t n =
	    ignored ? read(c->watch.fd, dropped, sizeof(dropped)) : read(c->watch.fd, p, room);

	if (n > 0 && !ignored)
		vz_relay_serve_fed(c->live.serve, (size_t)n, vz_loop_now(loop));
	else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		gone(c);
}

static void
set_interest(struct client *c)
{
	struct client *other = (struct client *)(void *)c->live.other;
	size_t n;
	unsigned want = 0;

	if (c->over)
		return;
	vz_relay_serve_out(c->live.serve, &n);
	if (n > 0 || (is_raw(c) && c->pending_len > 0))
		want |= VZ_WRITE;
	if (!vz_relay_serve_raw(c->live.serve) || (is_raw(c) && other->pending_len == 0 && !c->eof))
		want |= VZ_READ;
	need(vz_loop_want(loop, &c->watch, want), "interest");
}

static void
turn(struct client *c, bool readable)
{
	struct client *other;

	if (!c->over && !is_raw(c)) {
		if (readable && !vz_relay_serve_raw(c->live.serve))
			read_in(c);
		if (!c->over)
			events(c);
		if (!c->over)
			(void)vz_relay_serve_flush(c->live.serve, vz_loop_now(loop));
		write_out(c);
	} else if (!c->over) {
		push(c);
		if (!c->over)
			pull(c);
	}
	other = (struct client *)(void *)c->live.other;
	set_interest(c);
	if (other)
		set_interest(other);
}

static void
on_client(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	(void)l;
	turn(w->arg, (got & VZ_READ) != 0);
}

/* Somebody has output, outside of a turn of its own. */
static void
touched(void *ctx, struct vz_live_client *lc)
{
	struct client *c = (struct client *)(void *)lc;

	(void)ctx;
	write_out(c);
	set_interest(c);
}

static void
on_arrival(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_channel_config config = {.self = me, .responder = me->bundle.identity};
	struct client *c = calloc(1, sizeof(*c));
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	int fd = vz_listen_accept(w->fd, &from, &len);

	(void)got;
	if (!c || fd < 0) {
		free(c);
		return;
	}
	randombytes_buf(config.random, sizeof(config.random));
	need(vz_relay_serve_new(&c->live.serve, &config, &limits, vz_loop_now(l)), "client");
	c->watch = (struct vz_watch){.fd = fd, .fn = on_client, .arg = c};
	c->next = clients;
	clients = c;
	need(vz_loop_add(l, &c->watch, VZ_READ), "watch");
}

static void
on_tick(struct vz_loop *l, struct vz_timer *t)
{
	uint64_t now = vz_loop_now(l);

	vz_live_tick(&live, now);
	for (struct client *c = clients; c; c = c->next)
		if (!c->over && vz_relay_serve_tick(c->live.serve, now) < 0)
			gone(c);
		else
			write_out(c), set_interest(c);
	need(vz_timer_set(l, t, 100), "timer");
}

/* Commands. */

static void
to_each_listener(const char *word, unsigned n)
{
	uint8_t match[VZ_MATCH_LEN];

	for (struct client *c = clients; c; c = c->next) {
		if (c->over || (!c->registered && *word != 'd'))
			continue;
		for (unsigned i = 0; *word == 'o' && i < n; i++) {
			randombytes_buf(match, sizeof(match));
			need(vz_relay_serve_offer(c->live.serve, match), "offer");
		}
		if (*word == 'c')
			(void)vz_relay_serve_close(c->live.serve, (uint8_t)n, "as told");
		if (*word == 'd')
			gone(c);
		else
			turn(c, false);
	}
}

static void
obey(const char *line)
{
	char word[16], value[16] = "0";

	if (sscanf(line, "%15s %15s", word, value) < 1)
		return;
	if (strcmp(word, "claims") == 0)
		strlcpy(claims, value, sizeof(claims));
	else if (strcmp(word, "register") == 0)
		strlcpy(registrations, value, sizeof(registrations));
	else if (strcmp(word, "handshake") == 0)
		strlcpy(handshakes, value, sizeof(handshakes));
	else if (strcmp(word, "offer") == 0 || strcmp(word, "close") == 0 ||
	    strcmp(word, "drop") == 0)
		to_each_listener(word, (unsigned)atoi(value));
	else
		errx(64, "what is '%s'?", word);
}

/* Begins. */

static void
say_where(int ready)
{
	char key[VZ_KEY_TEXT];

	vz_key_format(&me->bundle.identity, key);
	if (ready >= 0 && (dprintf(ready, "%s@%s\n", key, sockets[0].text) < 0 || close(ready) < 0))
		err(74, "descriptor %d", ready);
}

static void
make_identity(int seed)
{
	uint8_t random[96];

	memset(random, seed, sizeof(random));
	need(vz_secret_init(), "randomness");
	if (!(me = vz_identity_new()))
		errx(71, "no memory");
	need(vz_identity_make(me, random, 1, ""), "identity");
}

static void
begin(const char *port)
{
	struct vz_match_limits match;
	struct vz_listen_address at;
	uint8_t key[VZ_KEYMAP_SEED];
	char place[32];
	size_t n = 0;

	snprintf(place, sizeof(place), "127.0.0.1:%s", port);
	need(vz_loop_new(&loop), "loop");
	randombytes_buf(key, sizeof(key));
	vz_match_limits_default(&match);
	vz_relay_limits_default(&limits);
	need(vz_matches_new(&live.matches, &match, key), "matches");
	live.touched = touched;
	need(vz_listen_address_parse(place, NULL, NULL, &at, NULL), "address");
	need(vz_listen_open(&at, AF_UNSPEC, 0600, sockets, &n), "listen");
	sweep = (struct vz_timer){.fn = on_sweep};
	tick = (struct vz_timer){.fn = on_tick};
	gate = (struct vz_watch){.fd = sockets[0].fd, .fn = on_arrival};
	commands = (struct vz_watch){.fd = 0, .fn = on_command};
	need(vz_loop_add(loop, &gate, VZ_READ), "watch");
	need(vz_loop_add(loop, &commands, VZ_READ), "watch");
	need(vz_timer_set(loop, &tick, 100), "timer");
}

int
main(int argc, char **argv)
{
	const char *port = "0";
	int i = 1, ready = -1, seed = 1;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		if (strcmp(argv[i], "--ready-fd") == 0)
			ready = atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--port") == 0)
			port = argv[i + 1];
		else
			errx(64, "what is %s?", argv[i]);
	}
	for (; i < argc; i++)
		obey(argv[i]);
	make_identity(seed);
	begin(port);
	say_where(ready);
	return vz_loop_run(loop) < 0;
}
