#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "net/notify.h"
#include "net/sockaddr.h"
#include "net/sockopt.h"

int
vz_notify(const char *notify_socket, const char *state)
{
	struct vz_sockaddr to;
	int fd, r, saved;

	if (notify_socket == NULL || notify_socket[0] == '\0')
		return 0;
	if (notify_socket[0] != '/' && notify_socket[0] != '@')
		return VZ_EFORMAT;
	if ((r = vz_sockaddr_unix(notify_socket, &to)) != 0)
		return r;
	if (notify_socket[0] == '@') { /* unix(7): abstract names begin with and may hold NULs */
		to.u.un.sun_path[0] = '\0';
		to.len--;
	}
	if ((fd = socket(AF_UNIX, SOCK_DGRAM, 0)) < 0)
		return VZ_ESYSTEM;
	if (vz_nonblock_cloexec(fd) != 0 ||
	    sendto(fd, state, strlen(state), MSG_NOSIGNAL, &to.u.sa, to.len) < 0)
		r = VZ_ESYSTEM;
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}
