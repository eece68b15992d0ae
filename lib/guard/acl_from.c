#include "guard/acl_rule.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include "guard/acl.h"

#define RELAY "relay:"

/* True when the first `bits` of a and b are the same. */
static bool
same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

/* BITS of /BITS: one to three digits, no zero before others. */
static bool
parse_bits(const char *s, unsigned max, uint8_t *bits)
{
	unsigned n = 0;

	if (*s == '\0' || strlen(s) > 3 || (s[0] == '0' && s[1] != '\0'))
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (unsigned)(*s - '0');
	}
	*bits = (uint8_t)n;
	return n <= max;
}

/* Bits beyond the prefix are a typing error in one or the other. */
static bool
ends_in_zeros(const struct vz_from *f, unsigned total)
{
	uint8_t masked[16] = {0};
	unsigned whole = f->bits / 8;

	memcpy(masked, f->of.addr, whole);
	if (f->bits % 8 != 0)
		masked[whole] = (uint8_t)(f->of.addr[whole] & (0xff00 >> f->bits % 8));
	return memcmp(masked, f->of.addr, total / 8) == 0;
}

static bool
parse_cidr(char *text, struct vz_from *out)
{
	char *slash = strchr(text, '/');
	unsigned total;

	if (slash)
		*slash++ = '\0';
	if (inet_pton(AF_INET, text, out->of.addr) == 1) {
		out->kind = VZ_FROM_IPV4;
		total = 32;
	} else if (inet_pton(AF_INET6, text, out->of.addr) == 1) {
		static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};

		out->kind = VZ_FROM_IPV6;
		total = 128;
		/* RFC 4291 2.5.5.2: who comes so is asked about as IPv4. */
		if (same_prefix(out->of.addr, mapped, 96))
			return false;
	} else {
		return false;
	}
	out->bits = (uint8_t)total;
	return (!slash || parse_bits(slash, total, &out->bits)) && ends_in_zeros(out, total);
}

bool
vz_from_parse(const char *s, size_t len, struct vz_from *out)
{
	char text[INET6_ADDRSTRLEN + 4];

	memset(out, 0, sizeof(*out));
	if (len > strlen(RELAY) && memcmp(s, RELAY, strlen(RELAY)) == 0) {
		out->kind = VZ_FROM_RELAY;
		return vz_key_parse(s + strlen(RELAY), len - strlen(RELAY), &out->of.relay) == 0;
	}
	if (len >= sizeof(text) || memchr(s, '\0', len))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	return parse_cidr(text, out);
}

/* The address as a member of from= is compared with; false for what is none. */
static bool
address_of(const struct sockaddr *sa, struct vz_from *out)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa && sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		out->kind = VZ_FROM_IPV4;
		memcpy(out->of.addr, &in.sin_addr, 4);
		return true;
	}
	if (!sa || sa->sa_family != AF_INET6)
		return false;
	memcpy(&in6, sa, sizeof(in6));
	out->kind = IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) ? VZ_FROM_IPV4 : VZ_FROM_IPV6;
	if (out->kind == VZ_FROM_IPV4)
		memcpy(out->of.addr, in6.sin6_addr.s6_addr + 12, 4);
	else
		memcpy(out->of.addr, in6.sin6_addr.s6_addr, 16);
	return true;
}

bool
vz_grant_from_ok(const struct vz_grant *g, const struct sockaddr *sa)
{
	struct vz_from at = {0};

	if (!g->rule || g->rule->n_from == 0)
		return true;
	if (!address_of(sa, &at))
		return false;
	for (size_t i = 0; i < g->rule->n_from; i++) {
		const struct vz_from *f = &g->rule->from[i];

		if (f->kind == at.kind && same_prefix(f->of.addr, at.of.addr, f->bits))
			return true;
	}
	return false;
}

bool
vz_grant_from_relay_ok(const struct vz_grant *g, const struct vz_key *relay)
{
	if (!g->rule || g->rule->n_from == 0)
		return true;
	for (size_t i = 0; i < g->rule->n_from; i++)
		if (g->rule->from[i].kind == VZ_FROM_RELAY &&
		    vz_key_equal(&g->rule->from[i].of.relay, relay))
			return true;
	return false;
}
