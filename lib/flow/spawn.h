/*
 * What starting any command has in common: a fork in which no handler of ours runs, and the news of
 * an exec that failed. Used by flow/producer and flow/handler_exec.
 */
#ifndef VZ_FLOW_SPAWN_H
#define VZ_FLOW_SPAWN_H

#include <signal.h>
#include <sys/types.h>

/*
 * fork(2) with all signals blocked around it: a handler of ours that ran in the child would write
 * to the pipe that wakes our loop. The parent has its mask back; the child restores *mask when its
 * handlers are gone.
 */
pid_t vz_spawn_fork(sigset_t *mask);
/* The child's last act when it could not execute: errno into `report`, a close-on-exec pipe. */
_Noreturn void vz_spawn_failed(int report);
/*
 * The parent's view of that pipe: 0 once the command runs (the exec closed it), else the child's
 * errno, and then the child is reaped. The caller has closed its own writing end.
 */
int vz_spawn_errno(int report, pid_t pid);
/* waitpid(2) for one child of ours, whose status nobody wants. */
void vz_spawn_reap(pid_t pid);

#endif
