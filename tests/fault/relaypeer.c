/*
 * relaypeer: a client of a relay that knows the relay's protocol and no more.
 *
 *	relaypeer -i IDENTITY [--ready-fd N] [--deaf] RELAY listen
 *	relaypeer -i IDENTITY RELAY connect KEY
 *	relaypeer -i IDENTITY RELAY claim MATCH
 *	relaypeer -i IDENTITY [--at-once N] RELAY many KEY COUNT
 *	relaypeer -i IDENTITY [--size N] [--hold FIFO] RELAY deposit KEY COUNT
 *	relaypeer -i IDENTITY [--leave] RELAY collect
 *
 * RELAY is KEY@HOST:PORT. listen registers, writes "registered NUMBER" to
 * descriptor N, claims each match (with --deaf none) and gives back all bytes
 * that come there; stdout has a line "offer MATCH" for each offer. connect asks
 * for KEY, and joins standard input and output to it; many does so COUNT times,
 * N at a time (16), and hangs up when it is joined. deposit has COUNT messages
 * of N random bytes (1000) kept for KEY, one after the other. These two print
 * how each ended, "STATUS COUNT" a line: 0 joined or kept, 1 an error. collect
 * fetches all that is in its mailbox, prints "SIZE HASH" of each, and removes
 * it, unless --leave is given. With --hold FIFO deposit says "held" after its
 * messages, and stays connected until the end of FIFO.
 *
 * The exit status is that of the relay's CLOSE, 0 at the end of what was asked
 * for, 71 when the system refused, 76 after an error of the protocol.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "id/address.h"
#include "keep/keyfile.h"
#include "net/rlink.h"

static struct {
	const char *identity, *mode;
	int ready_fd;
	bool deaf;
	bool leave;
	const char *hold;
	unsigned at_once, count;
	size_t size;
	struct vz_key key;
	uint8_t match[VZ_MATCH_LEN];
} opt = {.ready_fd = -1, .at_once = 16, .size = 1000};

static struct vz_identity *me;
static struct vz_address relay;
static struct vz_loop *loop;

struct call {
	struct vz_rlink *link;
	uint8_t match[VZ_MATCH_LEN];
	bool registers, claims;
	int status; /* of CLOSE; -1 = none yet */
	uint8_t *message;
	size_t sent, came;
	crypto_generichash_state hash;
};

static unsigned begun, running, ended[256];

static void
need(int r, const char *what)
{
	if (r < 0)
		errx(71, "%s: %s", what, vz_strerror(r));
}

static bool
is(const char *mode)
{
	return strcmp(opt.mode, mode) == 0;
}

/* The raw stream, in a process of its own. */

static void
copy(int from, int to)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0, w; at < n; at += w)
			if ((w = write(to, buf + at, (size_t)(n - at))) <= 0)
				_exit(1);
	if (n < 0)
		_exit(1);
}

static void
make_blocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

static void
echo(int fd, const struct vz_rlink_ready *r)
{
	if (fork() != 0)
		return;
	vz_signal_reset();
	make_blocking(fd);
	if (write(fd, r->first, r->first_len) != (ssize_t)r->first_len)
		_exit(1);
	copy(fd, fd);
	shutdown(fd, SHUT_WR);
	_exit(0);
}

static _Noreturn void
pump(int fd, const struct vz_rlink_ready *r)
{
	pid_t pid = fork();
	int status;

	make_blocking(fd);
	if (pid == 0) {
		copy(STDIN_FILENO, fd);
		shutdown(fd, SHUT_WR);
		_exit(0);
	}
	close(STDIN_FILENO); /* the other one's alone */
	if (write(STDOUT_FILENO, r->first, r->first_len) != (ssize_t)r->first_len)
		_exit(1);
	copy(fd, STDOUT_FILENO);
	waitpid(pid, &status, 0);
	_exit(0);
}

/* Calls. */

static void call(bool registers, const uint8_t *match);

static void
over(struct call *c, int status)
{
	ended[status & 255] += is("many");
	running--;
	if (c->registers || (!is("listen") && !is("many")))
		vz_loop_stop(loop, status);
	free(c->message);
	free(c);
	while (is("many") && begun < opt.count && running < opt.at_once)
		call(false, NULL);
	if (is("many") && running == 0)
		vz_loop_stop(loop, 0);
}

/* Mailboxes. */

/* In vain for whoever pings meanwhile. */
static void
hold_on(void)
{
	char c;
	int fd;

	if (!opt.hold)
		return;
	printf("held\n");
	fflush(stdout);
	fd = open(opt.hold, O_RDONLY);
	while (fd >= 0 && read(fd, &c, 1) > 0)
		;
	close(fd);
}

static void
begin_deposit(struct call *c)
{
	struct vz_relay_client *client = vz_rlink_client(c->link);
	uint8_t hash[VZ_RELAY_CONTENT];

	if (begun++ == opt.count) {
		hold_on();
		vz_rlink_close(c->link, 0, "");
		return;
	}
	randombytes_buf(c->message, opt.size);
	crypto_generichash(hash, sizeof(hash), c->message, opt.size, NULL, 0);
	c->sent = 0;
	need(vz_relay_client_deposit(client, &opt.key, hash, opt.size, 0), "deposit");
}

static void
on_turn(void *arg, struct vz_rlink *k)
{
	struct vz_relay_client *client = vz_rlink_client(k);
	struct call *c = arg;
	int64_t n;

	if (!is("deposit") || vz_relay_client_missing(client) == 0)
		return;
	n = vz_relay_client_part(client, c->message + c->sent, opt.size - c->sent);
	need(n < 0 ? (int)n : 0, "part");
	c->sent += (size_t)n;
}

static void
on_piece(struct call *c, const struct vz_relay_event *ev)
{
	struct vz_relay_client *client = vz_rlink_client(c->link);
	char hex[2 * VZ_RELAY_CONTENT + 1];
	uint8_t hash[VZ_RELAY_CONTENT];

	crypto_generichash_update(&c->hash, ev->bytes, ev->bytes_len);
	c->came += ev->bytes_len;
	if (c->came < opt.size)
		return;
	crypto_generichash_final(&c->hash, hash, sizeof(hash));
	printf("%zu %s\n", c->came, sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash)));
	if (!opt.leave)
		need(vz_relay_client_taken(client, ev->number), "taken");
	need(vz_relay_client_collect(client, ev->number), "collect");
}

static void
on_mail(struct call *c, const struct vz_relay_event *ev)
{
	switch (ev->type) {
	case VZ_RELAY_EVENT_DEPOSITED:
		ended[0]++;
		begin_deposit(c);
		break;
	case VZ_RELAY_EVENT_REFUSED:
		warnx("refused with %d: %.*s", ev->status, (int)ev->bytes_len, ev->bytes);
		ended[ev->status]++;
		if (is("deposit"))
			begin_deposit(c);
		break;
	case VZ_RELAY_EVENT_ENTRY:
		crypto_generichash_init(&c->hash, NULL, 0, VZ_RELAY_CONTENT);
		c->came = 0;
		opt.size = ev->size;
		break;
	case VZ_RELAY_EVENT_PIECE: on_piece(c, ev); break;
	case VZ_RELAY_EVENT_NOTHING: vz_rlink_close(c->link, 0, ""); break;
	default: break;
	}
}

static int
on_peer(void *arg, struct vz_rlink *k, const struct vz_bundle *b)
{
	struct vz_relay_client *client = vz_rlink_client(k);
	struct call *c = arg;

	(void)b;
	if (c->registers)
		return vz_relay_client_register(client, 0);
	if (is("deposit")) {
		begin_deposit(c);
		return 0;
	}
	if (is("collect"))
		return vz_relay_client_collect(client, 0);
	if (c->claims)
		return vz_relay_client_claim(client, c->match);
	return vz_relay_client_connect(client, &opt.key);
}

static void
on_offer(const struct vz_relay_event *ev)
{
	char hex[2 * VZ_MATCH_LEN + 1];

	printf("offer %s\n", sodium_bin2hex(hex, sizeof(hex), ev->match, VZ_MATCH_LEN));
	fflush(stdout);
	if (!opt.deaf)
		call(false, ev->match);
}

static void
on_event(void *arg, struct vz_rlink *k, const struct vz_relay_event *ev)
{
	struct call *c = arg;

	(void)k;
	if (ev->type == VZ_RELAY_EVENT_CLOSE) {
		c->status = ev->status;
		if (!is("many"))
			warnx("closed with %d: %.*s", ev->status, (int)ev->bytes_len, ev->bytes);
	} else if (ev->type == VZ_RELAY_EVENT_OFFER) {
		on_offer(ev);
	} else if (ev->type == VZ_RELAY_EVENT_REGISTERED && opt.ready_fd >= 0) {
		dprintf(opt.ready_fd, "registered %llu\n", (unsigned long long)ev->number);
		close(opt.ready_fd);
		opt.ready_fd = -1;
	} else {
		on_mail(c, ev);
	}
}

static void
on_ready(void *arg, struct vz_rlink *k, const struct vz_rlink_ready *r)
{
	struct call *c = arg;

	(void)k;
	if (is("listen"))
		echo(r->fd, r);
	else if (!is("many"))
		pump(r->fd, r);
	close(r->fd);
	over(c, 0);
}

static void
on_ended(void *arg, struct vz_rlink *k, int why, int sys_errno, enum vz_dial_step step)
{
	struct call *c = arg;
	bool mails = is("deposit") || is("collect");
	int status = c->status >= 0 ? c->status : !mails;

	(void)k;
	(void)step;
	if (why != 0 && !is("many"))
		warnx("ended: %s", why == VZ_ESYSTEM ? strerror(sys_errno) : vz_strerror(why));
	if (why != 0 && c->status < 0 && !is("many"))
		status = 76;
	over(c, status);
}

static const struct vz_rlink_handler handler = {
    .peer = on_peer, .turn = on_turn, .event = on_event, .ready = on_ready, .ended = on_ended};

static void
call(bool registers, const uint8_t *match)
{
	struct vz_rlink_config config = {.at = relay.at, .handler = &handler};
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		errx(71, "no memory");
	c->status = -1;
	c->registers = registers;
	c->claims = match != NULL;
	if (match)
		memcpy(c->match, match, VZ_MATCH_LEN);
	config.channel.initiator = true;
	config.channel.self = me;
	config.channel.responder = relay.key;
	config.channel.aes = vz_aead_has_aes();
	randombytes_buf(config.channel.random, sizeof(config.channel.random));
	config.arg = c;
	c->message = malloc(opt.size + 1);
	if (!c->message)
		errx(71, "no memory");
	begun += !is("deposit");
	running++;
	need(vz_rlink_new(loop, &config, &c->link), "dial");
}

static _Noreturn void
usage(void)
{
	errx(64, "usage: relaypeer -i IDENTITY [options] RELAY listen|connect|claim|many ...");
}

static void
parse(int argc, char **argv)
{
	static const struct option longs[] = {{"ready-fd", required_argument, NULL, 'r'},
	    {"deaf", no_argument, NULL, 'd'}, {"at-once", required_argument, NULL, 'n'},
	    {"size", required_argument, NULL, 's'}, {"leave", no_argument, NULL, 'l'},
	    {"hold", required_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int o;

	while ((o = getopt_long(argc, argv, "+i:", longs, NULL)) != -1)
		switch (o) {
		case 'i': opt.identity = optarg; break;
		case 'r': opt.ready_fd = atoi(optarg); break;
		case 'd': opt.deaf = true; break;
		case 'n': opt.at_once = (unsigned)atoi(optarg); break;
		case 's': opt.size = (size_t)atol(optarg); break;
		case 'l': opt.leave = true; break;
		case 'h': opt.hold = optarg; break;
		default: usage();
		}
	argv += optind;
	argc -= optind;
	if (!opt.identity || argc < 2)
		usage();
	need(vz_address_parse(argv[0], strlen(argv[0]), NULL, NULL, &relay, NULL), "relay");
	opt.mode = argv[1];
	if (argc != (is("listen") || is("collect") ? 2 : is("many") || is("deposit") ? 4 : 3))
		usage();
	if (is("connect") || is("many") || is("deposit"))
		need(vz_key_parse(argv[2], strlen(argv[2]), &opt.key), "key");
	if (is("claim") &&
	    sodium_hex2bin(opt.match, VZ_MATCH_LEN, argv[2], strlen(argv[2]), NULL, NULL, NULL) !=
		0)
		usage();
	if (is("many") || is("deposit"))
		opt.count = (unsigned)atoi(argv[3]);
}

int
main(int argc, char **argv)
{
	int status;

	need(vz_secret_init(), "randomness");
	parse(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	need(vz_keyfile_load(opt.identity, NULL, NULL, &me), "identity");
	need(vz_loop_new(&loop), "loop");
	if (is("many"))
		for (unsigned i = 0; i < opt.at_once && begun < opt.count; i++)
			call(false, NULL);
	else
		call(is("listen"), is("claim") ? opt.match : NULL);
	status = vz_loop_run(loop);
	for (int i = 0; (is("many") || is("deposit")) && i < 256; i++)
		if (ended[i] > 0)
			printf("%d %u\n", i, ended[i]);
	vz_loop_free(loop);
	vz_identity_free(me);
	return status < 0 ? 71 : status;
}
