/* The calls that faultio knows, and what its parts share. */
#ifndef VZ_FAULTIO_CALLS_H
#define VZ_FAULTIO_CALLS_H

#include <stddef.h>

#define CALLS_DO(X)                                                                                \
	X(read), X(write), X(pread), X(pwrite), X(recv), X(send), X(readv), X(writev), X(sendmsg), \
	    X(recvmsg), X(sendto), X(accept4), X(accept), X(socket), X(bind), X(listen),           \
	    X(connect), X(fsync), X(fdatasync), X(syncfs), X(ftruncate), X(fchmod), X(flock),      \
	    X(rename), X(renameat), X(linkat), X(unlinkat), X(mkdirat), X(pipe2), X(dup2),         \
	    X(epoll_create1), X(epoll_ctl), X(epoll_wait), X(poll), X(fork), X(waitpid), X(close), \
	    X(open), X(openat), X(creat), X(opendir), X(malloc), X(calloc), X(realloc)

#define CALL_ENUM(name) CALL_##name
enum call { CALLS_DO(CALL_ENUM), CALLS };

#define CALL_NAME(name) #name
static const char *const call_names[] = {CALLS_DO(CALL_NAME)};

#define REAL(name) ((__typeof__(&name))real_of(CALL_##name))

#endif
