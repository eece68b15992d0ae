/*
 * without LAYER COMMAND [ARG...]: runs COMMAND as on a system without it: LAYER is landlock or
 * seccomp, whose system calls fail with ENOSYS from here on.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CREATE_RULESET 444

int
main(int argc, char **argv)
{
	unsigned nr;

	if (argc < 3 || (strcmp(argv[1], "landlock") != 0 && strcmp(argv[1], "seccomp") != 0)) {
		fprintf(stderr, "usage: without landlock|seccomp COMMAND [ARG...]\n");
		return 64;
	}
	nr = strcmp(argv[1], "landlock") == 0 ? CREATE_RULESET : SYS_seccomp;
	struct sock_filter f[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = {sizeof(f) / sizeof(f[0]), f};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) != 0) {
		perror("without");
		return 77;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 71;
}
