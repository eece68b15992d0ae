#include "cmd/vz-listen/facts.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/common/diag.h"
#include "cmd/vz-listen/signed.h"
#include "flow/handler_env.h"
#include "net/sockopt.h"

#define NAME_SHOWN (4 * VZ_NAME_MAX + 4)

struct place {
	char ip[64], port[16];
};

static bool
place_of(const struct sockaddr_storage *sa, socklen_t len, struct place *p)
{
	if (sa->ss_family != AF_INET && sa->ss_family != AF_INET6)
		return false;
	return getnameinfo((const struct sockaddr *)sa, len, p->ip, sizeof(p->ip), p->port,
		   sizeof(p->port), NI_NUMERICHOST | NI_NUMERICSERV) == 0;
}

/* The UCSPI variables. */
static void
add_ends(const struct visit *v, struct vz_handler_facts *f)
{
	static struct place remote, local;
	static char euid[24];
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	int fd = v->conn ? vz_conn_fd(v->conn) : -1;
	uid_t uid;

	/* What is at the other end there is the relay. */
	if (fd < 0 || v->who.relayed || getpeername(fd, (struct sockaddr *)&sa, &len) < 0)
		return;
	if (sa.ss_family == AF_UNIX) {
		f->proto = "IPC";
		if (vz_peer_uid(fd, &uid) == 0) {
			snprintf(euid, sizeof(euid), "%lu", (unsigned long)uid);
			f->remote_euid = euid;
		}
		return;
	}
	f->proto = "TCP";
	if (place_of(&sa, len, &remote)) {
		f->remote_ip = remote.ip;
		f->remote_port = remote.port;
	}
	len = sizeof(sa);
	if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0 && place_of(&sa, len, &local)) {
		f->local_ip = local.ip;
		f->local_port = local.port;
	}
}

int
facts_env(const struct incoming *in, char ***out)
{
	const struct visit *v = in->visit;
	char name[NAME_SHOWN], peer_name[NAME_SHOWN];
	struct vz_handler_facts f = {
	    .peer = v->who.key_text,
	    .peer_name = diag_escape(
		peer_name, sizeof(peer_name), v->who.grant.name, strlen(v->who.grant.name)),
	    .remote = v->who.remote,
	    .message_id = in->id,
	    .message_name = diag_escape(name, sizeof(name), in->name, in->name_len),
	    .attempt = (uint64_t)in->attempt + 1,
	    .is_signed = signed_is(in) ? "1" : NULL,
	    .manifest_fd = in->proof ? "3" : NULL,
	};

	add_ends(v, &f);
	return vz_handler_env(environ, &f, out);
}
