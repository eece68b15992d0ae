/*
 * An ssh-agent with one Ed25519 key, that tells one lie:
 *
 *	falseagent --socket PATH --ready-fd N [--lie KIND] [--after N] [--delay MS]
 *
 * Its public key is the line that it writes to the descriptor. --after N: it is honest in the first
 * N answers of that kind. --delay: it takes its time to sign, as one does that asks somebody.
 * Each connection has a process of its own, which ends with it.
 */
#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/secret.h"
#include "crypto/sign.h"

#define ED25519 "ssh-ed25519"
#define SK      "sk-ssh-ed25519@openssh.com"

/* Of the list. */
static const char *const list_lies[] = {"list-refused", "list-hang", "list-cut", "list-huge",
    "list-empty", "list-type", "list-trailing", "list-short", "list-many", "list-none", "list-sk",
    "list-rsa", NULL};
/* Of a signature. */
static const char *const sign_lies[] = {"refused", "hang", "cut", "closed", "huge", "empty", "type",
    "trailing", "short", "long", "algorithm", "other-key", "other-data", "flipped", "zeros",
    "unasked", NULL};

static const char *lie = "";
static long after, delay_ms;
static uint8_t public[VZ_SIGN_PUBLIC], secret[VZ_SIGN_SECRET];
static uint8_t other_public[VZ_SIGN_PUBLIC], other_secret[VZ_SIGN_SECRET];
static int fd;

static void
need(int r)
{
	if (r != 0)
		errx(1, "no memory");
}

static bool
is(const char *what)
{
	return strcmp(lie, what) == 0;
}

static void
write_all(const void *p, size_t n)
{
	for (ssize_t r; n > 0; p = (const char *)p + r, n -= (size_t)r)
		if ((r = send(fd, p, n, MSG_NOSIGNAL)) <= 0)
			_exit(0);
}

static bool
read_all(void *p, size_t n)
{
	for (ssize_t r; n > 0; p = (char *)p + r, n -= (size_t)r)
		if ((r = read(fd, p, n)) <= 0)
			return false;
	return true;
}

/* A message, with the lies that any message may tell. */
static void
answer(const struct vz_buf *body, const char *prefix)
{
	uint8_t length[4];
	char name[32];

	vz_store32(length, (uint32_t)body->len);
#define LIES(what) (snprintf(name, sizeof(name), "%s%s", prefix, what), is(name))
	if (LIES("huge"))
		vz_store32(length, UINT32_MAX);
	if (LIES("empty"))
		vz_store32(length, 0);
	write_all(length, sizeof(length));
	write_all(vz_buf_ptr(body), LIES("cut") ? body->len / 2 : body->len);
	if (LIES("cut"))
		_exit(0);
}

static void
put_key(struct vz_buf *b, const char *type, const uint8_t *key)
{
	struct vz_buf blob;

	vz_buf_init(&blob, 1024);
	need(vz_buf_string(&blob, type, strlen(type)));
	need(vz_buf_string(&blob, key, VZ_SIGN_PUBLIC));
	need(vz_buf_string(b, vz_buf_ptr(&blob), blob.len));
	need(vz_buf_string(b, "held by falseagent", 18));
	vz_buf_free(&blob);
}

static void
hang(void)
{
	char c;

	while (read(fd, &c, 1) > 0)
		;
	_exit(0);
}

static void
list_keys(void)
{
	struct vz_buf b;
	uint32_t n = is("list-many") ? 3000 : is("list-none") ? 0 : 2;

	if (is("list-hang"))
		hang();
	vz_buf_init(&b, 1 << 20);
	need(vz_buf_u8(&b, is("list-refused") ? 5 : is("list-type") ? 14 : 12));
	if (!is("list-refused"))
		need(vz_buf_u32(&b, is("list-short") ? n + 1 : n));
	for (uint32_t i = 0; i < n && !is("list-refused"); i++)
		put_key(&b,
		    is("list-sk")        ? SK
			: is("list-rsa") ? "ssh-rsa"
					 : ED25519,
		    i == 0 ? public : other_public);
	if (is("list-trailing"))
		need(vz_buf_u8(&b, 0));
	answer(&b, "list-");
	vz_buf_free(&b);
}

static void
put_signature(struct vz_buf *b, const uint8_t *sig)
{
	const char *type = is("algorithm") ? "rsa-sha2-512" : ED25519;
	size_t n = is("short") ? VZ_SIGN_LEN - 1 : VZ_SIGN_LEN;
	struct vz_buf blob;

	vz_buf_init(&blob, 1024);
	need(vz_buf_string(&blob, type, strlen(type)));
	need(vz_buf_string(&blob, sig, n));
	if (is("long"))
		need(vz_buf_u8(&blob, 0));
	need(vz_buf_string(b, vz_buf_ptr(&blob), blob.len));
	vz_buf_free(&blob);
}

static void
nap(void)
{
	struct timespec t = {delay_ms / 1000, delay_ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

static void
sign(const uint8_t *data, size_t n)
{
	uint8_t sig[VZ_SIGN_LEN] = {0};
	struct vz_buf b;

	if (is("hang"))
		hang();
	if (is("closed"))
		_exit(0);
	nap();
	if (!is("zeros"))
		crypto_sign_detached(sig, NULL, is("other-data") ? (const uint8_t *)"vz" : data,
		    is("other-data") ? 2 : n, is("other-key") ? other_secret : secret);
	sig[40] ^= is("flipped");
	vz_buf_init(&b, 1024);
	need(vz_buf_u8(&b, is("refused") ? 5 : is("type") ? 12 : 14));
	if (!is("refused"))
		put_signature(&b, sig);
	if (is("trailing"))
		need(vz_buf_u8(&b, 0));
	answer(&b, "");
	if (is("unasked"))
		answer(&b, "");
	vz_buf_free(&b);
}

/* Until the other side is gone. */
_Noreturn static void
serve(void)
{
	static uint8_t body[1 << 18];
	const char *told = lie;
	uint8_t length[4];

	for (long signed_so_far = 0; read_all(length, sizeof(length));) {
		uint32_t len = vz_load32(length);
		struct vz_rd r;
		size_t n;

		if (len == 0 || len > sizeof(body) || !read_all(body, len))
			break;
		r = vz_rd_of(body + 1, len - 1);
		if (body[0] == 11) {
			list_keys();
			continue;
		}
		(void)vz_rd_string(&r, &n);
		const uint8_t *data = vz_rd_string(&r, &n);
		if (body[0] != 13 || r.bad)
			errx(1, "asked for what it does not know: %u", body[0]);
		lie = signed_so_far++ < after ? "" : told;
		sign(data, n);
		lie = told;
	}
	_exit(0);
}

static int
listen_at(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(s, 64) != 0)
		err(1, "%s", path);
	return s;
}

static void
tell(int to)
{
	struct vz_buf line;

	vz_buf_init(&line, 256);
	need(vz_ssh_public_format(public, &line));
	need(vz_buf_u8(&line, '\n'));
	if (write(to, vz_buf_ptr(&line), line.len) != (ssize_t)line.len || close(to) != 0)
		err(1, "descriptor %d", to);
	vz_buf_free(&line);
}

static bool
is_one_of(const char *const *all)
{
	for (; *all; all++)
		if (is(*all))
			return true;
	return false;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {{"socket", required_argument, NULL, 's'},
	    {"ready-fd", required_argument, NULL, 'r'}, {"lie", required_argument, NULL, 'l'},
	    {"after", required_argument, NULL, 'a'}, {"delay", required_argument, NULL, 'd'},
	    {NULL, 0, NULL, 0}};
	uint8_t seed[VZ_SIGN_SEED] = {1}, other_seed[VZ_SIGN_SEED] = {2};
	const char *path = NULL;
	int opt, ready = -1, s;

	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (opt) {
		case 's': path = optarg; break;
		case 'r': ready = atoi(optarg); break;
		case 'l': lie = optarg; break;
		case 'a': after = atol(optarg); break;
		case 'd': delay_ms = atol(optarg); break;
		default: return 64;
		}
	if (!path || ready < 0 || (*lie && !is_one_of(list_lies) && !is_one_of(sign_lies)))
		errx(64, "usage: falseagent --socket PATH --ready-fd N [--lie KIND] ...");
	if (vz_secret_init() != 0)
		errx(1, "no randomness");
	vz_sign_from_seed(seed, public, secret);
	vz_sign_from_seed(other_seed, other_public, other_secret);
	signal(SIGCHLD, SIG_IGN);
	s = listen_at(path);
	tell(ready);
	while ((fd = accept(s, NULL, NULL)) >= 0) {
		if (fork() == 0) {
			close(s);
			serve();
		}
		close(fd);
	}
	err(1, "accept");
}
