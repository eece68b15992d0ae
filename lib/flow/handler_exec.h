/*
 * One command started without a shell, its stdin and stdout pipes to us. For flow/handler only.
 */
#ifndef VZ_FLOW_HANDLER_EXEC_H
#define VZ_FLOW_HANDLER_EXEC_H

#include <sys/types.h>

/* What it has beside stdin. */
#define VZ_RUN_REPLY    1u /* a pipe as stdout, else `null` */
#define VZ_RUN_PROOF    2u /* a pipe to read from as descriptor VZ_RUN_PROOF_FD */
#define VZ_RUN_PROOF_FD 3

enum vz_run_fd { VZ_RUN_IN, VZ_RUN_OUT, VZ_RUN_PROOFS, VZ_RUN_FDS };

/*
 * Runs argv[0] (looked up in PATH of envp when it holds no slash) with exactly envp, in a process
 * group of its own, all signals default and unblocked, and no descriptor but stdin (a pipe), the
 * inherited stderr, and what `wants` says. A file that the system cannot execute is an error, and
 * is not handed to a shell as execvp(3) does. fds are our ends, by enum vz_run_fd, or -1; ours are
 * non-blocking, the command's are not. VZ_ESYSTEM: errno says why it could not be run.
 */
int vz_handler_exec(char *const argv[], char *const envp[], int null, unsigned wants, pid_t *pid,
    int fds[static VZ_RUN_FDS]);

#endif
