/*
 * One command started without a shell, its stdin and stdout pipes to us. For flow/handler only.
 */
#ifndef VZ_FLOW_HANDLER_EXEC_H
#define VZ_FLOW_HANDLER_EXEC_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Runs argv[0] (looked up in PATH of envp when it holds no slash) with exactly envp, in a process
 * group of its own, all signals default and unblocked, and no descriptor but stdin (a pipe), stdout
 * (a pipe when `reply`, else `null`) and the inherited stderr. A file that the system cannot
 * execute is an error, and is not handed to a shell as execvp(3) does. *in is the end to write to,
 * *out the end to read from or -1; ours are non-blocking, the command's are not. VZ_ESYSTEM: errno
 * says why it could not be run.
 */
int vz_handler_exec(
    char *const argv[], char *const envp[], int null, bool reply, pid_t *pid, int *in, int *out);

#endif
