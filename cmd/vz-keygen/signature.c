#include "cmd/vz-keygen/keygen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fsutil.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "crypto/sign_stream.h"

#define SIGNATURE_MAX ((size_t)16 * 1024) /* many times what one of ours has */
#define PIECE         65536

static const char *
shown(const char *path)
{
	static char buf[1024];

	return diag_escape(buf, sizeof(buf), path, strlen(path));
}

/* Up to p[n]; fewer bytes only at the end. */
static ssize_t
read_full(int fd, uint8_t *p, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, p + got, n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

/* A pipe will do: what is in a signature is proved by itself. */
static int
read_any(const char *path, struct vz_buf *out)
{
	int fd = vz_fs_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
	uint8_t *room;
	ssize_t n = -1;
	int err = VZ_ESYSTEM, saved;

	if (fd < 0)
		return err;
	err = vz_buf_reserve(out, SIGNATURE_MAX + 1, &room);
	if (!err)
		n = read_full(fd, room, SIGNATURE_MAX + 1);
	saved = errno;
	close(fd);
	errno = saved;
	if (err)
		return err;
	if (n < 0)
		return VZ_ESYSTEM;
	vz_buf_added(out, (size_t)n);
	return 0;
}

int
keygen_read_signature(const struct keygen *k, struct vz_sshsig *out)
{
	const char *path = k->signature.file;
	struct vz_buf text;
	int err, status = 0;

	vz_buf_init(&text, SIGNATURE_MAX + 1);
	err = read_any(path, &text);
	if (err) {
		diag_error("%s: %s", shown(path), diag_words(err));
		status = err == VZ_ESYSTEM ? VZ_EXIT_NOINPUT : vz_exit_of(err);
	} else if (!vz_sshsig_read((const char *)vz_buf_ptr(&text), text.len, out)) {
		diag_error("%s: not a signature by an Ed25519 key", shown(path));
		status = VZ_EXIT_DATA;
	}
	vz_buf_free(&text);
	return status;
}

int
keygen_digest(int fd, int hash_bits, uint8_t digest[static 64])
{
	static uint8_t piece[PIECE];
	struct vz_sign_stream *s;
	ssize_t n;
	int err = vz_sign_stream_new(hash_bits, &s);

	if (err)
		return err;
	if (isatty(fd))
		diag_verbose(0, "the message is what is typed here, up to ^D");
	/* A short piece is the last: a terminal would have to be told of the end twice. */
	do {
		n = read_full(fd, piece, sizeof(piece));
		if (n > 0)
			vz_sign_stream_feed(s, piece, (size_t)n);
	} while (n == (ssize_t)sizeof(piece));
	vz_sign_stream_end(s, digest);
	vz_sign_stream_free(s);
	return n < 0 ? VZ_ESYSTEM : 0;
}

int
keygen_cannot_use(const char *path, int err, unsigned line)
{
	if (line > 0)
		diag_error("%s: line %u: %s", shown(path), line, diag_words(err));
	else
		diag_error("%s: %s", shown(path), diag_words(err));
	if (err == VZ_EMODE)
		diag_hint("a regular file that neither group nor others can write to, in such a "
			  "folder");
	return err == VZ_ESYSTEM ? VZ_EXIT_CONFIG : vz_exit_of(err);
}

void
keygen_tell_line(void *arg, unsigned line, const char *why)
{
	const struct keygen *k = arg;

	diag_verbose(0, "%s: line %u: %s", shown(k->path), line, why);
}

void
keygen_print_key(const struct vz_key *key)
{
	struct vz_buf line;

	vz_buf_init(&line, 256);
	if (vz_ssh_public_format(key->b, &line) == 0)
		printf("%.*s\n", (int)line.len, (const char *)vz_buf_ptr(&line));
	vz_buf_free(&line);
}
