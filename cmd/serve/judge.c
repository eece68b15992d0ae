#include "cmd/serve/judge.h"

#include <sys/socket.h>
#include <time.h>

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/serve/report.h"
#include "keep/serials.h"

static const char unknown[] = "this key is not authorised here";

bool
judge_is_stranger(struct verdict v)
{
	return v.words == unknown;
}

static bool
comes_from_ok(const struct vz_grant *grant, int fd)
{
	struct sockaddr_storage from = {0};
	socklen_t len = sizeof(from);
	const struct sockaddr *sa = NULL;

	/* One that is gone already came from nowhere that matches. */
	if (fd >= 0 && getpeername(fd, (struct sockaddr *)&from, &len) == 0)
		sa = (const struct sockaddr *)&from;
	return vz_grant_from_ok(grant, sa);
}

const char *
judge_grant(const struct caller *c, const struct vz_grant *grant, int fd)
{
	if (c->relayed && !vz_grant_from_relay_ok(grant, &c->relay))
		return "this key may not come through that relay";
	if (!c->relayed && !comes_from_ok(grant, fd))
		return "this key may not come from that address";
	if (vz_grant_expired(grant, (int64_t)time(NULL)))
		return "this key's right has expired";
	return NULL;
}

static struct verdict
judge_rights(struct caller *c, const struct self *me, int fd)
{
	const char *words;

	switch (vz_acl_check(me->acl, &c->key, &c->grant)) {
	case 0:
		words = judge_grant(c, &c->grant, fd);
		return (struct verdict){words ? VZ_EXIT_REFUSED : 0, words};
	case VZ_EREVOKED: return (struct verdict){VZ_EXIT_REFUSED, "this key is revoked"};
	default: return (struct verdict){VZ_EXIT_REFUSED, unknown};
	}
}

/* Only an authorised identity may add to the memory, or strangers would fill it (DESIGN 4). */
static struct verdict
judge_bundle(
    const struct caller *c, const struct self *me, const struct vz_bundle *b, const char *no_memory)
{
	int r = vz_serials_raise(me->state_dir, b);

	switch (r) {
	case 0: break;
	case VZ_EROLLBACK:
		return (struct verdict){
		    VZ_EXIT_REFUSED, "an older bundle of this key than one already seen"};
	case VZ_ECLASH: return (struct verdict){VZ_EXIT_REFUSED, "two hosts share this identity"};
	default:
		report_memory_failed(c, me->state_dir, r);
		return (struct verdict){VZ_EXIT_TEMPFAIL, no_memory};
	}
	if (b->not_after != 0 && (uint64_t)time(NULL) >= b->not_after)
		return (struct verdict){VZ_EXIT_REFUSED, "this key's bundle is past its not-after"};
	return (struct verdict){0};
}

struct verdict
judge_caller(struct caller *c, const struct self *me, const struct vz_bundle *b, int fd,
    const char *no_memory)
{
	struct verdict no;

	c->key = b->identity;
	vz_key_format(&c->key, c->key_text);
	no = judge_rights(c, me, fd);
	return no.status != 0 ? no : judge_bundle(c, me, b, no_memory);
}

struct verdict
judge_key(struct caller *c, const struct self *me)
{
	return judge_rights(c, me, -1);
}

const char *
judge_again(struct caller *c, const struct self *me, int fd)
{
	const char *words = "this key is no longer authorised here";
	struct vz_grant now;

	if (vz_acl_check(me->acl, &c->key, &now) < 0)
		return words;
	words = judge_grant(c, &now, fd);
	if (words) {
		vz_grant_release(&now);
		return words;
	}
	vz_grant_release(&c->grant);
	c->grant = now; /* moved */
	return NULL;
}
