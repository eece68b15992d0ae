#include "keep/keyfile.h"

#include <limits.h>
#include <sodium.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fsutil.h"
#include "base/secret.h"
#include "id/identity_text.h"
#include "keep/keybox.h"

/* Sealed, the secrets are a third longer. */
#define FILE_MAX (VZ_IDENTITY_PUBLIC_MAX + 2 * VZ_IDENTITY_SECRETS_MAX)
#define MODE     0600

#define LOCK_WAIT_MS 5000
#define LOCK_STEP_MS 5

/* The file's text, judged by its rule. A file that is too long is no identity. */
static int
read_secret(const char *path, size_t max, struct vz_buf *text)
{
	int err;

	vz_buf_init(text, max);
	err = vz_fs_read(path, VZ_FS_SECRET, text);
	return err == VZ_ELIMIT ? VZ_EFORMAT : err;
}

static int
unlock(const char *path, const struct vz_buf *text, size_t at, vz_passphrase_fn *ask, void *arg,
    struct vz_identity *id)
{
	const char *p = (const char *)vz_buf_ptr(text);
	struct vz_buf secrets;
	size_t len = 0;
	char *passphrase;
	int err;

	if (!ask)
		return VZ_ELOCKED;
	passphrase = vz_secret_new(VZ_PASSPHRASE_MAX);
	if (!passphrase)
		return VZ_ENOMEM;
	vz_buf_init(&secrets, VZ_IDENTITY_SECRETS_MAX);
	err = ask(arg, path, passphrase, VZ_PASSPHRASE_MAX, &len);
	if (!err)
		err = vz_keybox_open(p, text->len, at, passphrase, len, &secrets);
	if (!err)
		err =
		    vz_identity_decode_secrets((const char *)vz_buf_ptr(&secrets), secrets.len, id);
	vz_buf_free(&secrets);
	vz_secret_free(passphrase);
	return err;
}

int
vz_keyfile_load(const char *path, vz_passphrase_fn *ask, void *arg, struct vz_identity **out)
{
	struct vz_identity *id = NULL;
	struct vz_buf text;
	const char *p;
	size_t at;
	int err;

	*out = NULL;
	err = read_secret(path, FILE_MAX, &text);
	if (err)
		goto out;
	id = vz_identity_new();
	if (!id) {
		err = VZ_ENOMEM;
		goto out;
	}
	p = (const char *)vz_buf_ptr(&text);
	err = vz_identity_parse_public(
	    p, text.len, &id->bundle, id->comment, &id->held_elsewhere, &at);
	if (err)
		goto out;
	if (vz_keybox_is(p + at, text.len - at))
		err = unlock(path, &text, at, ask, arg, id);
	else
		err = vz_identity_decode_secrets(p + at, text.len - at, id);
	if (err)
		goto out;
	*out = id;
	id = NULL; /* moved */
out:
	vz_identity_free(id);
	vz_buf_free(&text);
	return err;
}

int
vz_keyfile_public(
    const char *path, struct vz_bundle *bundle, char comment[static 256], bool *encrypted)
{
	struct vz_buf text;
	const char *p;
	size_t at;
	bool held;
	int err;

	memset(bundle, 0, sizeof(*bundle));
	memset(comment, 0, 256);
	*encrypted = false;
	err = read_secret(path, FILE_MAX, &text);
	if (!err) {
		p = (const char *)vz_buf_ptr(&text);
		err = vz_identity_decode_public(p, text.len, bundle, comment, &held, &at);
		if (!err)
			*encrypted = vz_keybox_is(p + at, text.len - at);
	}
	vz_buf_free(&text);
	return err;
}

/* The folder is ours to make only when it is missing; one that exists keeps its mode. */
static int
make_folder(const char *path)
{
	char dir[PATH_MAX];
	const char *base;
	int err = vz_fs_split(path, dir, sizeof(dir), &base);

	return err ? err : vz_fs_mkdirs(dir);
}

int
vz_keyfile_save_cost(const char *path, const struct vz_identity *id, const char *passphrase,
    size_t passphrase_len, bool exclusive, unsigned long long ops, size_t mem)
{
	struct vz_buf text, secrets;
	int err;

	vz_buf_init(&text, FILE_MAX);
	vz_buf_init(&secrets, VZ_IDENTITY_SECRETS_MAX);
	err = vz_identity_encode_public(id, &text);
	if (!err)
		err = vz_identity_encode_secrets(id, passphrase ? &secrets : &text);
	if (!err && passphrase)
		err = vz_keybox_seal(&text, &secrets, passphrase, passphrase_len, ops, mem);
	if (!err)
		err = make_folder(path);
	if (!err)
		err = vz_fs_replace(path, MODE, exclusive, vz_buf_ptr(&text), text.len);
	vz_buf_free(&secrets);
	vz_buf_free(&text);
	return err;
}

int
vz_keyfile_save(const char *path, const struct vz_identity *id, const char *passphrase,
    size_t passphrase_len, bool exclusive)
{
	return vz_keyfile_save_cost(path, id, passphrase, passphrase_len, exclusive,
	    crypto_pwhash_OPSLIMIT_MODERATE, crypto_pwhash_MEMLIMIT_MODERATE);
}

/* Is the file that is open still the one at path? Who held the lock before may have replaced it. */
static bool
is_at(int fd, const char *path)
{
	struct stat here, there;

	return fstat(fd, &here) == 0 && lstat(path, &there) == 0 && here.st_dev == there.st_dev &&
	    here.st_ino == there.st_ino;
}

int
vz_keyfile_lock(const char *path, int *fd)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};

	*fd = -1;
	for (int waited = 0; waited <= LOCK_WAIT_MS; waited += LOCK_STEP_MS) {
		int err = vz_fs_open(path, VZ_FS_SECRET, fd);

		if (err)
			return err;
		if (flock(*fd, LOCK_EX | LOCK_NB) == 0 && is_at(*fd, path))
			return 0;
		close(*fd);
		*fd = -1;
		nanosleep(&step, NULL);
	}
	return VZ_ETIMEOUT;
}

/* One line; that its newline is missing harms nobody. */
static size_t
line_len(const struct vz_buf *text)
{
	return text->len > 0 && vz_buf_ptr(text)[text->len - 1] == '\n' ? text->len - 1 : text->len;
}

int
vz_psk_load(const char *path, uint8_t psk[static VZ_PSK_LEN])
{
	struct vz_buf text;
	int err;

	vz_wipe(psk, VZ_PSK_LEN);
	err = read_secret(path, 2 * VZ_PSK_TEXT, &text);
	if (!err)
		err = vz_psk_parse((const char *)vz_buf_ptr(&text), line_len(&text), psk);
	vz_buf_free(&text);
	return err;
}

const char *
vz_psk_file_typo(const char *path, char out[static VZ_TYPO_WORDS])
{
	struct vz_buf text;

	*out = '\0';
	if (read_secret(path, 2 * VZ_PSK_TEXT, &text) == 0)
		(void)vz_psk_typo((const char *)vz_buf_ptr(&text), line_len(&text), out);
	vz_buf_free(&text);
	return out;
}
