/*
 * Addresses (DESIGN 4; ABNF in vz(7)). Pure: names from the peers file come in by callback.
 */
#ifndef VZ_ID_ADDRESS_H
#define VZ_ID_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "id/key.h"

#define VZ_HOST_MAX         253
#define VZ_PATH_MAX         107 /* sun_path less its NUL on Linux */
#define VZ_ADDRESS_TEXT_MAX 768
#define VZ_ADDRESS_DEPTH    2 /* a peer behind at most one relay */

enum vz_address_kind {
	VZ_ADDRESS_TCP,   /* host, port */
	VZ_ADDRESS_UNIX,  /* path */
	VZ_ADDRESS_RELAY, /* through another address */
};

/* Where one end of a connection is. */
struct vz_endpoint {
	enum vz_address_kind kind;
	bool numeric;               /* TCP: host is a literal, no resolver needed */
	char host[VZ_HOST_MAX + 1]; /* TCP: name or literal without brackets; "" = any (listen) */
	uint16_t port;              /* TCP: 0 only when listening */
	char path[VZ_PATH_MAX + 1]; /* UNIX: absolute */
};

/* A destination: whom, and where. */
struct vz_address {
	struct vz_key key;
	char name[256];        /* the peers name that it came from, or "" */
	struct vz_endpoint at; /* kind RELAY: the relay's own endpoint */
	bool relayed;          /* then relay_key is the relay's identity */
	struct vz_key relay_key;
};

/*
 * Looks NAME up: 0 and the address text (borrowed until the next call), or VZ_ENOTFOUND.
 */
typedef int vz_lookup_fn(void *arg, const char *name, size_t len, const char **text);

/*
 * Parses a destination: KEY@HOST:PORT, KEY@[v6]:PORT, KEY@/path, NAME, KEY@RELAY (an address or a
 * name). Whole string s[0..len). VZ_EFORMAT and *why (static words), VZ_EAUTH (key mistyped),
 * VZ_ENOTFOUND (no such name), VZ_ELIMIT (nested too deep, too long). why may be NULL.
 */
int vz_address_parse(const char *s, size_t len, vz_lookup_fn *lookup, void *arg,
    struct vz_address *out, const char **why);
/* Writes it in the form that vz_address_parse reads. VZ_ELIMIT. */
int vz_address_format(const struct vz_address *a, char *out, size_t cap);

/* What a listen ADDRESS binds. */
struct vz_listen_address {
	struct vz_endpoint
	    at;        /* host "" with both families = *, "127.0.0.1"/"::1" pair = loopback */
	bool loopback; /* PORT or :PORT: loopback of both families */
	bool any;      /* *:PORT: all addresses of both families */
	bool relay;    /* a key was named: register at a relay (key in relay_key, place in at) */
	struct vz_key relay_key;
};
/* PORT, :PORT, *:PORT, HOST:PORT, [v6]:PORT, /path, or a relay's address. Errors as above. */
int vz_listen_address_parse(const char *s, vz_lookup_fn *lookup, void *arg,
    struct vz_listen_address *out, const char **why);
/* True for [A-Za-z][A-Za-z0-9._-]*, at most 63 bytes, not beginning with vz1. */
bool vz_peer_name_ok(const char *s, size_t len);

#endif
