#include "cmd/vz-listen/rights.h"

#include <time.h>

#include "cmd/common/exit.h"
#include "cmd/vz-listen/ask.h"
#include "cmd/vz-listen/audit_log.h"
#include "cmd/vz-listen/limits.h"
#include "cmd/vz-listen/visit.h"

static void
end(struct visit *v, const char *words)
{
	audit_log_session(v, "refused", VZ_EXIT_REFUSED, words);
	visit_dismiss(v, VZ_EXIT_REFUSED, words);
}

void
rights_renew(struct server *srv)
{
	struct visit *v, *next;
	const char *words;

	rights_reload(&srv->rights);
	collect_rejudge(srv);
	posts_judge(srv);
	TAILQ_FOREACH_SAFE(v, &srv->visits, all, next)
	{
		if ((!v->admitted && !v->letter) || v->leaving)
			continue;
		words = limits_renew(v);
		if (words)
			end(v, words);
	}
	ask_again(srv);
	quota_prune(srv);
}

void
rights_expire(struct server *srv)
{
	struct visit *v, *next;

	TAILQ_FOREACH_SAFE(v, &srv->visits, all, next)
	if ((v->admitted || v->letter) && !v->leaving &&
	    vz_grant_expired(&v->who.grant, (int64_t)time(NULL)))
		end(v, "this key's right has expired");
}
