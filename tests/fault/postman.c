/*
 * postman: leaves sealed messages at a relay, as vz-send would or as it would not.
 *
 *	postman -i FROM [option...] RELAY TO FILE...
 *
 * FROM and TO are identity files, RELAY is KEY@HOST:PORT. Each FILE is the body of a message of its
 * own. The relay's number of each is printed. Options:
 *
 *	-s STREAM	32 hexadecimal digits (53 16 times)
 *	-n NUMBER	the sequence of the first one (1)
 *	-N NAME		of the messages
 *	-x SECONDS	when they expire, in Unix time
 *	-f FILE		signed by that identity, whatever FROM is
 *	-t FILE		the manifest says that it is for that identity
 *	-k FILE		encrypted for that identity, and left in TO's mailbox
 *	-w		writes what is sealed to standard output, and leaves nothing anywhere
 *	-r		each FILE is what was so written
 *
 * The exit status is that of the first refusal, or of the relay's CLOSE.
 */
#include <err.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fsutil.h"
#include "base/hash.h"
#include "base/secret.h"
#include "id/address.h"
#include "keep/keyfile.h"
#include "mail/seal.h"
#include "net/rlink.h"

static struct {
	const char *from, *signer, *to, *claimed, *key, *name;
	bool raw, write;
	struct vz_manifest manifest;
} opt;

static struct vz_identity *me, *signer;
static struct vz_bundle to, claimed, key;
static struct vz_loop *loop;
static struct vz_rlink *link_;
static char **files;
static struct vz_buf sealed;
static int status;

static void
check(int code, const char *what)
{
	if (code < 0)
		errx(71, "%s: %s", what, vz_strerror(code));
}

static void
read_file(const char *path, struct vz_buf *out)
{
	vz_buf_init(out, 32 << 20);
	check(vz_fs_read(path, VZ_FS_ANY, out), path);
}

static void
seal(const struct vz_buf *body)
{
	struct vz_seal_config c = {
	    .manifest = opt.manifest, .sign = vz_seal_sign_secret, .sign_arg = signer->sign_secret};
	struct vz_seal *s;

	c.manifest.from = signer->bundle.identity;
	c.manifest.to = claimed.identity;
	c.manifest.size = body->len;
	memcpy(c.recipient, key.age, sizeof(c.recipient));
	randombytes_buf(c.random, sizeof(c.random));
	check(vz_seal_new(&s, &c, &sealed), "seal");
	check(vz_seal_put(s, vz_buf_ptr(body), body->len, &sealed), "seal");
	check(vz_seal_end(s, &sealed), "seal");
	vz_seal_free(s);
	opt.manifest.sequence++;
}

/* The next message, in `sealed`. False: there is none. */
static bool
next(void)
{
	struct vz_buf body;

	vz_buf_free(&sealed);
	vz_buf_init(&sealed, 40 << 20);
	if (*files == NULL)
		return false;
	read_file(*files++, &body);
	if (opt.raw)
		check(vz_buf_put(&sealed, vz_buf_ptr(&body), body.len), "memory");
	else
		seal(&body);
	vz_buf_free(&body);
	return true;
}

static void
push(struct vz_relay_client *c)
{
	size_t left = (size_t)vz_relay_client_missing(c);
	int64_t n;

	if (left == 0)
		return;
	n = vz_relay_client_part(c, vz_buf_ptr(&sealed) + sealed.len - left, left);
	check((int)(n < 0 ? n : 0), "part");
}

static void
deposit(struct vz_rlink *k)
{
	struct vz_relay_client *c = vz_rlink_client(k);
	uint8_t hash[32];

	if (!next()) {
		vz_rlink_close(k, 0, "");
		return;
	}
	vz_blake2b_256(NULL, 0, vz_buf_ptr(&sealed), sealed.len, NULL, 0, hash);
	check(vz_relay_client_deposit(c, &to.identity, hash, sealed.len, 0), "deposit");
	push(c);
	vz_rlink_kick(k);
}

static int
on_peer(void *arg, struct vz_rlink *k, const struct vz_bundle *relay)
{
	(void)arg;
	(void)relay;
	deposit(k);
	return 0;
}

static void
on_event(void *arg, struct vz_rlink *k, const struct vz_relay_event *ev)
{
	(void)arg;
	switch (ev->type) {
	case VZ_RELAY_EVENT_ROOM: push(vz_rlink_client(k)); break;
	case VZ_RELAY_EVENT_DEPOSITED:
		printf("%llu%s\n", (unsigned long long)ev->number, ev->duplicate ? " again" : "");
		deposit(k);
		return;
	case VZ_RELAY_EVENT_REFUSED:
		warnx("refused: %u %.*s", ev->status, (int)ev->bytes_len, (const char *)ev->bytes);
		status = status ? status : ev->status;
		deposit(k);
		return;
	case VZ_RELAY_EVENT_CLOSE:
		warnx("closed: %u %.*s", ev->status, (int)ev->bytes_len, (const char *)ev->bytes);
		status = status ? status : ev->status;
		break;
	default: break;
	}
	vz_rlink_kick(k);
}

static void
on_ready(void *arg, struct vz_rlink *k, const struct vz_rlink_ready *r)
{
	(void)arg;
	(void)k;
	close(r->fd);
}

static void
on_ended(void *arg, struct vz_rlink *k, int err, int sys_errno, enum vz_dial_step step)
{
	(void)arg;
	(void)k;
	(void)step;
	if (err < 0) {
		warnx("%s%s%s", vz_strerror(err), sys_errno ? ": " : "",
		    sys_errno ? strerror(sys_errno) : "");
		status = status ? status : 76;
	}
	vz_loop_stop(loop, 0);
}

static const struct vz_rlink_handler handler = {
    .peer = on_peer, .event = on_event, .ready = on_ready, .ended = on_ended};

static void
call(const char *text)
{
	const char *why;
	struct vz_address at;
	struct vz_rlink_config c = {.handler = &handler, .resolve_ms = 10000, .connect_ms = 10000};

	check(vz_address_parse(text, strlen(text), NULL, NULL, &at, &why), text);
	c.at = at.at;
	c.channel = (struct vz_channel_config){.initiator = true, .self = me, .responder = at.key};
	randombytes_buf(c.channel.random, sizeof(c.channel.random));
	check(vz_loop_new(&loop), "loop");
	check(vz_rlink_new(loop, &c, &link_), "link");
	check(vz_loop_run(loop), "loop");
	vz_loop_free(loop);
}

static void
public_of(const char *path, struct vz_bundle *b)
{
	char comment[256];
	bool encrypted;

	check(vz_keyfile_public(path, b, comment, &encrypted), path);
}

static void
options(int argc, char **argv)
{
	struct vz_manifest *m = &opt.manifest;
	int c;

	memset(m->stream, 0x53, sizeof(m->stream));
	m->sequence = 1;
	while ((c = getopt(argc, argv, "i:s:n:N:x:f:t:k:wr")) != -1) {
		switch (c) {
		case 'i': opt.from = optarg; break;
		case 's':
			if (sodium_hex2bin(m->stream, 16, optarg, strlen(optarg), NULL, NULL, NULL))
				errx(64, "not a stream: %s", optarg);
			break;
		case 'n': m->sequence = strtoull(optarg, NULL, 10); break;
		case 'N': snprintf(m->name, sizeof(m->name), "%s", optarg); break;
		case 'x': m->expires = strtoull(optarg, NULL, 10); break;
		case 'f': opt.signer = optarg; break;
		case 't': opt.claimed = optarg; break;
		case 'k': opt.key = optarg; break;
		case 'w': opt.write = true; break;
		case 'r': opt.raw = true; break;
		default: errx(64, "see the head of tests/fault/postman.c");
		}
	}
	if (!opt.from || argc - optind < 3)
		errx(64, "usage: postman -i FROM [option...] RELAY TO FILE...");
}

int
main(int argc, char **argv)
{
	check(vz_secret_init(), "randomness");
	options(argc, argv);
	opt.to = argv[optind + 1];
	files = argv + optind + 2;
	check(vz_keyfile_load(opt.from, NULL, NULL, &me), opt.from);
	check(vz_keyfile_load(opt.signer ? opt.signer : opt.from, NULL, NULL, &signer), "signer");
	public_of(opt.to, &to);
	public_of(opt.claimed ? opt.claimed : opt.to, &claimed);
	public_of(opt.key ? opt.key : opt.to, &key);
	vz_buf_init(&sealed, 40 << 20);
	if (opt.write)
		while (next())
			check(
			    vz_fs_write_all(STDOUT_FILENO, vz_buf_ptr(&sealed), sealed.len), "out");
	else
		call(argv[optind]);
	vz_buf_free(&sealed);
	vz_identity_free(signer);
	vz_identity_free(me);
	return status;
}
