/*
 * Identity and pre-shared key files (DESIGN 4).
 */
#ifndef VZ_KEEP_KEYFILE_H
#define VZ_KEEP_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "id/identity.h"
#include "id/typo.h"

/*
 * Asks for the passphrase of an encrypted identity. Fills at most cap bytes and sets *len;
 * VZ_ELOCKED when there is nobody to ask. The buffer is guarded memory and is wiped by the caller.
 */
typedef int vz_passphrase_fn(void *arg, const char *path, char *out, size_t cap, size_t *len);

#define VZ_PASSPHRASE_MAX 1024

/*
 * Loads an identity by every rule of DESIGN 4 (VZ_FS_SECRET). VZ_ENOTFOUND, VZ_EMODE, VZ_EFORMAT,
 * VZ_ELOCKED (no or wrong passphrase), VZ_ESYSTEM. The caller owns *out.
 */
int vz_keyfile_load(const char *path, vz_passphrase_fn *ask, void *arg, struct vz_identity **out);
/*
 * Reads what can be read without the passphrase: the public bundle and comment (kept in the clear
 * and checked by its signature), and whether secrets are encrypted.
 */
int vz_keyfile_public(
    const char *path, struct vz_bundle *bundle, char comment[static 256], bool *encrypted);
/*
 * Saves with mode 0600 (folder made 0700 when missing). passphrase NULL = in the clear. With
 * `exclusive` an existing file is VZ_EEXISTS.
 */
int vz_keyfile_save(const char *path, const struct vz_identity *id, const char *passphrase,
    size_t passphrase_len, bool exclusive);
/* The same with a chosen cost of Argon2id (libsodium's opslimit and memlimit), for tests. */
int vz_keyfile_save_cost(const char *path, const struct vz_identity *id, const char *passphrase,
    size_t passphrase_len, bool exclusive, unsigned long long ops, size_t mem);
/*
 * Nobody else changes the identity at path by load and save until the caller closes *fd: who wants
 * to waits for seconds only. Judged as above; also VZ_ETIMEOUT.
 */
int vz_keyfile_lock(const char *path, int *fd);
/* One vzpsk1 line, VZ_FS_SECRET. VZ_EFORMAT for anything else. */
int vz_psk_load(const char *path, uint8_t psk[static VZ_PSK_LEN]);
/* Words on what is wrong in such a file, with nothing of it (vz_psk_typo); "" when nothing can be
 * said. */
const char *vz_psk_file_typo(const char *path, char out[static VZ_TYPO_WORDS]);

#endif
