#include "cmd/serve/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "cmd/common/agent.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

/* Refused sessions recorded one by one: so many a second, so many at once. */
#define REFUSED_RATE  10
#define REFUSED_BURST 100

static const char *
shown(const struct record *r)
{
	static char buf[512];

	return diag_escape(buf, sizeof(buf), r->path, strlen(r->path));
}

static uint64_t
wall_ms(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_REALTIME, &t) != 0 || t.tv_sec < 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The file. */

_Noreturn static void
unusable(const struct record *r, int err)
{
	switch (err) {
	case VZ_EMODE:
		diag_error("%s: not a regular file of ours that only we may write", shown(r));
		exit(VZ_EXIT_CONFIG);
	case VZ_EFORMAT:
		diag_error("%s: not an audit file, or damaged at its end", shown(r));
		diag_hint("it is left as it is; vz-keygen --verify-audit says more");
		exit(VZ_EXIT_CONFIG);
	default:
		if (err == VZ_ESYSTEM && errno == EBUSY)
			diag_error("%s: another process writes it", shown(r));
		else
			diag_error("%s: %s", shown(r), diag_words(err));
		exit(VZ_EXIT_CANTCREAT);
	}
}

/* A program that serves others does not wait long for its agent. */
static struct vz_signer
signer(const struct record *r)
{
	return self_signer(r->me, agent_sign_quick);
}

/* A checkpoint was left out. The next one signs what this one would have. */
static void
tell_unsigned(struct record *r)
{
	int err = vz_audit_not_signed(r->audit);

	if (err)
		diag_error("%s: cannot be signed now: ssh-agent: %s: going on, unsigned", shown(r),
		    agent_words(r->me->agent, err));
}

void
record_open(struct record *r, const char *path, struct self *me)
{
	struct vz_signer by;
	int err;

	*r = (struct record){.path = path, .me = me};
	if (!path)
		return;
	err = self_agent(me);
	if (err)
		exit(err);
	by = signer(r);
	err = vz_audit_open(path, wall_ms(), &by, &r->audit);
	if (err < 0)
		unusable(r, err);
	tell_unsigned(r);
	vz_bucket_init(&r->refused, REFUSED_RATE, REFUSED_BURST);
}

void
record_start(struct record *r, struct vz_loop *loop, vz_timer_fn *broken, void *arg)
{
	r->loop = loop;
	r->end = (struct vz_timer){.fn = broken, .arg = arg};
}

/* Not at once: whoever recorded something is in the middle of what would be ended. */
static void
broke(struct record *r, int err)
{
	if (r->broken)
		return;
	r->broken = true;
	diag_error("%s: cannot be written: %s: stopping", shown(r), diag_words(err));
	if (vz_timer_set(r->loop, &r->end, 0) < 0)
		vz_loop_stop(r->loop, VZ_ENOMEM);
}

void
record_reopen(struct record *r)
{
	struct vz_signer by;
	int err;

	if (!r->audit)
		return;
	by = signer(r);
	err = vz_audit_reopen(r->audit, wall_ms(), &by);
	tell_unsigned(r);
	if (err == VZ_EEXISTS)
		diag_error(
		    "%s: another file with something in it is there: going on in the old one",
		    shown(r));
	else if (err < 0)
		diag_error("%s: %s: going on in the old one", shown(r), diag_words(err));
}

/* Lines. */

void
record_put(struct record *r, const struct vz_audit_entry *e)
{
	struct vz_signer by;
	int err;

	if (!r->audit)
		return;
	by = signer(r);
	err = vz_audit_write(r->audit, e, wall_ms(), &by);
	tell_unsigned(r);
	if (err < 0)
		broke(r, err);
}

struct vz_audit_entry
record_entry(const struct caller *c, const char *event)
{
	return (struct vz_audit_entry){.event = event,
	    .key = c->key_text[0] ? &c->key : NULL,
	    .name = c->grant.name[0] ? c->grant.name : NULL,
	    .remote = c->remote};
}

/* What the words hold is escaped when they become JSON. */
const char *
record_result(char buf[static RECORD_RESULT_MAX], int status, const void *text, size_t len)
{
	int n = snprintf(buf, RECORD_RESULT_MAX, len > 0 ? "%d " : "%d", status);
	size_t room = RECORD_RESULT_MAX - 1 - (size_t)n;

	if (len > room)
		len = room;
	if (len > 0)
		memcpy(buf + n, text, len);
	buf[(size_t)n + len] = '\0';
	return buf;
}

void
record_session(
    struct record *r, const struct caller *c, const char *event, int status, const char *words)
{
	struct vz_audit_entry e = record_entry(c, event);
	char buf[RECORD_RESULT_MAX];

	e.result = record_result(buf, status, words, strlen(words));
	record_put(r, &e);
}

static void
own_up(struct record *r)
{
	char buf[RECORD_RESULT_MAX];

	if (r->unrecorded == 0)
		return;
	snprintf(buf, sizeof(buf), "%llu more sessions, not recorded one by one",
	    (unsigned long long)r->unrecorded);
	r->unrecorded = 0;
	record_put(r, &(struct vz_audit_entry){.event = "refused", .result = buf});
}

void
record_refused(struct record *r, const struct caller *c, int status, const char *words)
{
	const char *event = status == VZ_EXIT_TEMPFAIL ? "limited" : "refused";

	if (!r->audit)
		return;
	if (vz_bucket_take(&r->refused, 1, vz_loop_now(r->loop)) > 0) {
		r->unrecorded++;
		return;
	}
	own_up(r);
	record_session(r, c, event, status, words);
}

void
record_reloaded(struct record *r, const char *words)
{
	record_put(r, &(struct vz_audit_entry){.event = "reloaded", .result = words});
}

/* Now and then, and the end. */

void
record_tick(struct record *r)
{
	struct vz_signer by;
	uint64_t wait;
	int err;

	if (!r->audit)
		return;
	if (r->unrecorded > 0 && vz_bucket_take(&r->refused, 1, vz_loop_now(r->loop)) == 0)
		own_up(r);
	by = signer(r);
	err = vz_audit_tick(r->audit, wall_ms(), &by, &wait);
	tell_unsigned(r);
	if (err < 0)
		broke(r, err);
}

int
record_close(struct record *r)
{
	struct vz_signer by;
	int err;

	if (!r->audit)
		return 0;
	own_up(r);
	vz_timer_stop(r->loop, &r->end);
	by = signer(r);
	err = vz_audit_close(r->audit, wall_ms(), &by);
	r->audit = NULL; /* freed */
	if (err == 0 || r->broken)
		return 0;
	diag_error("%s: cannot be signed at the end: %s%s", shown(r),
	    err == VZ_ESIGNER || err == VZ_EAUTH ? "ssh-agent: " : "",
	    agent_words(r->me->agent, err));
	return VZ_EXIT_IOERR;
}
