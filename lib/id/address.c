#include "id/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "base/err.h"

/* A name may stand for a name; more steps than this are a circle. */
#define NAMES_MAX 8
/* IF_NAMESIZE less its NUL. */
#define ZONE_MAX 15

/* What is being parsed, handed down. */
struct parse {
	vz_lookup_fn *lookup;
	void *arg;
	unsigned names; /* looked up so far */
	const char *why;
};

static int
fail(struct parse *p, int err, const char *why)
{
	p->why = why;
	return err;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_key_text(const char *s, size_t len)
{
	return len >= 3 && (s[0] == 'v' || s[0] == 'V') && (s[1] == 'z' || s[1] == 'Z') &&
	    s[2] == '1';
}

bool
vz_peer_name_ok(const char *s, size_t len)
{
	if (len < 1 || len > 63 || !is_letter(s[0]) || is_key_text(s, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_letter(s[i]) && !is_digit(s[i]) && s[i] != '.' && s[i] != '_' &&
		    s[i] != '-')
			return false;
	return true;
}

/* 1-65535 (0 too where `zero`): digits only, no leading zero. */
static int
parse_port(struct parse *p, const char *s, size_t len, bool zero, uint16_t *out)
{
	uint32_t v = 0;

	if (len == 0)
		return fail(p, VZ_EFORMAT, "the port is missing");
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(s[i]))
			return fail(p, VZ_EFORMAT, "the port is not a number");
		v = v * 10 + (uint32_t)(s[i] - '0');
		if (v > 65535)
			return fail(p, VZ_EFORMAT, "the port is over 65535");
	}
	if (len > 1 && s[0] == '0')
		return fail(p, VZ_EFORMAT, "the port begins with a zero");
	if (v == 0 && !zero)
		return fail(p, VZ_EFORMAT, "port 0 can only be listened on");
	*out = (uint16_t)v;
	return 0;
}

static bool
host_byte_ok(char c)
{
	return is_letter(c) || is_digit(c) || c == '-' || c == '_';
}

/* Labels of letters, digits, '-' and '_', 1 to 63 bytes each (RFC 1123 2.1); a final dot may stay.
 */
static bool
host_ok(const char *s, size_t len)
{
	size_t label = 0;

	if (len > 0 && s[len - 1] == '.')
		len--;
	if (len == 0 || s[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '.' ? label == 0 : !host_byte_ok(s[i]))
			return false;
		label = s[i] == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0;
}

/*
 * True when the last label is a number, decimal or hexadecimal: the resolver would read 127.1 or
 * 0x7f000001 as an IPv4 address (inet_aton(3)), which is more than the eye sees.
 */
static bool
host_ends_in_number(const char *s, size_t len)
{
	size_t at;

	if (len > 0 && s[len - 1] == '.')
		len--;
	for (at = len; at > 0 && s[at - 1] != '.'; at--)
		continue;
	if (len - at > 1 && s[at] == '0' && (s[at + 1] == 'x' || s[at + 1] == 'X'))
		return true;
	while (at < len && is_digit(s[at]))
		at++;
	return at == len;
}

static int
parse_host(struct parse *p, const char *s, size_t len, struct vz_endpoint *out)
{
	struct in_addr v4;

	if (len == 0)
		return fail(p, VZ_EFORMAT, "the host is missing");
	if (len > VZ_HOST_MAX)
		return fail(p, VZ_ELIMIT, "the host name is over 253 bytes");
	if (!host_ok(s, len))
		return fail(p, VZ_EFORMAT, "not a host name");
	memcpy(out->host, s, len);
	out->host[len] = '\0';
	out->numeric = inet_pton(AF_INET, out->host, &v4) == 1;
	if (!out->numeric && host_ends_in_number(s, len))
		return fail(p, VZ_EFORMAT, "not an IPv4 address");
	return 0;
}

static bool
zone_ok(const char *s, size_t len)
{
	if (len < 1 || len > ZONE_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!host_byte_ok(s[i]) && s[i] != '.')
			return false;
	return true;
}

/* The inside of the brackets: an address and, after %, an interface (RFC 4007 11). */
static int
parse_v6(struct parse *p, const char *s, size_t len, struct vz_endpoint *out)
{
	const char *zone = memchr(s, '%', len);
	size_t n = zone ? (size_t)(zone - s) : len;
	struct in6_addr v6;

	if (n >= INET6_ADDRSTRLEN)
		return fail(p, VZ_EFORMAT, "not an IPv6 address");
	memcpy(out->host, s, n);
	out->host[n] = '\0';
	if (inet_pton(AF_INET6, out->host, &v6) != 1)
		return fail(p, VZ_EFORMAT, "not an IPv6 address");
	if (zone && !zone_ok(zone + 1, len - n - 1))
		return fail(p, VZ_EFORMAT, "not a zone of an IPv6 address");
	memcpy(out->host, s, len);
	out->host[len] = '\0';
	out->numeric = true;
	return 0;
}

static int
parse_path(struct parse *p, const char *s, size_t len, struct vz_endpoint *out)
{
	if (len > VZ_PATH_MAX)
		return fail(p, VZ_ELIMIT, "the socket's path is over 107 bytes");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return fail(p, VZ_EFORMAT, "the socket's path holds a control character");
	out->kind = VZ_ADDRESS_UNIX;
	memcpy(out->path, s, len);
	out->path[len] = '\0';
	return 0;
}

/* HOST:PORT, [v6]:PORT or /path. */
static int
parse_endpoint(struct parse *p, const char *s, size_t len, bool zero, struct vz_endpoint *out)
{
	const char *colon;
	int err;

	memset(out, 0, sizeof(*out));
	if (len > 0 && s[0] == '/')
		return parse_path(p, s, len, out);
	out->kind = VZ_ADDRESS_TCP;
	if (len > 0 && s[0] == '[') {
		const char *close = memchr(s, ']', len);
		size_t n;

		if (!close)
			return fail(p, VZ_EFORMAT, "the ] is missing");
		n = (size_t)(close - s) + 1;
		if (n == len || s[n] != ':')
			return fail(p, VZ_EFORMAT, "a port goes after the ]: [ADDRESS]:PORT");
		err = parse_v6(p, s + 1, n - 2, out);
		return err ? err : parse_port(p, s + n + 1, len - n - 1, zero, &out->port);
	}
	colon = memchr(s, ':', len);
	if (!colon)
		return fail(p, VZ_EFORMAT, "the port is missing: HOST:PORT");
	if (memchr(colon + 1, ':', len - (size_t)(colon - s) - 1))
		return fail(p, VZ_EFORMAT, "an IPv6 address goes in brackets: [ADDRESS]:PORT");
	err = parse_host(p, s, (size_t)(colon - s), out);
	return err ? err
		   : parse_port(p, colon + 1, len - (size_t)(colon - s) - 1, zero, &out->port);
}

/*
 * Follows names until a text with a key comes. The text is the callback's until the next call, so
 * the name is copied before it.
 */
static int
follow(struct parse *p, const char **s, size_t *len)
{
	char name[64];

	while (!memchr(*s, '@', *len)) {
		if (is_key_text(*s, *len))
			return fail(p, VZ_EFORMAT, "a key needs a place: KEY@HOST:PORT");
		if (!vz_peer_name_ok(*s, *len))
			return fail(p, VZ_EFORMAT, "neither KEY@HOST:PORT, KEY@/path nor a name");
		if (p->names++ == NAMES_MAX)
			return fail(p, VZ_ELIMIT, "names lead to names in a circle");
		memcpy(name, *s, *len);
		name[*len] = '\0';
		if (!p->lookup || p->lookup(p->arg, name, *len, s) != 0)
			return fail(p, VZ_ENOTFOUND, "no such name in the peers file");
		*len = strlen(*s);
		if (*len >= VZ_ADDRESS_TEXT_MAX)
			return fail(p, VZ_ELIMIT, "the address is too long");
	}
	return 0;
}

static int
parse_key(struct parse *p, const char *s, size_t len, struct vz_key *out)
{
	int err;

	if (len == 0)
		return fail(p, VZ_EFORMAT, "the key is missing");
	if (!is_key_text(s, len))
		return fail(p, VZ_EFORMAT, "what stands before @ is not a vz1 key");
	err = vz_key_parse(s, len, out);
	/* The checksum catches typing errors; a bad point that passes it is no key either. */
	return err ? fail(p, VZ_EAUTH, "the key is mistyped") : 0;
}

/* A place after KEY@ is another address or a name when no HOST:PORT nor /path can begin so. */
static bool
is_relay(const char *s, size_t len)
{
	if (len > 0 && (s[0] == '/' || s[0] == '['))
		return false;
	return memchr(s, '@', len) || !memchr(s, ':', len);
}

/* One step outside in: the key, then the place or, once, a relay. */
static int
parse_address(struct parse *p, const char *s, size_t len, unsigned depth, struct vz_key *key,
    struct vz_address *out)
{
	const char *at;
	size_t rest;
	int err = follow(p, &s, &len);

	if (err)
		return err;
	at = memchr(s, '@', len);
	rest = len - (size_t)(at - s) - 1;
	err = parse_key(p, s, (size_t)(at - s), key);
	if (err)
		return err;
	if (rest == 0)
		return fail(p, VZ_EFORMAT, "the place after @ is missing");
	if (!is_relay(at + 1, rest))
		return parse_endpoint(p, at + 1, rest, false, &out->at);
	if (depth + 1 == VZ_ADDRESS_DEPTH)
		return fail(p, VZ_ELIMIT, "a relay cannot be behind a relay");
	out->relayed = true;
	return parse_address(p, at + 1, rest, depth + 1, &out->relay_key, out);
}

static int
parse_whole(struct parse *p, const char *s, size_t len, struct vz_address *out)
{
	if (len == 0)
		return fail(p, VZ_EFORMAT, "the address is empty");
	if (len >= VZ_ADDRESS_TEXT_MAX)
		return fail(p, VZ_ELIMIT, "the address is too long");
	if (memchr(s, '\0', len))
		return fail(p, VZ_EFORMAT, "the address holds a NUL");
	if (vz_peer_name_ok(s, len))
		memcpy(out->name, s, len);
	return parse_address(p, s, len, 0, &out->key, out);
}

int
vz_address_parse(const char *s, size_t len, vz_lookup_fn *lookup, void *arg, struct vz_address *out,
    const char **why)
{
	struct parse p = {.lookup = lookup, .arg = arg, .why = ""};
	int err;

	memset(out, 0, sizeof(*out));
	err = parse_whole(&p, s, len, out);
	if (err)
		memset(out, 0, sizeof(*out));
	if (why)
		*why = p.why;
	return err;
}

static int
format_endpoint(const struct vz_endpoint *e, char *out, size_t cap)
{
	int n;

	if (e->kind == VZ_ADDRESS_UNIX)
		n = snprintf(out, cap, "%s", e->path);
	else if (strchr(e->host, ':'))
		n = snprintf(out, cap, "[%s]:%u", e->host, e->port);
	else
		n = snprintf(out, cap, "%s:%u", e->host, e->port);
	return n >= 0 && (size_t)n < cap ? 0 : VZ_ELIMIT;
}

int
vz_address_format(const struct vz_address *a, char *out, size_t cap)
{
	char key[VZ_KEY_TEXT], relay[VZ_KEY_TEXT];
	int n;

	vz_key_format(&a->key, key);
	if (a->relayed) {
		vz_key_format(&a->relay_key, relay);
		n = snprintf(out, cap, "%s@%s@", key, relay);
	} else {
		n = snprintf(out, cap, "%s@", key);
	}
	if (n < 0 || (size_t)n >= cap)
		return VZ_ELIMIT;
	return format_endpoint(&a->at, out + n, cap - (size_t)n);
}

/* A listener that names a key wants a relay there, and relays are not behind relays. */
static int
parse_listen_relay(struct parse *p, const char *s, size_t len, struct vz_listen_address *out)
{
	struct vz_address a;
	int err;

	memset(&a, 0, sizeof(a));
	err = parse_whole(p, s, len, &a);
	if (err)
		return err;
	if (a.relayed)
		return fail(p, VZ_ELIMIT, "a relay cannot be behind a relay");
	out->relay = true;
	out->relay_key = a.key;
	out->at = a.at;
	return 0;
}

static bool
all_digits(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_digit(s[i]))
			return false;
	return len > 0;
}

/* Whoever overlooks the flag still binds this host only. */
static int
parse_listen_loopback(struct parse *p, const char *s, size_t len, struct vz_listen_address *out)
{
	out->loopback = true;
	out->at.numeric = true;
	memcpy(out->at.host, "127.0.0.1", sizeof("127.0.0.1"));
	return parse_port(p, s, len, true, &out->at.port);
}

static int
parse_listen(struct parse *p, const char *s, size_t len, struct vz_listen_address *out)
{
	if (len == 0)
		return fail(p, VZ_EFORMAT, "the address is empty");
	if (all_digits(s, len))
		return parse_listen_loopback(p, s, len, out);
	if (s[0] == ':' && all_digits(s + 1, len - 1))
		return parse_listen_loopback(p, s + 1, len - 1, out);
	if (len > 1 && s[0] == '*' && s[1] == ':') {
		out->any = true;
		return parse_port(p, s + 2, len - 2, true, &out->at.port);
	}
	if (s[0] != '/' && (memchr(s, '@', len) || vz_peer_name_ok(s, len) || is_key_text(s, len)))
		return parse_listen_relay(p, s, len, out);
	return parse_endpoint(p, s, len, true, &out->at);
}

int
vz_listen_address_parse(
    const char *s, vz_lookup_fn *lookup, void *arg, struct vz_listen_address *out, const char **why)
{
	struct parse p = {.lookup = lookup, .arg = arg, .why = ""};
	int err;

	memset(out, 0, sizeof(*out));
	err = parse_listen(&p, s, strlen(s), out);
	if (err)
		memset(out, 0, sizeof(*out));
	if (why)
		*why = p.why;
	return err;
}
