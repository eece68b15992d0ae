/*
 * The environment of a handler (DESIGN 8): what was inherited, less what could mislead it or give a
 * secret away, plus what it may know of the message. Pure: the environment comes in as a value.
 */
#ifndef VZ_FLOW_HANDLER_ENV_H
#define VZ_FLOW_HANDLER_ENV_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a handler is told. The first five are always set, to nothing when NULL; the others are set
 * when not NULL. Texts that a peer chose are escaped by the caller.
 */
struct vz_handler_facts {
	const char *peer;         /* VZ_PEER: vz1... */
	const char *peer_name;    /* VZ_PEER_NAME: from `authorized` */
	const char *remote;       /* VZ_REMOTE */
	const char *message_id;   /* VZ_MESSAGE_ID */
	const char *message_name; /* VZ_MESSAGE_NAME, escaped */
	uint64_t attempt;         /* VZ_ATTEMPT */
	const char *is_signed;    /* VZ_SIGNED: 1 */
	const char *manifest_fd;  /* VZ_MANIFEST_FD: 3 */

	const char *proto;                   /* PROTO: TCP or IPC */
	const char *remote_ip, *remote_port; /* TCPREMOTEIP, TCPREMOTEPORT */
	const char *local_ip, *local_port;   /* TCPLOCALIP, TCPLOCALPORT */
	const char *remote_euid;             /* IPCREMOTEEUID */
};

/*
 * True for what no handler inherits: LISTEN_*, NOTIFY_SOCKET, WATCHDOG_*, CREDENTIALS_DIRECTORY,
 * VZ_* (with it VZ_IDENTITY and VZ_ASKPASS), PROTO, TCP*, IPCREMOTE*, IPCLOCAL*. `entry` is
 * NAME=VALUE.
 */
bool vz_handler_env_drops(const char *entry);
/* True for what vz_handler_env may add. */
bool vz_handler_env_adds(const char *entry);
/*
 * The environment for one run, ended by NULL. facts NULL: only the removals (a coprocess serves
 * many messages). The entries of `inherited` are borrowed. VZ_ENOMEM. *out is one allocation: free.
 */
int vz_handler_env(char *const inherited[], const struct vz_handler_facts *facts, char ***out);

#endif
