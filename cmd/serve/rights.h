/*
 * Who may do what, from where the options say: the authorised and the revoked keys, read again when
 * they change.
 */
#ifndef VZ_SERVE_RIGHTS_H
#define VZ_SERVE_RIGHTS_H

#include "cmd/common/sandbox.h"
#include "cmd/common/self.h"
#include "cmd/serve/options.h"
#include "cmd/serve/record.h"
#include "cmd/serve/stranger.h"
#include "cmd/serve/watch.h"

#define RIGHTS_PATH_MAX (4096 + 16)

/* Zero it, then set what is before the line. */
struct rights {
	const struct serve_options *options;
	struct self *me; /* me->acl is what counts */
	struct record *record;
	bool commands; /* command= is allowed */
	bool relay;    /* rights are those at a relay */
	bool asks;     /* whoever is not known may be asked about, and write to that file */

	const struct vz_key *more; /* allowed beside all of these, for this run; borrowed */
	unsigned n_more;
	bool locked; /* the revoked list is damaged: nobody new gets in */
	struct watched watched;
	struct strangers strangers; /* who was refused, and told of */
};

/* Adds the authorised keys to me->acl, or ends the program with 78. */
void rights_load(struct rights *r);
/*
 * Reads all of it again. A file of authorised keys that cannot be read leaves the old rights in
 * force, less what is revoked; a damaged revoked list lets nobody new in until it is mended. The
 * caller ends the sessions whose right is gone, and gives the others what their lines say now.
 */
void rights_reload(struct rights *r);
/* Comes each second: true when the files have changed, and are to be read again. */
bool rights_changed(struct rights *r);
/* Becoming another user may change what can be seen of the files: that is no change of them. */
void rights_look_again(struct rights *r);
/* The files that are read; false when there is none. */
bool rights_authorized_path(const struct rights *r, char path[static RIGHTS_PATH_MAX]);
bool rights_revoked_path(const struct rights *r, char path[static RIGHTS_PATH_MAX]);
/* Leaves what reading them again needs, with the identity and our memory of peers. */
void rights_keep(const struct rights *r, struct vz_sandbox *s);

#endif
