#include "cmd/vz-keygen/keygen.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/err.h"
#include "base/secret.h"
#include "cmd/common/exit.h"
#include "crypto/sign.h"

/* In guarded memory, or NULL. With `seed` the identity's key is that one's. */
static struct vz_identity *
new_identity(const uint8_t *seed, const char *comment)
{
	struct vz_identity *id = vz_identity_new();
	uint8_t *random = vz_secret_new(96);
	time_t now = time(NULL);
	int err = VZ_ENOMEM;

	if (id && random) {
		randombytes_buf(random, 96);
		if (seed)
			memcpy(random, seed, VZ_SIGN_SEED);
		/* DESIGN 4: max(last + 1, Unix seconds), and there is no last. */
		err = vz_identity_make(id, random, now > 1 ? (uint64_t)now : 1, comment);
	}
	vz_secret_free(random);
	if (err) {
		vz_identity_free(id);
		return NULL;
	}
	return id;
}

static int
make(const struct keygen *k, const uint8_t *seed, const char *comment, const char *passphrase,
    size_t len)
{
	struct vz_identity *id = new_identity(seed, comment);
	char key[VZ_KEY_TEXT];
	int err;

	if (!id)
		return keygen_cannot_save(k, VZ_ENOMEM);
	err = vz_keyfile_save(k->path, id, passphrase, len, !k->force);
	vz_key_format(&id->bundle.identity, key);
	vz_identity_free(id);
	if (err)
		return keygen_cannot_save(k, err);
	keygen_saved(k, "identity");
	printf("%s\n", key);
	fflush(stdout);
	keygen_tell_next(k, key);
	return 0;
}

int
keygen_make_of(const struct keygen *k, const uint8_t *seed, const char *comment)
{
	char *passphrase;
	size_t len = 0;
	int status;

	if (!k->want_passphrase)
		return make(k, seed, comment, NULL, 0);
	passphrase = vz_secret_new(VZ_PASSPHRASE_MAX);
	if (!passphrase)
		return keygen_cannot_save(k, VZ_ENOMEM);
	status = keygen_ask_new(k, false, passphrase, &len);
	if (!status)
		status = make(k, seed, comment, passphrase, len);
	vz_secret_free(passphrase);
	return status;
}

int
keygen_make(const struct keygen *k)
{
	/* Before anybody is asked for a passphrase; the save itself looks again. */
	int status = keygen_check_free(k);

	return status ? status : keygen_make_of(k, NULL, k->comment);
}
