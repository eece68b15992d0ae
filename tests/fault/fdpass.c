/*
 * fdpass: hands a listening socket to a command, as a service manager does.
 *
 *	fdpass --ready-fd N -- COMMAND ARG...
 *
 * Binds 127.0.0.1 with a port of the system's choice, writes `127.0.0.1:PORT` and a newline to
 * descriptor N and closes it, and becomes the command with the socket as descriptor 3 and
 * LISTEN_PID and LISTEN_FDS set. (systemd-socket-activate wants a port number beforehand, and two
 * tests at a time would meet there.) Exit status: 64 wrong use, 71 the system refused, else the
 * command's.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct sockaddr_in here = {.sin_family = AF_INET};
	socklen_t len = sizeof(here);
	char pid[16];
	int fd, ready;

	if (argc < 5 || strcmp(argv[1], "--ready-fd") != 0 || strcmp(argv[3], "--") != 0)
		errx(64, "usage: fdpass --ready-fd N -- COMMAND ARG...");
	ready = atoi(argv[2]);
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&here, len) < 0 || listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&here, &len) < 0)
		err(71, "127.0.0.1");
	dprintf(ready, "127.0.0.1:%u\n", ntohs(here.sin_port));
	if (ready != 3)
		close(ready);
	if (fd != 3 && (dup2(fd, 3) < 0 || close(fd) < 0))
		err(71, "descriptor 3");
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	execvp(argv[4], argv + 4);
	err(71, "%s", argv[4]);
}
