#include "cmd/common/reach.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

static bool
is_slow_resolver(int err, enum vz_dial_step step)
{
	return err == VZ_ETIMEOUT && step == VZ_DIAL_RESOLVE;
}

const char *
reach_words(int err, int sys_errno, enum vz_dial_step step)
{
	if (err == VZ_ENOTFOUND)
		return "no such host";
	if (is_slow_resolver(err, step))
		return "the name server did not answer in time";
	if (err == VZ_ETIMEOUT)
		sys_errno = ETIMEDOUT;
	else if (err != VZ_ESYSTEM)
		return diag_words(err);
	errno = sys_errno;
	return diag_words(VZ_ESYSTEM);
}

static int
status_of_errno(int e)
{
	switch (e) {
	case ETIMEDOUT:
	case EAGAIN: return VZ_EXIT_TEMPFAIL;
	case ECONNREFUSED:
	case ECONNRESET:
	case ENOENT:
	case ENOTSOCK:
	case EPROTOTYPE:
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL: return VZ_EXIT_UNAVAILABLE;
	default: return VZ_EXIT_OSERR;
	}
}

int
reach_status(int err, int sys_errno)
{
	switch (err) {
	case VZ_ENOTFOUND: return VZ_EXIT_NOHOST;
	case VZ_ETIMEOUT: return VZ_EXIT_TEMPFAIL;
	case VZ_ESYSTEM: return status_of_errno(sys_errno);
	default: return vz_exit_of(err);
	}
}

const char *
reach_hint(int err, int sys_errno, enum vz_dial_step step, const char *program, int family)
{
	static char hint[64];

	if (is_slow_resolver(err, step))
		return NULL;
	if (err == VZ_ETIMEOUT)
		sys_errno = ETIMEDOUT;
	else if (err != VZ_ESYSTEM)
		return NULL;
	switch (sys_errno) {
	case ECONNREFUSED:
	case ENOENT:
	case ECONNRESET: snprintf(hint, sizeof(hint), "is %s running there?", program); return hint;
	case ETIMEDOUT: return "is the host up, and the port open in its firewall?";
	case EHOSTUNREACH:
	case EHOSTDOWN: return "is the host up, and its address right?";
	case EACCES:
		return "this user may not go there: look at the modes of the socket and its "
		       "folders";
	case ENETUNREACH:
	case EAFNOSUPPORT: return family != AF_UNSPEC ? "try without -4 or -6" : NULL;
	default: return NULL;
	}
}
