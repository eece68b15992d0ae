#include "guard/landlock.h"

#include "base/err.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fsutil.h"

/* linux/landlock.h of the newest kernel that we know; the numbers are the same everywhere. */
#define CREATE_RULESET 444
#define ADD_RULE       445
#define RESTRICT_SELF  446
#define ASK_VERSION    1u
#define RULE_PATH      1
#define RULE_PORT      2

enum fs {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_TRUNCATE = 1 << 14,  /* version 3 */
	FS_IOCTL_DEV = 1 << 15, /* version 5 */
};
#define FS_1      ((1u << 13) - 1)
#define FS_2      ((1u << 14) - 1) /* also moving files between folders */
#define FS_3      ((1u << 15) - 1)
#define FS_5      ((1u << 16) - 1)
#define FS_OF_ANY (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

#define NET_BIND       1u
#define NET_CONNECT    2u
#define SCOPE_ABSTRACT 1u
#define SCOPE_SIGNAL   2u

struct ruleset {
	uint64_t fs, net, scoped;
};

struct path_rule {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

struct port_rule {
	uint64_t access, port;
};

int
vz_landlock_abi(void)
{
	long r = syscall(CREATE_RULESET, NULL, 0, ASK_VERSION);

	return r > 0 ? (int)r : 0;
}

static uint64_t
fs_of(int abi)
{
	return abi >= 5 ? FS_5 : abi >= 3 ? FS_3 : abi == 2 ? FS_2 : FS_1;
}

static uint64_t
access_of(unsigned access, bool folder)
{
	uint64_t fs = 0;

	if (access & VZ_SANDBOX_READ)
		fs |= FS_READ_FILE | FS_READ_DIR | FS_IOCTL_DEV;
	if (access & VZ_SANDBOX_WRITE)
		fs |= FS_WRITE_FILE | FS_TRUNCATE | FS_MAKE_REG | FS_MAKE_DIR | FS_READ_DIR;
	if (access & VZ_SANDBOX_TAKE)
		fs |= FS_REMOVE_FILE | FS_READ_DIR;
	if (access & VZ_SANDBOX_LIST)
		fs |= FS_READ_DIR;
	return folder ? fs & ~(uint64_t)FS_IOCTL_DEV : fs & FS_OF_ANY;
}

/* What is not there needs no rule, and what has no place among the folders (a pipe by its name in
 * /proc) is never asked about. */
static int
add_path(int rules, const struct vz_sandbox_path *p, uint64_t known)
{
	struct path_rule rule = {.fd = vz_fs_openat(AT_FDCWD, p->path, O_PATH | O_CLOEXEC, 0)};
	struct stat st;
	long r = 0;

	if (rule.fd < 0)
		return 0;
	if (fstat(rule.fd, &st) == 0) {
		rule.access = access_of(p->access, S_ISDIR(st.st_mode)) & known;
		if (rule.access != 0)
			r = syscall(ADD_RULE, rules, RULE_PATH, &rule, 0);
	}
	if (r != 0 && errno == EBADFD)
		r = 0;
	close(rule.fd);
	return r == 0 ? 0 : VZ_ESYSTEM;
}

static int
add_rules(int rules, const struct vz_sandbox *s, const struct ruleset *handled)
{
	int r = 0;

	for (size_t i = 0; i < s->n_paths && r == 0; i++)
		r = add_path(rules, &s->paths[i], handled->fs);
	for (size_t i = 0; i < s->n_ports && r == 0 && handled->net != 0; i++) {
		struct port_rule rule = {.access = NET_CONNECT, .port = s->ports[i]};

		/* A kernel without TCP has none to forbid. */
		if (syscall(ADD_RULE, rules, RULE_PORT, &rule, 0) != 0 && errno != EAFNOSUPPORT)
			r = VZ_ESYSTEM;
	}
	return r;
}

int
vz_landlock_close(const struct vz_sandbox *s, int abi)
{
	struct ruleset handled = {.fs = fs_of(abi)};
	size_t size = abi >= 6 ? sizeof(handled) : abi >= 4 ? 16 : 8;
	int rules, r;

	if (abi >= 4)
		handled.net = NET_BIND | NET_CONNECT;
	if (abi >= 6)
		handled.scoped =
		    (s->signals ? 0 : SCOPE_SIGNAL) | (s->abstract ? 0 : SCOPE_ABSTRACT);
	rules = (int)syscall(CREATE_RULESET, &handled, size, 0);
	if (rules < 0)
		return VZ_ESYSTEM;
	r = add_rules(rules, s, &handled);
	if (r == 0 && syscall(RESTRICT_SELF, rules, 0) != 0)
		r = VZ_ESYSTEM;
	close(rules);
	return r;
}

#else

int
vz_landlock_abi(void)
{
	return 0;
}

int
vz_landlock_close(const struct vz_sandbox *s, int abi)
{
	(void)s;
	(void)abi;
	return VZ_ESYSTEM;
}

#endif
