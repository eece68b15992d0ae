#include "cmd/vz-send/check_hint.h"

#include <string.h>

#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

const char *
check_step_name(enum check_step step)
{
	static const char *const names[] = {
	    [CHECK_RESOLVE] = "resolve",
	    [CHECK_CONNECT] = "connect",
	    [CHECK_RELAY] = "relay",
	    [CHECK_MATCH] = "match",
	    [CHECK_HANDSHAKE] = "handshake",
	    [CHECK_IDENTITY] = "identity",
	    [CHECK_RIGHTS] = "rights",
	    [CHECK_ROUND_TRIP] = "round trip",
	};

	return names[step];
}

static void
hint_resolve(const struct link *k)
{
	/* A host's name has no byte that a shell or a terminal minds. */
	diag_hint(
	    "is the name right? 'getent hosts %s' shows what this host finds; the other host's "
	    "IP address can stand in its place",
	    k->to.at.host);
}

static void
hint_connect(const struct link *k)
{
	const char *program = k->to.relayed ? "vz-relay" : "vz-listen";
	char path[512];

	if (k->to.at.kind == VZ_ADDRESS_UNIX)
		diag_hint("look at 'ls -l %s': is it there, and may this user write to it? %s "
			  "--socket-mode says who may",
		    diag_escape(path, sizeof(path), k->to.at.path, strlen(k->to.at.path)), program);
	else
		diag_hint("does %s there listen at *:%u (%u alone is for its own host only)? does "
			  "every firewall in between let port %u pass?",
		    program, k->to.at.port, k->to.at.port, k->to.at.port);
}

static void
hint_match(int status)
{
	if (status == VZ_EXIT_UNAVAILABLE)
		diag_hint("there: vz-listen has to say 'listening on' with the relay in the "
			  "address, and go on: -k, --dir or a COMMAND");
	else if (status == VZ_EXIT_TEMPFAIL)
		diag_hint("its vz-listen is registered, and was not heard of: can that host still "
			  "reach the relay? its own words tell, with -v");
}

static void
hint_rights(int status)
{
	if (status == VZ_EXIT_TEMPFAIL)
		diag_hint("vz-listen there is busy, is stopping, or asks its owner: its own words "
			  "tell; without -k it serves one session");
	else
		diag_hint("the words of vz-listen there name this host's key, and the file that it "
			  "reads");
}

void
check_hint(enum check_step step, const struct link *k, int status)
{
	if (status == VZ_EXIT_OSERR || status == VZ_EXIT_SOFTWARE)
		return; /* our own trouble */
	switch (step) {
	case CHECK_RESOLVE: hint_resolve(k); break;
	case CHECK_CONNECT: hint_connect(k); break;
	case CHECK_RELAY:
		diag_hint(
		    "does 'vz-keygen -y' at the relay print the key before its place? does it "
		    "ask for a --relay-psk-file?");
		break;
	case CHECK_MATCH: hint_match(status); break;
	case CHECK_HANDSHAKE:
		diag_hint("does 'vz-keygen -y' there print the key before the @? is --psk-file the "
			  "same on both sides, or on neither?");
		break;
	case CHECK_IDENTITY:
		diag_hint("vz-keygen -l there shows who it is; what this host holds against it is "
			  "in the file revoked beside the identity, and in --state");
		break;
	case CHECK_RIGHTS: hint_rights(status); break;
	case CHECK_ROUND_TRIP:
		diag_hint("the connection was made and then lost: vz-listen may have ended, or the "
			  "network drops what is long, or late (VPN, NAT, MTU)");
		break;
	}
}
