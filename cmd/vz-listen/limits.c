#include "cmd/vz-listen/limits.h"

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/serve/judge.h"
#include "cmd/vz-listen/audit_log.h"
#include "cmd/vz-listen/quota.h"

/* Of one key, where its line has no max-conns= (DESIGN 9). */
#define SESSIONS_PER_KEY 16

uint64_t
limits_sessions(const struct visit *v)
{
	uint64_t n = vz_grant_max_conns(&v->who.grant);

	return n == UINT64_MAX ? SESSIONS_PER_KEY : n;
}

uint64_t
limits_max_size(const struct visit *v)
{
	uint64_t all = v->srv->options->max_size, own = vz_grant_max_size(&v->who.grant);

	if (own == UINT64_MAX)
		return all;
	return all == 0 || own < all ? own : all;
}

static uint8_t
refusal_of_name(const struct visit *v, const struct vz_event *ev, const char **words)
{
	bool named = ev->type == VZ_EVENT_OPEN;

	/* A small message has no name: its bytes are its body. */
	if (vz_grant_name_ok(&v->who.grant, named ? ev->bytes : NULL, named ? ev->bytes_len : 0))
		return 0;
	*words = "this key may not send messages of that name here";
	return VZ_EXIT_REFUSED;
}

static uint8_t
refusal_of_length(const struct visit *v, const struct vz_event *ev, const char **words)
{
	uint64_t max = limits_max_size(v);
	uint64_t length = ev->type == VZ_EVENT_OPEN ? ev->length : ev->bytes_len;

	if (max == 0 || length <= max || length == VZ_LENGTH_UNKNOWN)
		return 0;
	*words = "longer than what is taken here";
	return VZ_EXIT_REFUSED;
}

uint8_t
limits_refusal(const struct visit *v, const struct vz_event *ev, const char **words)
{
	bool ask = ev->kind == VZ_KIND_ASK;
	uint8_t status;

	if (v->srv->record.broken) {
		*words = "this listener cannot write its record";
		return VZ_EXIT_TEMPFAIL;
	}
	if (!(v->who.grant.rights & (ask ? VZ_RIGHT_ASK : VZ_RIGHT_SEND))) {
		*words = ask ? "this key may not ask here" : "this key may not send here";
		return VZ_EXIT_REFUSED;
	}
	status = refusal_of_name(v, ev, words);
	return status != 0 ? status : refusal_of_length(v, ev, words);
}

char *const *
limits_command(const struct visit *v)
{
	return vz_grant_command(&v->who.grant);
}

const char *
limits_renew(struct visit *v)
{
	const char *words = judge_again(&v->who, &v->srv->me, v->conn ? vz_conn_fd(v->conn) : -1);

	if (words)
		return words;
	return quota_join(v) < 0 ? "this listener is out of memory" : NULL;
}

void
limits_leave(struct visit *v)
{
	quota_leave(v);
	vz_grant_release(&v->who.grant);
}
