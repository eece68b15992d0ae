/*
 * Prints the seccomp filters of lib/guard/seccomp.c as C. Run by make where libseccomp is there;
 * the programs themselves do not link it.
 *
 * A call that is not named fails with EPERM, so that a libc which tries another way first goes on;
 * what only an attacker would try kills the process. Beside what our own code calls, libc and
 * libsodium need theirs: when a program meets EPERM where it should not, strace -f shows the call.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

/* The most frequent first: without the tree, order is speed. */
static const char *const always[] = {
    /* bytes and waiting */
    "read", "write", "readv", "writev", "epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl",
    "recvfrom", "sendto", "recvmsg", "sendmsg", "poll", "ppoll", "pread64", "pwrite64", "preadv",
    "pwritev", "lseek", "_llseek", "splice", "close", "pipe", "pipe2", "dup", "dup2", "dup3",
    "fcntl", "fcntl64", "epoll_create", "epoll_create1", "select", "pselect6",
    /* sockets that are there */
    "shutdown", "getsockopt", "setsockopt", "getsockname", "getpeername",
    /* time, randomness, memory */
    "clock_gettime", "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "nanosleep",
    "gettimeofday", "time", "getrandom", "brk", "munmap", "mremap", "madvise", "mlock", "munlock",
    "futex", "futex_time64", "membarrier", "rseq", "set_robust_list", "sched_yield",
    "sched_getaffinity",
    /* signals, our own process, the end */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack", "restart_syscall",
    "tgkill", "tkill", "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid",
    "getuid32", "geteuid32", "getgid32", "getegid32", "getrlimit", "ugetrlimit", "uname", "sysinfo",
    "wait4", "waitid", "exit", "exit_group",
    /* files, as far as Landlock leaves any */
    "fstat", "fstat64", "newfstatat", "fstatat64", "statx", "stat", "stat64", "lstat", "lstat64",
    "fstatfs", "fstatfs64", "faccessat", "faccessat2", "access", "getdents64", "readlink",
    "readlinkat", "getcwd", "fadvise64", NULL};

static const char *const writes[] = {"openat", "open", "flock", "fsync", "fdatasync", "syncfs",
    "sync_file_range", "ftruncate", "ftruncate64", "fallocate", "fchmod", "mkdir", "mkdirat",
    "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", NULL};
static const char *const sends[] = {"connect", "kill", NULL};
static const char *const listens[] = {"accept", "accept4", "listen", NULL};
static const char *const listens_at[] = {"accept", "accept4", "listen", "connect", NULL};
/* getaddrinfo(3), whatever modules it loads, in a child with an alarm. */
static const char *const resolves[] = {"connect", "bind", "sendmmsg", "recvmmsg", "fork", "alarm",
    "setitimer", "close_range", "set_tid_address", NULL};
static const char *const kills[] = {
    "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", NULL};

_Noreturn static void
fail(const char *what, int r)
{
	fprintf(stderr, "filters: %s: %s\n", what, strerror(-r));
	exit(1);
}

/* Calls that this architecture lacks are left out. */
static void
add(scmp_filter_ctx ctx, uint32_t action, const char *const *names)
{
	for (; *names; names++) {
		int nr = seccomp_syscall_resolve_name(*names);
		int r = nr < 0 ? 0 : seccomp_rule_add(ctx, action, nr, 0);

		if (r != 0)
			fail(*names, r);
	}
}

/* Allowed with this argument under this mask. */
static void
add_if(scmp_filter_ctx ctx, const char *name, unsigned at, uint64_t mask, uint64_t value)
{
	int nr = seccomp_syscall_resolve_name(name), r;

	if (nr < 0)
		return;
	r = seccomp_rule_add(
	    ctx, SCMP_ACT_ALLOW, nr, 1, (struct scmp_arg_cmp){at, SCMP_CMP_MASKED_EQ, mask, value});
	if (r != 0)
		fail(name, r);
}

static void
add_families(scmp_filter_ctx ctx, bool tcp)
{
	add_if(ctx, "socket", 0, UINT32_MAX, AF_UNIX);
	if (!tcp)
		return;
	add_if(ctx, "socket", 0, UINT32_MAX, AF_INET);
	add_if(ctx, "socket", 0, UINT32_MAX, AF_INET6);
}

/* Memory that can be executed: none, or a library's. */
static void
add_memory(scmp_filter_ctx ctx, bool libraries)
{
	add_if(ctx, "mprotect", 2, PROT_EXEC, 0);
	add_if(ctx, "mmap", 2, PROT_EXEC, 0);
	add_if(ctx, "mmap2", 2, PROT_EXEC, 0);
	if (!libraries)
		return;
	add_if(ctx, "mmap", 3, MAP_ANONYMOUS, 0);
	add_if(ctx, "mmap2", 3, MAP_ANONYMOUS, 0);
}

static void
add_ioctls(scmp_filter_ctx ctx)
{
	static const unsigned long requests[] = {
	    FIONREAD, FIONBIO, TCGETS, TCFLSH, TIOCGWINSZ, TIOCGPGRP, TIOCOUTQ};

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		add_if(ctx, "ioctl", 1, UINT32_MAX, requests[i]);
}

/* It hides its flags: libc asks for the other call then. */
static void
add_clone3(scmp_filter_ctx ctx)
{
	int clone3 = seccomp_syscall_resolve_name("clone3");
	int r = clone3 < 0 ? 0 : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), clone3, 0);

	if (r != 0)
		fail("clone3", r);
}

/* Processes and threads, in the namespaces that we are in. */
static void
add_processes(scmp_filter_ctx ctx)
{
	add_clone3(ctx);
	add_if(ctx, "clone", 0,
	    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
		CLONE_NEWUTS | CLONE_NEWCGROUP,
	    0);
	add_if(ctx, "prctl", 0, UINT32_MAX, PR_SET_PDEATHSIG);
}

/* Threads, of this process only; that of the store is begun when all else is closed. */
static void
add_threads(scmp_filter_ctx ctx)
{
	const unsigned thread = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND;

	add_clone3(ctx);
	add_if(ctx, "clone", 0, thread, thread);
}

/* Opening for reading only, and what getaddrinfo(3) asks the kernel about addresses. */
static void
add_names(scmp_filter_ctx ctx)
{
	add_if(ctx, "openat", 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
	add_if(ctx, "open", 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
	add_if(ctx, "socket", 0, UINT32_MAX, AF_NETLINK);
	add_if(ctx, "ioctl", 1, UINT32_MAX, SIOCGIFINDEX);
}

/* Asking for a limit, not setting one: the third argument is NULL. */
static void
add_limits(scmp_filter_ctx ctx)
{
	add_if(ctx, "prlimit64", 2, UINT64_MAX, 0);
}

static void
print(scmp_filter_ctx ctx, const char *name)
{
	FILE *f = tmpfile();
	struct sock_filter i;
	int r = f ? seccomp_export_bpf(ctx, fileno(f)) : -errno;

	if (r != 0)
		fail(name, r);
	rewind(f);
	printf("static const struct sock_filter filter_%s[] = {\n", name);
	while (fread(&i, sizeof(i), 1, f) == 1)
		printf("\t{0x%02x, %u, %u, 0x%08x},\n", i.code, i.jt, i.jf, i.k);
	printf("};\n");
	fclose(f);
}

/* What there is beside what all have. */
struct filter {
	const char *name;
	const char *const *calls;
	bool writes, tcp, libraries, names, threads;
};

static void
make(const struct filter *f)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = ctx ? 0 : -ENOMEM;

	/* 2: a tree by numbers, so that the last call costs what the first does. */
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r != 0)
		fail(f->name, r);
	add(ctx, SCMP_ACT_ALLOW, always);
	add(ctx, SCMP_ACT_ALLOW, f->calls);
	if (f->writes)
		add(ctx, SCMP_ACT_ALLOW, writes);
	add(ctx, SCMP_ACT_KILL_PROCESS, kills);
	add_families(ctx, f->tcp);
	add_memory(ctx, f->libraries);
	add_ioctls(ctx);
	add_limits(ctx);
	if (f->threads)
		add_threads(ctx);
	if (f->names) {
		add_processes(ctx);
		add_names(ctx);
	}
	print(ctx, f->name);
	seccomp_release(ctx);
}

int
main(void)
{
	static const struct filter all[] = {
	    {.name = "send", .calls = sends, .writes = true, .tcp = true},
	    {.name = "send_late", .calls = sends, .writes = true, .tcp = true, .libraries = true},
	    {.name = "listen", .calls = listens, .writes = true},
	    {.name = "relay", .calls = listens, .writes = true, .threads = true},
	    {.name = "listen_at", .calls = listens_at, .writes = true, .tcp = true},
	    {.name = "names", .calls = resolves, .tcp = true, .libraries = true, .names = true},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		make(&all[i]);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
