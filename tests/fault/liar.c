/*
 * liar: a relay that lies. All else it does as a relay does: whoever proves a key may do
 *everything.
 *
 *	liar --ready-fd N [--seed N] [--port N] [LIE]...
 *
 * Its identity is made of the seed (1). Its address goes to descriptor N, and in a second line the
 * place of its door (as-relayed). LIEs come as arguments and as lines on standard input, with
 * "honest" for none from here on; each line is said again on standard output when it holds:
 *
 *	cut A, flip A:B, drop A:B, repeat A:B, reorder A:B	[down]
 *			of the bytes of each sender (down: of each listener): ends both connections
 *			after A, changes a bit of each, leaves them out, sends them twice, or after
 *			the B-A that follow
 *	swap-senders	two senders wait, and each gets the listener of the other
 *	other-match	sender and listener are told different matches
 *	as-direct PORT	who asks for a listener is joined with 127.0.0.1:PORT
 *	as-relayed	who comes to the door is joined with each listener as if it had asked for it
 *	replay		the sender's bytes of the last pair go to each listener again
 *	old-bundle	the first one that was seen of a key
 *	other-bundle	of another key
 *	bad-bundle	with a changed bit
 *	lose		deposits are acknowledged and forgotten
 *	keep		messages that were taken are handed out again
 *	twice		each message is there under two numbers
 *	newest-first	the order of a mailbox is turned
 *	swap-boxes	messages go to who they are not for
 *	bad-mail	with a changed bit
 *
 * standard output also has: registered, connect, claim, door, deposited, entry, taken.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "id/identity.h"
#include "net/listen.h"
#include "net/loop.h"
#include "tests/fault/commands.h"
#include "tests/fault/liar_lies.h"
#include "tests/fault/liar_mail.h"
#include "tests/fault/liar_raw.h"

#define MATCHES 64

struct client {
	struct vz_relay_serve *serve;
	struct client *next;
	struct vz_watch watch;
	struct mail *deposit;
	bool registered, over;
	/* A sender's: its match, and what it opens with. */
	uint8_t match[VZ_MATCH_LEN], first[VZ_RELAY_FIRST_MAX];
	size_t first_len;
};

/* Who waits for a claim: a client, one who came to the door, or a replay. */
struct match {
	uint8_t id[VZ_MATCH_LEN];
	struct client *sender;
	int door;
	bool waits;
};

static struct vz_identity *me;
static struct vz_loop *loop;
static struct vz_relay_limits limits;
static struct vz_listener sockets[2][VZ_LISTEN_MAX];
static struct vz_watch gate, door, commands;
static struct vz_timer tick, sweep;
static struct client *clients;
static struct match matches[MATCHES];
static size_t n_matches;
/* swap-senders: the first of the two pairs. */
static struct client *held_sender, *held_listener;

static void
need(int r, const char *what)
{
	if (r < 0)
		errx(71, "%s: %s", what, vz_strerror(r));
}

static void
tell(const char *what)
{
	printf("%s\n", what);
	fflush(stdout);
}

static void
gone(struct client *c)
{
	if (c->over)
		return;
	c->over = true;
	vz_loop_del(loop, &c->watch);
	if (c->watch.fd >= 0)
		close(c->watch.fd);
	for (size_t i = 0; i < n_matches; i++)
		if (matches[i].sender == c)
			matches[i].waits = false;
	if (held_sender == c || held_listener == c)
		held_sender = held_listener = NULL;
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
		vz_relay_serve_free(c->serve);
		free(c);
	}
}

static const struct vz_key *
peer_of(const struct client *c)
{
	return &vz_relay_serve_peer(c->serve)->identity;
}

static void
write_out(struct client *c)
{
	size_t n = 0;
	const uint8_t *p;

	while (!c->over && (p = vz_relay_serve_out(c->serve, &n), n > 0)) {
		ssize_t w = send(c->watch.fd, p, n, MSG_NOSIGNAL);

		if (w < 0 && errno == EAGAIN)
			break;
		if (w < 0)
			gone(c);
		else
			vz_relay_serve_sent(c->serve, (size_t)w, vz_loop_now(loop));
	}
	if (!c->over)
		need(vz_loop_want(loop, &c->watch, VZ_READ | (n > 0 ? VZ_WRITE : 0)), "interest");
}

/* Joining. */

/* Its socket, once its last record is out; the client is gone. */
static int
leave(struct client *c)
{
	int fd = c->watch.fd;
	const uint8_t *p;
	size_t n;
	ssize_t w;

	vz_loop_del(loop, &c->watch);
	(void)fcntl(fd, F_SETFL, 0);
	while (
	    p = vz_relay_serve_out(c->serve, &n), n > 0 && (w = send(fd, p, n, MSG_NOSIGNAL)) > 0)
		vz_relay_serve_sent(c->serve, (size_t)w, vz_loop_now(loop));
	c->watch.fd = -1; /* moved */
	gone(c);
	return fd;
}

static void
offer(const struct vz_key *to, struct client *sender, int fd)
{
	struct match *m = &matches[n_matches++ % MATCHES];

	*m = (struct match){.sender = sender, .door = fd, .waits = true};
	if (n_matches == MATCHES)
		errx(71, "too many matches");
	randombytes_buf(m->id, sizeof(m->id));
	if (sender && !lies[OTHER_MATCH].on)
		memcpy(m->id, sender->match, sizeof(m->id));
	for (struct client *c = clients; c; c = c->next) {
		if (c->over || !c->registered || (to && !vz_key_equal(peer_of(c), to)))
			continue;
		need(vz_relay_serve_offer(c->serve, m->id), "offer");
		write_out(c);
		return;
	}
	m->waits = false;
	if (sender)
		(void)vz_relay_serve_close(sender->serve, 69, "not registered here");
}

static void
join(struct client *sender, struct client *listener)
{
	struct client *other;
	int from, to;

	if (lies[SWAP_SENDERS].on && !held_sender) {
		held_sender = sender;
		held_listener = listener;
		return;
	}
	from = leave(sender);
	to = leave(listener);
	if (!lies[SWAP_SENDERS].on) {
		raw_join(from, to, "session", sender->first, sender->first_len);
		return;
	}
	other = held_sender;
	raw_join(from, leave(held_listener), NULL, sender->first, sender->first_len);
	raw_join(leave(other), to, NULL, other->first, other->first_len);
}

static void
claimed(struct client *c, const struct vz_relay_event *ev)
{
	struct match *m = NULL;

	for (size_t i = 0; i < n_matches; i++)
		if (matches[i].waits && memcmp(matches[i].id, ev->match, VZ_MATCH_LEN) == 0)
			m = &matches[i];
	if (!m) {
		(void)vz_relay_serve_close(c->serve, 69, "nobody waits in this match");
		return;
	}
	m->waits = false;
	need(vz_relay_serve_ready(c->serve, m->id), "ready");
	if (m->sender) {
		need(vz_relay_serve_ready(m->sender->serve, m->sender->match), "ready");
		join(m->sender, c);
	} else if (m->door >= 0) {
		raw_join(m->door, leave(c), NULL, NULL, 0);
	} else {
		raw_replay("session", leave(c));
	}
}

/* A session that is asked for here goes to where its listener is reached directly. */
static void
join_directly(struct client *c)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_addr = {htonl(INADDR_LOOPBACK)},
	    .sin_port = htons((uint16_t)lies[AS_DIRECT].a)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		err(71, "the listener");
	need(vz_relay_serve_ready(c->serve, c->match), "ready");
	raw_join(leave(c), fd, NULL, c->first, c->first_len);
}

/* Requests. */

static void
registered(struct client *c, const struct vz_relay_event *ev)
{
	uint64_t now = (uint64_t)time(NULL) * 1000;

	mail_keep_bundle(vz_relay_serve_peer(c->serve));
	c->registered = true;
	(void)vz_relay_serve_registered(c->serve, ev->number ? ev->number : now);
	if (mail_waits(peer_of(c)))
		(void)vz_relay_serve_mail(c->serve);
	tell("registered");
}

static void
deposited(struct client *c, const struct vz_relay_event *ev)
{
	if (!c->deposit || !mail_part(c->serve, c->deposit, ev))
		return;
	c->deposit = NULL;
	tell("deposited");
	for (struct client *to = clients; to; to = to->next) {
		if (to->over || !to->registered || !mail_waits(peer_of(to)))
			continue;
		(void)vz_relay_serve_mail(to->serve);
		write_out(to);
	}
}

/* The sender names its match when it opens at once. */
static void
connecting(struct client *c, const struct vz_relay_event *ev)
{
	randombytes_buf(c->match, sizeof(c->match));
	if (ev->bytes_len == 0 || ev->bytes_len > sizeof(c->first))
		return;
	memcpy(c->match, ev->match, sizeof(c->match));
	memcpy(c->first, ev->bytes, ev->bytes_len);
	c->first_len = ev->bytes_len;
}

static void
request(struct client *c, const struct vz_relay_event *ev)
{
	switch (ev->type) {
	case VZ_RELAY_EVENT_REGISTER: registered(c, ev); break;
	case VZ_RELAY_EVENT_CONNECT:
		tell("connect");
		connecting(c, ev);
		if (lies[AS_DIRECT].on)
			join_directly(c);
		else
			offer(&ev->key, c, -1);
		break;
	case VZ_RELAY_EVENT_CLAIM:
		tell("claim");
		claimed(c, ev);
		break;
	case VZ_RELAY_EVENT_BUNDLE_WANTED: mail_bundle(c->serve, &ev->key); break;
	case VZ_RELAY_EVENT_DEPOSIT: c->deposit = mail_begin(ev, peer_of(c)); break;
	case VZ_RELAY_EVENT_PART: deposited(c, ev); break;
	case VZ_RELAY_EVENT_NEXT: mail_next(c->serve, peer_of(c), ev->number); break;
	case VZ_RELAY_EVENT_TAKEN:
		mail_taken(c->serve, ev->number);
		tell("taken");
		break;
	default: break;
	}
}

static void
on_client(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct client *c = w->arg;
	struct vz_relay_event ev;
	size_t room;
	uint8_t *p;
	ssize_t n;
	int r = 0;

	if (got & VZ_READ) {
		p = vz_relay_serve_space(c->serve, &room);
		n = p ? read(w->fd, p, room) : 0;
		if (n > 0)
			vz_relay_serve_fed(c->serve, (size_t)n, vz_loop_now(l));
		else if (n == 0 || errno != EAGAIN)
			gone(c);
	}
	while (!c->over && (r = vz_relay_serve_next(c->serve, &ev)) > 0) {
		if (ev.type == VZ_RELAY_EVENT_PEER)
			(void)vz_relay_serve_accept(c->serve, ~0u);
		else if (ev.type == VZ_RELAY_EVENT_CLOSE)
			gone(c);
		else
			request(c, &ev);
	}
	if (r < 0)
		gone(c);
	if (!c->over)
		(void)vz_relay_serve_flush(c->serve, vz_loop_now(l));
	write_out(c);
}

static int
arrived(const struct vz_watch *w)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);

	return vz_listen_accept(w->fd, &from, &len);
}

static void
on_arrival(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_channel_config config = {.self = me, .responder = me->bundle.identity};
	struct client *c;
	int fd = arrived(w);

	(void)got;
	if (fd < 0)
		return;
	if (!(c = calloc(1, sizeof(*c))))
		errx(71, "no memory");
	randombytes_buf(config.random, sizeof(config.random));
	need(vz_relay_serve_new(&c->serve, &config, &limits, vz_loop_now(l)), "client");
	c->watch = (struct vz_watch){.fd = fd, .fn = on_client, .arg = c};
	c->next = clients;
	clients = c;
	need(vz_loop_add(l, &c->watch, VZ_READ), "watch");
}

static void
on_door(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	int fd = arrived(w);

	(void)l;
	(void)got;
	if (fd < 0)
		return;
	tell("door");
	offer(NULL, NULL, fd);
}

static void
on_tick(struct vz_loop *l, struct vz_timer *t)
{
	for (struct client *c = clients; c; c = c->next) {
		if (c->over)
			continue;
		if (vz_relay_serve_tick(c->serve, vz_loop_now(l)) < 0)
			gone(c);
		else
			write_out(c);
	}
	need(vz_timer_set(l, t, 100), "timer");
}

/* Commands. */

static void
obey(const char *line)
{
	lie_as_told(line);
	if (strcmp(line, "replay") == 0)
		offer(NULL, NULL, -1);
	tell(line);
}

/* Begins. */

static void
watch(struct vz_watch *w, int fd, vz_watch_fn *fn)
{
	*w = (struct vz_watch){.fd = fd, .fn = fn};
	need(vz_loop_add(loop, w, VZ_READ), "watch");
}

static void
open_at(const char *port, struct vz_listener *list)
{
	struct vz_listen_address at;
	char place[32];
	size_t n = 0;

	snprintf(place, sizeof(place), "127.0.0.1:%s", port);
	need(vz_listen_address_parse(place, NULL, NULL, &at, NULL), "address");
	need(vz_listen_open(&at, AF_UNSPEC, 0600, list, &n), "listen");
}

static void
begin(const char *port, int seed)
{
	uint8_t random[96];

	memset(random, seed, sizeof(random));
	need(vz_secret_init(), "randomness");
	if (!(me = vz_identity_new()))
		errx(71, "no memory");
	need(vz_identity_make(me, random, 1, ""), "identity");
	need(vz_loop_new(&loop), "loop");
	vz_relay_limits_default(&limits);
	open_at(port, sockets[0]);
	open_at("0", sockets[1]);
	sweep = (struct vz_timer){.fn = on_sweep};
	tick = (struct vz_timer){.fn = on_tick};
	watch(&gate, sockets[0][0].fd, on_arrival);
	watch(&door, sockets[1][0].fd, on_door);
	watch(&commands, 0, on_command);
	need(vz_timer_set(loop, &tick, 100), "timer");
}

int
main(int argc, char **argv)
{
	char key[VZ_KEY_TEXT];
	const char *port = "0";
	int i = 1, ready = -1, seed = 1;

	signal(SIGCHLD, SIG_IGN);
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
		lie_as_told(argv[i]);
	begin(port, seed);
	vz_key_format(&me->bundle.identity, key);
	if (ready >= 0 &&
	    (dprintf(ready, "%s@%s\n%s\n", key, sockets[0][0].text, sockets[1][0].text) < 0 ||
		close(ready) < 0))
		err(74, "descriptor %d", ready);
	return vz_loop_run(loop) < 0;
}
