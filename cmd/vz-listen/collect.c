#include "cmd/vz-listen/collect_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/exit.h"
#include "keep/mailbook.h"

static struct collect *
of_post(struct post *p)
{
	return &p->srv->collects.all[p - p->srv->posts.all];
}

static void
on_post_event(struct post *p, const struct vz_relay_event *ev)
{
	struct collect *c = of_post(p);

	/* It may be another store than before, with other numbers. */
	if (ev->type == VZ_RELAY_EVENT_REGISTERED)
		c->high = 0;
	if (ev->type != VZ_RELAY_EVENT_MAIL)
		return;
	c->news = true;
	collect_soon(c, 0);
}

static bool
has_relays(const struct server *srv)
{
	for (int i = 0; i < srv->options->serve.n_addresses; i++)
		if (srv->sockets.addresses[i].relay)
			return true;
	return false;
}

int
collect_open(struct server *srv)
{
	int r;

	if (!has_relays(srv))
		return 0;
	r = vz_mailbook_open(&srv->collects.book, srv->me.state_dir);
	if (r == 0)
		r = vz_hold_open(&srv->collects.hold, srv->me.state_dir);
	if (r == 0)
		return 0;
	collect_say_book(srv, r);
	return r == VZ_EFORMAT || r == VZ_EMODE ? VZ_EXIT_CONFIG : VZ_EXIT_CANTCREAT;
}

int
collect_start(struct server *srv)
{
	struct collects *all = &srv->collects;

	all->all = calloc(srv->posts.n + 1, sizeof(*all->all));
	if (!all->all)
		return VZ_ENOMEM;
	all->n = srv->posts.n;
	for (size_t i = 0; i < all->n; i++) {
		all->all[i].post = &srv->posts.all[i];
		all->all[i].due = (struct vz_timer){.fn = collect_due, .arg = &all->all[i]};
	}
	srv->posts.also = on_post_event;
	return 0;
}

void
collect_rejudge(struct server *srv)
{
	for (size_t i = 0; i < srv->collects.n; i++) {
		struct collect *c = &srv->collects.all[i];

		if (!c->link || vz_acl_revoked(srv->me.acl, &c->post->at->relay_key) == 0)
			continue;
		collect_let_go(c);
		collect_mail_cut(c);
	}
}

void
collect_close(struct server *srv)
{
	for (size_t i = 0; i < srv->collects.n; i++) {
		struct collect *c = &srv->collects.all[i];

		vz_timer_stop(srv->loop, &c->due);
		collect_let_go(c);
		collect_mail_drop(c);
	}
	free(srv->collects.all);
	if (srv->collects.book)
		vz_hold_close(&srv->collects.hold);
	vz_mailbook_close(srv->collects.book);
	memset(&srv->collects, 0, sizeof(srv->collects));
}
