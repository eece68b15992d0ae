/*
 * Words for the service manager (sd_notify(3)), without its library.
 */
#ifndef VZ_NET_NOTIFY_H
#define VZ_NET_NOTIFY_H

#define VZ_NOTIFY_READY    "READY=1"
#define VZ_NOTIFY_STOPPING "STOPPING=1"
#define VZ_NOTIFY_ALIVE    "WATCHDOG=1"

/*
 * Sends state (lines VARIABLE=VALUE) to the socket that $NOTIFY_SOCKET names: /path or @abstract.
 * NULL or "" = nobody asked: 0. Never waits. VZ_EFORMAT, VZ_ELIMIT (too long), VZ_ESYSTEM.
 */
int vz_notify(const char *notify_socket, const char *state);

#endif
