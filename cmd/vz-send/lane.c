#include "cmd/vz-send/lane.h"

#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/answers.h"
#include "cmd/vz-send/send.h"
#include "cmd/vz-send/store.h"
#include "cmd/vz-send/words.h"
#include "base/text.h"

/* Called by everybody who changed something outside of this lane's own turn; that turn pumps, and
 * writes what came of it. Before there is a connection, reading ahead is all that can be done. */
void
lane_kick(struct lane *l)
{
	if (l->store)
		store_kick(l);
	else if (l->link.conn)
		link_kick(&l->link);
	else
		lane_pump(l);
}

void
lane_pump(struct lane *l)
{
	if (l->over || l->link.status || l->link.finished || l->run->signo || l->store)
		return;
	if (l->batch)
		batch_pump(l);
	else
		pump(l);
}

void
lane_broken(struct lane *l, int err)
{
	diag_error("%s: %s", l->link.shown, diag_words(err));
	link_abort(&l->link, vz_exit_of_peer(err), "");
}

static void
leave_all(struct lane *l)
{
	for (size_t i = 0; i < l->run->n_inputs; i++)
		input_leave(&l->run->inputs[i], l->index);
}

void
lane_abort(struct lane *l, int status, const char *text)
{
	leave_all(l);
	link_abort(&l->link, status, text);
	if (l->link.conn)
		return;
	link_drop(&l->link); /* it may still be dialling */
	store_free(l->store);
	l->store = NULL;
	lane_over(l, status);
}

/* The link. */

static void
on_authenticated(void *arg)
{
	lane_pump(arg);
}

static void
on_ready(void *arg, const struct vz_event *ev)
{
	struct lane *l = arg;

	l->durable = (ev->flags & VZ_READY_DURABLE) != 0;
	if (l->batch)
		batch_ready(l, ev);
	else if (ev->attempt > 0)
		pump_resume(l);
	if (l->run->options->command)
		command_start(l->run);
	lane_pump(l);
}

static void
on_room(struct lane *l, const struct vz_event *ev)
{
	struct item *it;

	if (l->batch) {
		batch_room(l, ev);
		return;
	}
	it = item_find(l, ev->number);
	if (!it)
		return;
	it->taken = ev->taken;
	/* What is not durable there may be wanted again by who comes after it. */
	input_release(
	    &l->run->inputs[it - l->items], l->index, l->durable ? ev->durable : ev->taken);
	if (ev->type == VZ_EVENT_GO_ON)
		pump_go_on(l, it, ev->taken);
}

static bool
on_verdict(struct lane *l, const struct verdict *v)
{
	if (l->batch)
		return batch_verdict(l, v);
	verdict(l, v);
	return true;
}

static bool
on_event(void *arg, const struct vz_event *ev)
{
	struct lane *l = arg;
	struct verdict v = {.number = ev->number, .count = ev->count, .status = ev->status};

	switch (ev->type) {
	case VZ_EVENT_DONE:
		v.text = ev->bytes;
		v.text_len = ev->bytes_len;
		return on_verdict(l, &v);
	case VZ_EVENT_ROOM:
	case VZ_EVENT_GO_ON: on_room(l, ev); return true;
	case VZ_EVENT_DATA:
		return l->batch ? answers_data(l->run->answers, ev) : reply_data(l->run, ev);
	case VZ_EVENT_END:
		if (l->batch)
			answers_end(l->run->answers, ev->number);
		else
			outlet_end(&l->run->out);
		return true;
	case VZ_EVENT_ANSWER: return l->batch ? batch_answer(l, ev) : reply_answer(l->run, ev);
	default: return true;
	}
}

static void
on_turn(void *arg)
{
	struct lane *l = arg;

	if (l->run->answers)
		answers_write(l->run->answers);
	lane_pump(l);
}

/* The first failure in input order (DESIGN 8). That some were stored is told when none failed. */
static int
first_failure(const struct lane *l)
{
	int status = 0;

	if (l->batch && l->batch->status)
		return l->batch->status;
	if (l->batch)
		return l->batch->stored && l->run->options->store == STORE_AUTO ? VZ_EXIT_STORED
										: 0;
	for (size_t i = 0; i < l->run->n_inputs; i++) {
		if (l->items[i].status != 0 && l->items[i].status != VZ_EXIT_STORED)
			return l->items[i].status;
		if (status == 0)
			status = l->items[i].status;
	}
	return status;
}

static void
fail_the_rest(struct lane *l, int status)
{
	for (size_t i = 0; l->items && i < l->run->n_inputs; i++) {
		struct item *it = &l->items[i];

		if (it->state == ITEM_OVER)
			continue;
		if (!l->run->signo)
			verdict_tell(l, it, "failed", status, "", 0);
		it->status = status;
		it->state = ITEM_OVER;
	}
}

/* A status line and an event for each of several destinations. */
static void
tell(const struct lane *l)
{
	struct vz_json *j;
	char size[16];

	if (l->batch)
		batch_tell(l);
	if (l->run->n_lanes < 2)
		return;
	j = diag_event("destination");
	vz_json_str(j, "to", l->link.text);
	vz_json_u64(j, "status", (uint64_t)l->status);
	vz_json_u64(j, "bytes", l->bytes);
	diag_event_end(j);
	if (diag_is_json())
		return;
	vz_format_size(l->bytes, size);
	if (l->status == 0 || l->status == VZ_EXIT_STORED)
		diag_verbose(
		    0, "%s: %s, %s", l->link.shown, l->store ? "stored" : "delivered", size);
	else
		diag_verbose(0, "%s: failed, status %d", l->link.shown, l->status);
}

void
lane_over(struct lane *l, int status)
{
	if (l->over)
		return;
	l->over = true;
	fail_the_rest(l, status);
	if (l->batch)
		batch_over(l, status);
	leave_all(l);
	l->status = first_failure(l);
	l->run->lanes_over++;
	if (!l->run->signo)
		tell(l);
	run_call(l->run);
	run_settled(l->run);
}

static void
begin_storing(struct lane *l)
{
	int status = store_start(l);

	if (status)
		lane_over(l, status);
}

static void
on_over(void *arg, int status)
{
	struct lane *l = arg;

	if (status == 0 && l->link.away && !l->over) {
		run_call(l->run);
		begin_storing(l);
	} else {
		lane_over(l, status);
	}
}

/* It does not wait at the relay any more. */
static void
on_met_or_lost(void *arg)
{
	struct lane *l = arg;

	run_call(l->run);
}

static const struct link_user user = {
    .matched = on_met_or_lost,
    .lost = on_met_or_lost,
    .authenticated = on_authenticated,
    .ready = on_ready,
    .event = on_event,
    .turn = on_turn,
    .over = on_over,
};

void
lane_start(struct lane *l)
{
	int status;

	if (l->run->options->store == STORE_ONLY) {
		begin_storing(l);
		return;
	}
	l->link.resumes = true;
	status = link_start(&l->link, &user, l);

	if (status)
		lane_over(l, status);
	else
		lane_pump(l);
}
