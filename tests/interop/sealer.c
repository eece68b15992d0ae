/*
 * Seals standard input as vz does, for tests in which others open it: sealer FROM TO [NAME
 * [EXPIRES]], two identity files without passphrases and a time in Unix seconds. `sealer -k LINE`
 * prints the vz1... of an OpenSSH public key.
 */
#include <err.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fsutil.h"
#include "base/secret.h"
#include "crypto/sign.h"
#include "keep/keyfile.h"
#include "mail/seal.h"

#define PIECE 65536

static void
check(int code, const char *what)
{
	if (code)
		errx(1, "%s: %s", what, vz_strerror(code));
}

static int
print_key(const char *line)
{
	struct vz_key key;
	char text[VZ_KEY_TEXT];
	size_t used;

	check(vz_ssh_public_parse(line, strlen(line), key.b, &used), "key");
	vz_key_format(&key, text);
	puts(text);
	return 0;
}

/* All of standard input, of which the length has to be known first. */
static void
read_body(struct vz_buf *body)
{
	uint8_t *room;
	ssize_t n;

	vz_buf_init(body, (size_t)VZ_SEAL_BODY_MAX + 2 * PIECE);
	do {
		check(vz_buf_reserve(body, PIECE, &room), "body");
		n = read(STDIN_FILENO, room, PIECE);
		if (n < 0)
			err(1, "stdin");
		vz_buf_added(body, (size_t)n);
	} while (n > 0);
}

static void
seal(const struct vz_seal_config *c, const struct vz_buf *body)
{
	const uint8_t *p = vz_buf_ptr(body);
	size_t left = body->len;
	struct vz_seal *s;
	struct vz_buf out;

	vz_buf_init(&out, VZ_SEAL_WRITTEN((size_t)PIECE));
	check(vz_seal_new(&s, c, &out), "seal");
	while (left > 0) {
		size_t n = left < PIECE ? left : PIECE;

		check(vz_seal_put(s, p, n, &out), "seal");
		check(vz_fs_write_all(STDOUT_FILENO, vz_buf_ptr(&out), out.len), "stdout");
		vz_buf_clear(&out);
		p += n;
		left -= n;
	}
	check(vz_seal_end(s, &out), "seal");
	check(vz_fs_write_all(STDOUT_FILENO, vz_buf_ptr(&out), out.len), "stdout");
	vz_buf_free(&out);
	vz_seal_free(s);
}

int
main(int argc, char **argv)
{
	struct vz_seal_config c = {.sign = vz_seal_sign_secret};
	struct vz_identity *from;
	struct vz_bundle to;
	struct vz_buf body;
	char comment[256];
	bool encrypted;

	check(vz_secret_init(), "randomness");
	if (argc == 3 && strcmp(argv[1], "-k") == 0)
		return print_key(argv[2]);
	if (argc < 3 || argc > 5)
		errx(64, "usage: sealer FROM TO [NAME [EXPIRES]] <BODY, or sealer -k LINE");
	check(vz_keyfile_load(argv[1], NULL, NULL, &from), argv[1]);
	check(vz_keyfile_public(argv[2], &to, comment, &encrypted), argv[2]);
	read_body(&body);
	c.manifest.from = from->bundle.identity;
	c.manifest.to = to.identity;
	c.manifest.sequence = 1;
	c.manifest.size = body.len;
	randombytes_buf(c.manifest.stream, sizeof(c.manifest.stream));
	if (argc > 3)
		snprintf(c.manifest.name, sizeof(c.manifest.name), "%s", argv[3]);
	if (argc > 4)
		c.manifest.expires = strtoull(argv[4], NULL, 10);
	memcpy(c.recipient, to.age, sizeof(c.recipient));
	randombytes_buf(c.random, sizeof(c.random));
	c.sign_arg = from->sign_secret;
	seal(&c, &body);
	vz_buf_free(&body);
	vz_identity_free(from);
	return 0;
}
