#include "id/signer.h"

#include <sodium.h>
#include <string.h>
#include "base/err.h"
#include "crypto/sign.h"

int
vz_signer_sign(const struct vz_signer *s, const char *ns, const uint8_t digest[static 64],
    uint8_t sig[static 64])
{
	const struct vz_key *key = &s->identity->bundle.identity;
	int err;

	if (!s->identity->held_elsewhere) {
		vz_sshsig_sign_digest(s->identity->sign_secret, ns, digest, sig);
		return 0;
	}
	err = s->ask ? s->ask(s->arg, key, ns, digest, sig) : VZ_ESIGNER;
	if (!err)
		err = vz_sshsig_verify_digest(key->b, ns, 512, digest, sig);
	if (err)
		memset(sig, 0, 64);
	return err;
}

int
vz_signer_sign_bytes(
    const struct vz_signer *s, const char *ns, const void *msg, size_t len, uint8_t sig[static 64])
{
	uint8_t digest[crypto_hash_sha512_BYTES];

	crypto_hash_sha512(digest, msg, len);
	return vz_signer_sign(s, ns, digest, sig);
}
