#include "guard/seccomp.h"

#include "base/err.h"

#ifdef VZ_SECCOMP

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guard/filters.inc"

#define OF(list)                                                          \
	{                                                                 \
		(unsigned short)(sizeof(list) / sizeof((list)[0])),       \
		    (struct sock_filter *)(uintptr_t)(const void *)(list) \
	}

/* sock_fprog lacks a const that the kernel keeps. */
static const struct sock_fprog programs[] = {
    [VZ_SANDBOX_SEND] = OF(filter_send),
    [VZ_SANDBOX_SEND_LATE] = OF(filter_send_late),
    [VZ_SANDBOX_LISTEN] = OF(filter_listen),
    [VZ_SANDBOX_RELAY] = OF(filter_relay),
    [VZ_SANDBOX_LISTEN_AT] = OF(filter_listen_at),
    [VZ_SANDBOX_NAMES] = OF(filter_names),
};

int
vz_seccomp_load(enum vz_sandbox_filter filter, unsigned *instructions)
{
	const struct sock_fprog *p = &programs[filter];

	*instructions = p->len;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, p) == 0 ? 0 : VZ_ESYSTEM;
}

#else

int
vz_seccomp_load(enum vz_sandbox_filter filter, unsigned *instructions)
{
	(void)filter;
	*instructions = 0;
	return VZ_ENOTFOUND;
}

#endif
