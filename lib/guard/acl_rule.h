/*
 * What the options of an authorised line demand (vz-authorized(5)), beside its rights. The
 * questions that callers ask are in acl.h.
 */
#ifndef VZ_GUARD_ACL_RULE_H
#define VZ_GUARD_ACL_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "id/key.h"

#define VZ_RULE_ARGS 64 /* words of a command */

/* One member of from="...". */
struct vz_from {
	uint8_t bits; /* of the prefix */
	enum { VZ_FROM_IPV4, VZ_FROM_IPV6, VZ_FROM_RELAY } kind;
	union {
		uint8_t addr[16]; /* IPv4 in the first 4 */
		struct vz_key relay;
	} of;
};

/* Shared by the grants that hold it, and not changed once its line is read. */
struct vz_rule {
	size_t holders;
	unsigned given; /* one bit for each option of acl_options.c */
	struct vz_from *from;
	size_t n_from;
	uint64_t rate, burst; /* messages a second, at once; 0 = no limit */
	uint64_t bytes;       /* a second; 0 = no limit */
	uint64_t max_size;    /* of a message; 0 = no limit */
	uint64_t max_conns;   /* 0 = no limit */
	int64_t expires;      /* Unix seconds; 0 = never */
	char *words;          /* those of argv, each with its NUL */
	char **argv;          /* the command; NULL = none */
	char *name_match;     /* NULL = any name */
};

/* Holds one for the caller. NULL when memory is short. */
struct vz_rule *vz_rule_new(void);
/* NULL is none, for both. */
struct vz_rule *vz_rule_hold(struct vz_rule *r);
void vz_rule_release(struct vz_rule *r);

/*
 * One member of from="...": an address of IPv4 or IPv6 with or without /BITS, or relay:vz1... False
 * when it is none, has bits beyond its prefix, or can match nothing (IPv4 written as IPv6).
 */
bool vz_from_parse(const char *s, size_t len, struct vz_from *out);

#endif
