/*
 * The command of --run, whose output is the message.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/send.h"

static void
cancel_all(struct run *r, int status, const char *text)
{
	for (size_t i = 0; i < r->n_lanes; i++)
		if (!r->lanes[i].over && r->lanes[i].items[0].state != ITEM_OVER)
			pump_cancel(&r->lanes[i], &r->lanes[i].items[0], status, text);
}

static void
kick_all(struct run *r)
{
	for (size_t i = 0; i < r->n_lanes; i++)
		if (!r->lanes[i].over)
			lane_kick(&r->lanes[i]);
}

static void
command_ended(void *arg, int status)
{
	struct run *r = arg;
	struct input *in = &r->inputs[0];
	char words[128], text[256];

	if (!in->source)
		return; /* nobody wants it any more */
	if (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		vz_source_finish(in->source);
		input_wake(in);
		return;
	}
	vz_producer_words(status, words, sizeof(words));
	diag_error("%s: command %s", r->options->command[0], words);
	snprintf(text, sizeof(text), "the sender's command %s", words);
	cancel_all(r, VZ_EXIT_DATA, text);
	kick_all(r);
}

int
command_prepare(struct run *r)
{
	int err = vz_producer_prepare(r->options->command, &r->producer);

	if (!err)
		return 0;
	diag_error("cannot fork: %s", diag_words(err));
	return VZ_EXIT_OSERR;
}

/* Only now: a command should not run for a peer that is not there or will not have us. */
void
command_start(struct run *r)
{
	char *const *command = r->options->command;
	struct vz_source *source;
	char shown[512];
	int fd, err;

	if (r->started)
		return;
	r->started = true;
	diag_escape(shown, sizeof(shown), command[0], strlen(command[0]));
	err = vz_producer_start(r->producer, r->loop, command_ended, r, &fd);
	if (!err)
		err = vz_source_new(&source, fd, VZ_SOURCE_OWN | VZ_SOURCE_PRODUCER);
	if (!err && input_give(&r->inputs[0], source) == 0) {
		diag_verbose(1, "running %s", shown);
	} else {
		if (err)
			diag_error("cannot run %s: %s", shown, diag_words(err));
		cancel_all(r, VZ_EXIT_NOINPUT, "the command could not be run");
	}
	kick_all(r);
}
