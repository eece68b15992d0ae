#include "cmd/common/talk.h"
#include "cmd/vz-listen/posts.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/claims.h"
#include "cmd/vz-listen/post_words.h"
#include "cmd/vz-listen/server.h"
#include "net/rlink.h"

/* What is left to listen on. */

bool
posts_any(const struct server *srv)
{
	for (size_t i = 0; i < srv->posts.n; i++)
		if (srv->posts.all[i].stay.state != STAY_OVER)
			return true;
	return false;
}

bool
posts_settled(const struct server *srv)
{
	for (size_t i = 0; i < srv->posts.n; i++)
		if (!srv->posts.all[i].stay.was_registered)
			return false;
	return true;
}

bool
posts_claim(const struct server *srv)
{
	for (size_t i = 0; i < srv->posts.n; i++)
		if (srv->posts.all[i].n_claims > 0)
			return true;
	return false;
}

int
posts_open(struct server *srv)
{
	struct posts *all = &srv->posts;
	int n = srv->options->serve.n_addresses;

	all->all = calloc((size_t)n + 1, sizeof(*all->all));
	if (!all->all)
		return VZ_ENOMEM;
	for (int i = 0; i < n; i++)
		if (srv->sockets.addresses[i].relay)
			post_begin(&all->all[all->n++], srv, i);
	return 0;
}

void
posts_leave(struct server *srv)
{
	struct posts *all = &srv->posts;

	all->left = true;
	for (size_t i = 0; i < all->n; i++) {
		struct post *p = &all->all[i];

		stay_stop(&p->stay);
		vz_timer_stop(srv->loop, &p->due);
		if (p->link)
			vz_rlink_close(p->link, 0, "this listener is stopping");
	}
}

static bool
is_another(const struct post *p, const struct vz_bundle *now)
{
	return !vz_key_equal(&p->as.identity, &now->identity);
}

static bool
has_changed(const struct post *p, const struct vz_bundle *now)
{
	return p->as.serial != now->serial || is_another(p, now);
}

void
posts_second(struct server *srv)
{
	struct posts *all = &srv->posts;
	const struct vz_bundle *now;

	if (all->n == 0 || all->left)
		return;
	gate_refresh_identity(&srv->gate);
	now = &srv->me.identity->bundle;
	for (size_t i = 0; i < all->n; i++) {
		struct post *p = &all->all[i];

		if (p->stay.state == STAY_OVER || !p->link || !has_changed(p, now))
			continue;
		post_let_go(p);
		p->announce |= is_another(p, now);
		stay_renew(&p->stay, is_another(p, now), vz_loop_now(srv->loop));
		post_set_due(p);
	}
}

void
posts_retry(struct server *srv)
{
	for (size_t i = 0; i < srv->posts.n; i++) {
		struct post *p = &srv->posts.all[i];

		if (p->stay.state != STAY_WAITS)
			continue;
		stay_renew(&p->stay, false, vz_loop_now(srv->loop));
		post_set_due(p);
	}
}

void
posts_judge(struct server *srv)
{
	struct posts *all = &srv->posts;

	for (size_t i = 0; i < all->n; i++) {
		struct post *p = &all->all[i];

		if (p->stay.state == STAY_OVER ||
		    vz_acl_revoked(srv->me.acl, &p->at->relay_key) == 0)
			continue;
		post_let_go(p);
		claims_free(p);
		stay_stop(&p->stay);
		post_say_revoked(p);
		post_end(p, VZ_EXIT_REFUSED, false);
	}
}

void
posts_free(struct server *srv)
{
	struct posts *all = &srv->posts;

	for (size_t i = 0; i < all->n; i++) {
		vz_timer_stop(srv->loop, &all->all[i].due);
		post_let_go(&all->all[i]);
		claims_free(&all->all[i]);
		talk_free(all->all[i].talk);
	}
	free(all->all);
	memset(all, 0, sizeof(*all));
}
