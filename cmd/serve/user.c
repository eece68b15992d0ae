#include "cmd/serve/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

void
user_find(const char *name, struct user *u)
{
	const struct passwd *found;
	char shown[128];

	*u = (struct user){.name = name};
	if (!name)
		return;
	diag_escape(shown, sizeof(shown), name, strlen(name));
	found = getpwnam(name);
	if (!found)
		diag_usage("--user: no such user: '%s'", shown);
	if (found->pw_uid == 0)
		diag_usage("--user: '%s' is root", shown);
	if (geteuid() != 0) {
		diag_error("--user: only root can become somebody else");
		exit(VZ_EXIT_OSERR);
	}
	u->uid = found->pw_uid;
	u->gid = found->pw_gid;
	u->n_groups = USER_GROUPS;
	if (getgrouplist(name, u->gid, u->groups, &u->n_groups) < 0) {
		diag_error("--user: '%s' is in more than %d groups", shown, USER_GROUPS);
		exit(VZ_EXIT_OSERR);
	}
}

static int
verify(const struct user *u)
{
	uid_t uid[3];
	gid_t gid[3];

	if (getresuid(&uid[0], &uid[1], &uid[2]) != 0 || getresgid(&gid[0], &gid[1], &gid[2]) != 0)
		return -1;
	for (int i = 0; i < 3; i++)
		if (uid[i] != u->uid || gid[i] != u->gid) {
			errno = EPERM;
			return -1;
		}
	if (setuid(0) == 0 || seteuid(0) == 0) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

int
user_drop(const struct user *u)
{
	if (!u->name)
		return 0;
	if (setgroups((size_t)u->n_groups, u->groups) != 0 ||
	    setresgid(u->gid, u->gid, u->gid) != 0 || setresuid(u->uid, u->uid, u->uid) != 0)
		return -1;
	return verify(u);
}
