/*
 * relaypeer: a client of a relay that knows the relay's protocol and no more.
 *
 *	relaypeer -i IDENTITY [--ready-fd N] [--deaf] RELAY listen
 *	relaypeer -i IDENTITY RELAY connect KEY
 *	relaypeer -i IDENTITY RELAY claim MATCH
 *	relaypeer -i IDENTITY [--at-once N] RELAY many KEY COUNT
 *
 * RELAY is KEY@HOST:PORT. listen registers, writes "registered NUMBER" to descriptor N, claims each
 * match (with --deaf none) and gives back all bytes that come there; stdout has a line `offer
 *MATCH` for each offer. connect asks for KEY, and joins standard input and output to it; `many`
 *does so COUNT times, N at a time (16), hangs up when it is joined, and prints how each ended,
 *`STATUS COUNT` a line: 0 joined, 1 an error. The exit status is that of the relay's CLOSE, 0 at
 *the end of the raw stream, 71 when the system refused, 76 after an error of the protocol.
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
	unsigned at_once, count;
	struct vz_key key;
	uint8_t match[VZ_MATCH_LEN];
} opt = {.ready_fd = -1, .at_once = 16};

static struct vz_identity *me;
static struct vz_address relay;
static struct vz_loop *loop;

struct call {
	struct vz_rlink *link;
	uint8_t match[VZ_MATCH_LEN];
	bool registers, claims;
	int status; /* of CLOSE; -1 = none yet */
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
	if (write(STDOUT_FILENO, r->first, r->first_len) != (ssize_t)r->first_len)
		_exit(1);
	copy(fd, STDOUT_FILENO);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	_exit(0);
}

/* Calls. */

static void call(bool registers, const uint8_t *match);

static void
over(struct call *c, int status)
{
	ended[status & 255]++;
	running--;
	if (c->registers || (!is("listen") && !is("many")))
		vz_loop_stop(loop, status);
	free(c);
	while (is("many") && begun < opt.count && running < opt.at_once)
		call(false, NULL);
	if (is("many") && running == 0)
		vz_loop_stop(loop, 0);
}

static int
on_peer(void *arg, struct vz_rlink *k, const struct vz_bundle *b)
{
	struct vz_relay_client *client = vz_rlink_client(k);
	struct call *c = arg;

	(void)b;
	if (c->registers)
		return vz_relay_client_register(client, 0);
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
	int status = c->status >= 0 ? c->status : 1;

	(void)k;
	(void)step;
	if (why != 0 && !is("many"))
		warnx("ended: %s", why == VZ_ESYSTEM ? strerror(sys_errno) : vz_strerror(why));
	if (why != 0 && c->status < 0 && !is("many"))
		status = 76;
	over(c, status);
}

static const struct vz_rlink_handler handler = {
    .peer = on_peer, .event = on_event, .ready = on_ready, .ended = on_ended};

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
	begun++;
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
	    {NULL, 0, NULL, 0}};
	int o;

	while ((o = getopt_long(argc, argv, "+i:", longs, NULL)) != -1)
		switch (o) {
		case 'i': opt.identity = optarg; break;
		case 'r': opt.ready_fd = atoi(optarg); break;
		case 'd': opt.deaf = true; break;
		case 'n': opt.at_once = (unsigned)atoi(optarg); break;
		default: usage();
		}
	argv += optind;
	argc -= optind;
	if (!opt.identity || argc < 2)
		usage();
	need(vz_address_parse(argv[0], strlen(argv[0]), NULL, NULL, &relay, NULL), "relay");
	opt.mode = argv[1];
	if (argc != (is("listen") ? 2 : is("many") ? 4 : 3))
		usage();
	if (is("connect") || is("many"))
		need(vz_key_parse(argv[2], strlen(argv[2]), &opt.key), "key");
	if (is("claim") &&
	    sodium_hex2bin(opt.match, VZ_MATCH_LEN, argv[2], strlen(argv[2]), NULL, NULL, NULL) !=
		0)
		usage();
	if (is("many"))
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
	for (int i = 0; is("many") && i < 256; i++)
		if (ended[i] > 0)
			printf("%d %u\n", i, ended[i]);
	vz_loop_free(loop);
	vz_identity_free(me);
	return status < 0 ? 71 : status;
}
