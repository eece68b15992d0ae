#include "cmd/vz-send/send.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "base/err.h"
#include "cmd/common/agent.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/answers.h"
#include "cmd/vz-send/closing.h"
#include "cmd/vz-send/dest.h"
#include "cmd/vz-send/show.h"
#include "cmd/vz-send/store.h"
#include "keep/mailbook.h"

static int
no_memory(void)
{
	diag_error("%s", diag_words(VZ_ENOMEM));
	return VZ_EXIT_OSERR;
}

static int
make_inputs(struct run *r)
{
	const struct send_options *o = r->options;

	r->n_inputs = o->n_files ? o->n_files : 1;
	r->inputs = calloc(r->n_inputs, sizeof(*r->inputs));
	if (!r->inputs)
		return no_memory();
	for (size_t i = 0; i < o->n_files; i++)
		input_file(&r->inputs[i], r, o->files[i], o->name);
	if (o->command)
		input_other(&r->inputs[0], r, "the command's output", o->name);
	else if (o->empty)
		input_other(&r->inputs[0], r, "the empty message", o->name);
	else if (o->n_files == 0)
		input_file(&r->inputs[0], r, "-", o->name);
	return 0;
}

_Noreturn static void
not_relayed(const char *text)
{
	char shown[512];

	diag_usage("--store: %s is not reached through a relay: KEY@RELAY",
	    diag_escape(shown, sizeof(shown), text, strlen(text)));
}

static int
make_lanes(struct run *r)
{
	const struct send_options *o = r->options;
	struct dests dests;

	r->lent = lent_new(&r->me);
	if (!r->lent)
		return no_memory();
	dests_parse(&r->me, o->dest, &dests);
	r->lanes = calloc(dests.n, sizeof(*r->lanes));
	r->n_lanes = dests.n;
	for (size_t i = 0; r->lanes && i < dests.n; i++) {
		struct lane *l = &r->lanes[i];

		l->run = r;
		l->index = i;
		if (o->store != STORE_NEVER && !dests.dest[i].to.relayed)
			not_relayed(dests.dest[i].text);
		link_init(&l->link, o, &r->me, r->loop, dests.dest[i].text, &dests.dest[i].to);
		l->link.lender = &r->lent;
		if (o->batch)
			l->batch = batch_new(o->mode, o->in_flight);
		else
			l->items = calloc(r->n_inputs, sizeof(*l->items));
		if (!l->batch && !l->items)
			return no_memory();
	}
	r->dest_text = dests.text; /* moved: the lanes are called by it */
	dests_free(&dests);
	return r->lanes ? 0 : no_memory();
}

/* Standard output. */

static void
on_freed(void *arg)
{
	struct run *r = arg;

	if (!r->lanes[0].over) {
		if (r->answers)
			answers_freed(r->answers);
		else
			reply_freed(r);
	}
	run_settled(r);
}

static int
make_output(struct run *r)
{
	int status;

	if (!r->options->reply)
		return 0;
	status = outlet_open(&r->out, r->loop, r->options->raw, on_freed, r);
	if (status || !r->options->batch)
		return status;
	r->answers = answers_new(&r->lanes[0]);
	return r->answers ? 0 : no_memory();
}

/* The run. */

void
run_settled(struct run *r)
{
	if (r->lanes_over < r->n_lanes)
		return;
	if (r->answers && !r->signo)
		answers_write(r->answers);
	if (r->signo || !r->options->reply || outlet_finish(&r->out))
		vz_loop_stop(r->loop, 0);
}

/* Opens the first message that can be opened, so that a run with nothing to send connects to
 * nobody. */
static int
prepare(struct run *r)
{
	struct vz_source *source;
	bool any = false;

	if (r->options->command)
		return 0;
	if (r->options->empty) {
		if (vz_source_empty(&source) != 0)
			return no_memory();
		return input_give(&r->inputs[0], source);
	}
	if (r->options->batch)
		return input_open(&r->inputs[0], 0);
	for (size_t i = 0; i < r->n_lanes; i++)
		any |= pump_prepare(&r->lanes[i]);
	return any ? 0 : r->inputs[0].status;
}

/* The first failure in the order of the destinations (DESIGN 8); as in lanes. */
static int
status_of(const struct run *r)
{
	int status = 0;

	for (size_t i = 0; i < r->n_lanes; i++) {
		if (!r->lanes[i].over)
			return VZ_EXIT_SOFTWARE;
		if (r->lanes[i].status && r->lanes[i].status != VZ_EXIT_STORED)
			return r->lanes[i].status;
		if (status == 0)
			status = r->lanes[i].status;
	}
	return status ? status : r->out.status;
}

static int
go(struct run *r)
{
	int status = make_inputs(r), err;

	if (!status)
		status = make_lanes(r);
	if (!status)
		status = make_output(r);
	if (!status)
		status = prepare(r);
	if (!status)
		status = interrupt_catch(r);
	if (!status)
		status = sign_prepare(r);
	if (!status)
		status = show_start(r);
	if (!status)
		status = closing(r);
	if (status)
		return status;
	err = sign_watch(r);
	if (!err) {
		run_call(r);
		err = vz_loop_run(r->loop);
	}
	if (err < 0) {
		diag_error("%s", diag_words(err));
		return vz_exit_of(err);
	}
	return status_of(r);
}

/* Connections first: a command that takes its time to end holds nobody up. */
static void
run_free(struct run *r)
{
	progress_stop(&r->progress);
	for (size_t i = 0; r->lanes && i < r->n_lanes; i++) {
		link_drop(&r->lanes[i].link);
		store_free(r->lanes[i].store);
		r->lanes[i].store = NULL;
	}
	vz_producer_free(r->producer);
	for (size_t i = 0; i < r->n_inputs && r->lanes; i++)
		for (size_t k = 0; k < r->n_lanes; k++)
			input_leave(&r->inputs[i], k);
	answers_free(r->answers);
	if (r->options->reply)
		outlet_free(&r->out);
	for (size_t i = 0; r->lanes && i < r->n_lanes; i++) {
		for (size_t k = 0; r->lanes[i].items && k < r->n_inputs; k++)
			sign_over(&r->lanes[i].items[k]);
		free(r->lanes[i].items);
		free(r->lanes[i].batch);
		link_free(&r->lanes[i].link);
	}
	vz_mailbook_close(r->book);
	vz_agent_free(r->me.agent);
	r->me.agent = NULL;
	vz_loop_free(r->loop);
	free(r->lanes);
	free(r->inputs);
	free(r->dest_text);
	free(r->lent);
	self_free(&r->me);
}

int
send_run(const struct send_options *options)
{
	static struct run r;
	int err, status = 0;

	r.options = options;
	/* Before there is anything to be known by it. */
	if (options->command)
		status = command_prepare(&r);
	if (status)
		return status;
	progress_deaf();
	sandbox_begin(&options->common, &r.layers);
	self_load(&r.me, &options->common);
	err = vz_loop_new(&r.loop);
	if (err == 0) {
		status = go(&r);
	} else {
		diag_error("%s", diag_words(err));
		status = VZ_EXIT_OSERR;
	}
	run_free(&r);
	if (r.signo) {
		signal(r.signo, SIG_DFL);
		raise(r.signo);
		/* The first process of a container is not ended by it. */
		status = 128 + r.signo;
	}
	return status;
}
