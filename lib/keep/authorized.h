/*
 * Adding to an authorised file (vz-authorized(5)) what its owner has answered. Reading it is
 * guard/acl's.
 */
#ifndef VZ_KEEP_AUTHORIZED_H
#define VZ_KEEP_AUTHORIZED_H

#include "id/key.h"

/*
 * Appends the line `KEY NAME` ("" = no name), durably, and leaves all else as it is: order,
 * comments, mode. Whoever adds at the same time adds before or after it. A file that is not there
 * is made, for its owner only; its folder has to be. VZ_EFORMAT (the name: vz_name_ok, and no blank
 * at its ends), VZ_EMODE (VZ_FS_TRUSTED), VZ_ELIMIT (the file would be longer than is read),
 * VZ_ETIMEOUT (somebody else has it locked), VZ_ECHANGED (another file has taken its place
 * meanwhile), VZ_ESYSTEM, VZ_ENOTFOUND (the folder).
 */
int vz_authorized_add(const char *path, const struct vz_key *key, const char *name);

#endif
