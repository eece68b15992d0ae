#include "guard/pool.h"

#include <netinet/in.h>
#include <string.h>

#include "base/buf.h"

enum source_kind { SOURCE_OTHER, SOURCE_IPV4, SOURCE_IPV6, SOURCE_USER };

void
vz_source_of(const struct sockaddr *sa, uint64_t uid, struct vz_source *out)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	memset(out, 0, sizeof(*out));
	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&in, sa, sizeof(in));
		out->kind = SOURCE_IPV4;
		memcpy(out->bytes, &in.sin_addr, 4);
		break;
	case AF_INET6:
		memcpy(&in6, sa, sizeof(in6));
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
			out->kind = SOURCE_IPV4;
			memcpy(out->bytes, in6.sin6_addr.s6_addr + 12, 4);
		} else {
			/* Whoever has one address of a /64 has them all. */
			out->kind = SOURCE_IPV6;
			memcpy(out->bytes, in6.sin6_addr.s6_addr, 8);
		}
		break;
	case AF_UNIX:
		out->kind = SOURCE_USER;
		vz_store64(out->bytes, uid);
		break;
	default: out->kind = SOURCE_OTHER; break;
	}
}

static bool
same_source(const struct vz_source *a, const struct vz_source *b)
{
	return a->kind == b->kind && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Places are kept in order of arrival, so the first one found is the oldest. */
static size_t
find(const struct vz_pool_place *places, size_t n, const void *item)
{
	size_t i = 0;

	while (i < n && places[i].item != item)
		i++;
	return i;
}

static size_t
held_by(const struct vz_pool *p, const struct vz_source *source)
{
	size_t held = 0;

	for (size_t i = 0; i < p->n_strangers; i++)
		held += same_source(&p->strangers[i].source, source);
	return held;
}

static size_t
oldest_of(const struct vz_pool *p, const struct vz_source *source)
{
	size_t i = 0;

	while (i < p->n_strangers && !same_source(&p->strangers[i].source, source))
		i++;
	return i;
}

/* The oldest of the source that holds most; of equals, of the one that has waited longest. */
static size_t
oldest_of_greediest(const struct vz_pool *p)
{
	size_t victim = 0, most = 0;

	for (size_t i = 0; i < p->n_strangers; i++) {
		size_t held = held_by(p, &p->strangers[i].source);

		if (held > most) {
			most = held;
			victim = i;
		}
	}
	return victim;
}

static struct vz_pool_place
take(struct vz_pool_place *places, size_t *n, size_t i)
{
	struct vz_pool_place taken = places[i];

	memmove(places + i, places + i + 1, (*n - i - 1) * sizeof(*places));
	(*n)--;
	return taken;
}

void *
vz_pool_arrive(struct vz_pool *p, const struct vz_source *source, void *item)
{
	void *out = NULL;

	if (held_by(p, source) >= VZ_POOL_PER_SOURCE)
		out = take(p->strangers, &p->n_strangers, oldest_of(p, source)).item;
	else if (p->n_strangers == VZ_POOL_STRANGERS)
		out = take(p->strangers, &p->n_strangers, oldest_of_greediest(p)).item;
	p->strangers[p->n_strangers++] = (struct vz_pool_place){.item = item, .source = *source};
	return out;
}

bool
vz_pool_call(struct vz_pool *p, void *item)
{
	size_t i = find(p->strangers, p->n_strangers, item);

	if (i == p->n_strangers)
		return vz_pool_is_caller(p, item);
	if (p->n_callers == VZ_POOL_CALLERS)
		return false;
	p->callers[p->n_callers++] = take(p->strangers, &p->n_strangers, i);
	return true;
}

void *
vz_pool_disown(struct vz_pool *p, void *item)
{
	size_t i = find(p->callers, p->n_callers, item);
	struct vz_source source;

	if (i == p->n_callers)
		return NULL;
	source = take(p->callers, &p->n_callers, i).source;
	return vz_pool_arrive(p, &source, item);
}

void
vz_pool_leave(struct vz_pool *p, const void *item)
{
	size_t i = find(p->strangers, p->n_strangers, item);

	if (i < p->n_strangers) {
		take(p->strangers, &p->n_strangers, i);
		return;
	}
	i = find(p->callers, p->n_callers, item);
	if (i < p->n_callers)
		take(p->callers, &p->n_callers, i);
}

bool
vz_pool_is_caller(const struct vz_pool *p, const void *item)
{
	return find(p->callers, p->n_callers, item) < p->n_callers;
}
