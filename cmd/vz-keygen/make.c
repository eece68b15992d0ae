#include "cmd/vz-keygen/keygen.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/err.h"
#include "base/secret.h"
#include "cmd/common/agent.h"
#include "cmd/common/exit.h"
#include "crypto/sign.h"

static int
fill(struct vz_identity *id, const struct keygen_of *of, const char *comment, uint8_t *random)
{
	time_t now = time(NULL);
	/* DESIGN 4: max(last + 1, Unix seconds), and there is no last. */
	uint64_t serial = now > 1 ? (uint64_t)now : 1;

	randombytes_buf(random, 96);
	if (of && of->agent)
		return vz_identity_make_held(
		    id, &of->key, random, serial, comment, agent_sign_patient, of->agent);
	if (of)
		memcpy(random, of->seed, VZ_SIGN_SEED);
	return vz_identity_make(id, random, serial, comment);
}

/* In guarded memory. 0, or the exit status of what was said. */
static int
new_identity(const struct keygen *k, const struct keygen_of *of, const char *comment,
    struct vz_identity **out)
{
	struct vz_identity *id = vz_identity_new();
	uint8_t *random = vz_secret_new(96);
	int err = id && random ? fill(id, of, comment, random) : VZ_ENOMEM;

	vz_secret_free(random);
	*out = err ? NULL : id;
	if (!err)
		return 0;
	vz_identity_free(id);
	if (of && of->agent && err != VZ_ENOMEM)
		return agent_complain(of->agent, NULL, err);
	return keygen_cannot_save(k, err);
}

static int
make(const struct keygen *k, const struct keygen_of *of, const char *comment,
    const char *passphrase, size_t len)
{
	struct vz_identity *id;
	char key[VZ_KEY_TEXT];
	int status = new_identity(k, of, comment, &id), err;

	if (status)
		return status;
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
keygen_make_of(const struct keygen *k, const struct keygen_of *of, const char *comment)
{
	char *passphrase;
	size_t len = 0;
	int status;

	if (!k->want_passphrase)
		return make(k, of, comment, NULL, 0);
	passphrase = vz_secret_new(VZ_PASSPHRASE_MAX);
	if (!passphrase)
		return keygen_cannot_save(k, VZ_ENOMEM);
	status = keygen_ask_new(k, false, passphrase, &len);
	if (!status)
		status = make(k, of, comment, passphrase, len);
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
