/*
 * Random art: a fingerprint as a picture, drawn as OpenSSH draws it (sshkey.c, the "drunken
 * bishop"), so that the picture of a key is the same in both.
 */
#ifndef VZ_ID_ART_H
#define VZ_ID_ART_H

#include <stdint.h>
#include "base/buf.h"
#include "id/key.h"

#define VZ_ART_WIDTH  17 /* of the field, inside its border */
#define VZ_ART_HEIGHT 9
#define VZ_ART_TEXT   ((VZ_ART_WIDTH + 3) * (VZ_ART_HEIGHT + 2)) /* bytes */

/*
 * Appends the picture of a digest: 11 lines of 19 characters, each ended by a newline. `title` and
 * `footer` stand in the border as they are given, brackets and all; one longer than VZ_ART_WIDTH is
 * VZ_ELIMIT. Also what vz_buf_put says.
 */
int
vz_art(const uint8_t digest[static 32], const char *title, const char *footer, struct vz_buf *out);
/* The same of a key's SHA-256 fingerprint, as `ssh-keygen -lv` draws an Ed25519 key. */
int vz_art_of_key(const struct vz_key *key, struct vz_buf *out);

#endif
