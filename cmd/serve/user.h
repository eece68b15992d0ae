/*
 * --user: from root to somebody else, for good.
 */
#ifndef VZ_SERVE_USER_H
#define VZ_SERVE_USER_H

#include <sys/types.h>

#define USER_GROUPS 256

struct user {
	const char *name; /* NULL: we stay who we are */
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_GROUPS];
	int n_groups;
};

/* Looks NAME up and that we are root, or ends the program: 64, 71. */
void user_find(const char *name, struct user *u);
/* Becomes u, with its groups, and makes sure that there is no way back. -1 and errno. */
int user_drop(const struct user *u);

#endif
