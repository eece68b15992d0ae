#include "guard/pool.h"

#include <netinet/in.h>
#include <string.h>

#include "base/buf.h"

enum source_kind { SOURCE_OTHER, SOURCE_IPV4, SOURCE_IPV6, SOURCE_USER, SOURCE_RELAY };

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

/* Relays are few, and named by who listens there: a part of the key is enough. */
void
vz_source_of_relay(const struct vz_key *relay, struct vz_source *out)
{
	memset(out, 0, sizeof(*out));
	out->kind = SOURCE_RELAY;
	memcpy(out->bytes, relay->b, sizeof(out->bytes));
}

bool
vz_source_equal(const struct vz_source *a, const struct vz_source *b)
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
		held += vz_source_equal(&p->strangers[i].source, source);
	return held;
}

static size_t
oldest_of(const struct vz_pool *p, const struct vz_source *source)
{
	size_t i = 0;

	while (i < p->n_strangers && !vz_source_equal(&p->strangers[i].source, source))
		i++;
	return i;
}

/*
 * The oldest of the source that holds most, a punished one's counting double and more; of equals,
 * of the one that has waited longest. Of those that came until then; n_strangers: none.
 */
static size_t
oldest_of_greediest(const struct vz_pool *p, uint64_t until)
{
	size_t victim = p->n_strangers, most = 0;

	for (size_t i = 0; i < p->n_strangers; i++) {
		size_t held = held_by(p, &p->strangers[i].source) << p->strangers[i].level;

		if (held > most && p->strangers[i].since <= until) {
			most = held;
			victim = i;
		}
	}
	return victim;
}

/* Of those that have had their moment. */
static size_t
next_out(const struct vz_pool *p, uint64_t now)
{
	return now < VZ_POOL_MOMENT_MS ? p->n_strangers
				       : oldest_of_greediest(p, now - VZ_POOL_MOMENT_MS);
}

static struct vz_pool_place
take(struct vz_pool_place *places, size_t *n, size_t i)
{
	struct vz_pool_place taken = places[i];

	memmove(places + i, places + i + 1, (*n - i - 1) * sizeof(*places));
	(*n)--;
	return taken;
}

/* The one that its source has over its share, or n_strangers. */
static size_t
over_share(const struct vz_pool *p, const struct vz_source *source, unsigned level, uint64_t now)
{
	size_t i = oldest_of(p, source);

	if (held_by(p, source) < (size_t)VZ_POOL_PER_SOURCE >> level ||
	    now < p->strangers[i].since + VZ_POOL_MOMENT_MS)
		return p->n_strangers;
	return i;
}

void *
vz_pool_arrive(
    struct vz_pool *p, const struct vz_source *source, unsigned level, uint64_t now_ms, void *item)
{
	size_t i = over_share(p, source, level, now_ms);
	void *out = NULL;

	if (i == p->n_strangers && p->n_strangers == VZ_POOL_STRANGERS) {
		i = next_out(p, now_ms);
		if (i == p->n_strangers)
			i = oldest_of_greediest(p, UINT64_MAX);
	}
	if (i < p->n_strangers)
		out = take(p->strangers, &p->n_strangers, i).item;
	p->strangers[p->n_strangers++] = (struct vz_pool_place){
	    .item = item, .source = *source, .level = (uint8_t)level, .since = now_ms};
	return out;
}

void *
vz_pool_next_out(const struct vz_pool *p, uint64_t now_ms)
{
	size_t i = next_out(p, now_ms);

	return i < p->n_strangers ? p->strangers[i].item : NULL;
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

bool
vz_pool_save(
    struct vz_pool *p, const struct vz_source *source, unsigned level, uint64_t now_ms, void *item)
{
	if (p->n_callers == VZ_POOL_CALLERS)
		return false;
	p->callers[p->n_callers++] = (struct vz_pool_place){
	    .item = item, .source = *source, .level = (uint8_t)level, .since = now_ms};
	return true;
}

void *
vz_pool_disown(struct vz_pool *p, uint64_t now_ms, void *item)
{
	size_t i = find(p->callers, p->n_callers, item);
	struct vz_pool_place place;

	if (i == p->n_callers)
		return NULL;
	place = take(p->callers, &p->n_callers, i);
	return vz_pool_arrive(p, &place.source, place.level, now_ms, item);
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
