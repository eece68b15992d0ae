#include "cmd/common/lent.h"

#include <stdlib.h>

#include "cmd/common/diag.h"

struct lent *
lent_new(const struct self *me)
{
	struct lent *l = calloc(1, sizeof(*l));

	if (l)
		l->identity = me->identity;
	return l;
}

static void
drop_if_unused(struct lent *l)
{
	if (!l->replaced || l->users > 0)
		return;
	vz_identity_free(l->identity);
	free(l);
}

/* 1 another key, 0 the same, negative: the old one stays. */
static int
read_again(struct self *me, struct lent **l, bool any)
{
	struct vz_key before = me->identity->bundle.identity;
	struct self probe = *me;
	struct lent *old = *l, *fresh;
	int r;

	/* Without one it frees none: the old one may be lent. */
	probe.identity = NULL;
	r = self_reload(&probe);
	me->seen = probe.seen;
	if (r <= 0)
		return -1;
	if (!any && !vz_key_equal(&before, &probe.identity->bundle.identity)) {
		vz_identity_free(probe.identity);
		return -1;
	}
	fresh = lent_new(&probe);
	if (!fresh) {
		vz_identity_free(probe.identity);
		return -1;
	}
	me->identity = probe.identity;
	*l = fresh;
	old->replaced = true;
	drop_if_unused(old);
	diag_verbose(1, "identity read again");
	return !vz_key_equal(&before, &fresh->identity->bundle.identity);
}

bool
lent_refresh(struct self *me, struct lent **l)
{
	return read_again(me, l, true) == 1;
}

void
lent_renew(struct self *me, struct lent **l)
{
	(void)read_again(me, l, false);
}

struct lent *
lent_take(struct lent *l)
{
	l->users++;
	return l;
}

void
lent_give_back(struct lent *l)
{
	if (!l)
		return;
	l->users--;
	drop_if_unused(l);
}
