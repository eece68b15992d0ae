#include "cmd/vz-listen/options.h"

#include <string.h>

#include "cmd/common/diag.h"
#include "cmd/vz-listen/table.h"

#define MAX_CONNS         256
#define MAX_HANDLERS      16
#define MAX_HANDLERS_MOST 4096
#define RESUME_MS         (10 * 60 * 1000)
#define WHOLE_SIZE_MOST   (1024 * 1024 * 1024)
#define WHOLE_SIZE        (1024 * 1024) /* of messages that are held in memory */

static uint64_t
size_of(const char *value)
{
	return strcmp(value, "none") == 0 ? 0 : serve_size("--max-size", value);
}

/* -1 and -k: the last one wins, and neither leaves it to --dir and COMMAND. */
enum lasting { AS_USUAL, ONCE, KEEP };

/* What is gathered while the options come, and judged when all are known. */
struct wishes {
	enum lasting lasting;
	enum listen_how framing; /* HOW_STREAM: none */
	bool echo, coproc, sized;
};

static void
take_number(struct listen_options *o, int opt, const char *value, struct wishes *w)
{
	switch (opt) {
	case OPT_MAX_SIZE:
		o->max_size = size_of(value);
		w->sized = true;
		break;
	case OPT_MAX_HANDLERS:
		o->max_handlers = serve_number("--max-handlers", value, 1, MAX_HANDLERS_MOST);
		break;
	case OPT_HANDLER_TIMEOUT: o->handler_ms = serve_duration("--handler-timeout", value); break;
	case OPT_RESUME_WINDOW: o->resume_ms = serve_duration("--resume-window", value); break;
	default:
		if (!serve_option(&o->serve, opt, value) &&
		    !common_option(&o->common, opt, value, &listen_table))
			common_unhandled(opt);
		break;
	}
}

static void
take(struct listen_options *o, int opt, const char *value, struct wishes *w)
{
	switch (opt) {
	case 'k': w->lasting = KEEP; break;
	case '1': w->lasting = ONCE; break;
	case 'o': o->file = value; break;
	case 'd': o->dir = value; break;
	case OPT_LINES: w->framing = HOW_LINES; break;
	case OPT_NULL: w->framing = HOW_NULL; break;
	case OPT_FRAMES: w->framing = HOW_FRAMES; break;
	case OPT_JSON: w->framing = HOW_JSON; break;
	case OPT_ECHO: w->echo = true; break;
	case OPT_COPROC: w->coproc = true; break;
	case OPT_RAW: o->raw = true; break;
	case OPT_ASK: o->ask = true; break;
	default: take_number(o, opt, value, w); break;
	}
}

static void
check_together(const struct listen_options *o, const struct wishes *w)
{
	int places = (o->file != NULL) + (o->dir != NULL) + (w->framing != HOW_STREAM) + w->echo +
	    (o->command != NULL);

	if (o->ask && o->serve.allow_any)
		diag_usage("--ask and --allow-any exclude each other: everybody is let in");
	if (o->file && o->dir)
		diag_usage("-o and --dir exclude each other");
	if (w->coproc && !o->command)
		diag_usage("--coproc needs a COMMAND");
	if (places > 1)
		diag_usage(
		    "-o, --dir, --lines and its like, --echo and COMMAND exclude each other");
	if (o->file && w->lasting == KEEP)
		diag_usage("-o takes one message; use --dir with --keep");
	if (o->file && !*o->file)
		diag_usage("-o: the name is empty");
	if (o->dir && !*o->dir)
		diag_usage("--dir: the name is empty");
	if (o->command && !*o->command[0])
		diag_usage("the name of COMMAND is empty");
}

static enum listen_how
how_of(const struct listen_options *o, const struct wishes *w)
{
	if (o->command)
		return w->coproc ? HOW_COPROC : HOW_COMMAND;
	return o->file ? HOW_FILE : o->dir ? HOW_DIR : w->echo ? HOW_ECHO : w->framing;
}

/* Whether whole messages are held in memory, which needs a limit. */
static bool
is_held(enum listen_how how)
{
	return (how >= HOW_LINES && how <= HOW_JSON) || how == HOW_COPROC;
}

static void
settle(struct listen_options *o, const struct wishes *w)
{
	check_together(o, w);
	o->how = how_of(o, w);
	if (is_held(o->how) && !w->sized)
		o->max_size = WHOLE_SIZE;
	if (is_held(o->how) && (o->max_size == 0 || o->max_size > WHOLE_SIZE_MOST))
		diag_usage("--max-size: whole messages are held in memory here: 1 to 1G");
	o->keep = w->lasting == KEEP ||
	    ((o->how == HOW_DIR || o->command != NULL) && w->lasting == AS_USUAL);
	o->single = o->how == HOW_FILE || (o->how == HOW_STREAM && !o->keep);
}

/* ADDRESS... [-- COMMAND ARG...] */
static void
take_operands(int argc, char **argv, struct listen_options *o)
{
	int i = optind;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	o->serve.addresses = argv + optind;
	o->serve.n_addresses = i - optind;
	if (i == argc)
		return;
	if (i + 1 == argc)
		diag_usage("a COMMAND is missing after --");
	o->command = argv + i + 1;
}

void
options_parse(int argc, char **argv, struct listen_options *o)
{
	struct wishes w = {.lasting = AS_USUAL, .framing = HOW_STREAM};
	struct option_lists lists;
	int opt;

	*o = (struct listen_options){.max_handlers = MAX_HANDLERS, .resume_ms = RESUME_MS};
	serve_defaults(&o->serve, MAX_CONNS);
	common_defaults(&o->common);
	o->common.psk_max = 2;
	table_lists(&listen_table, &lists);
	while ((opt = common_next(argc, argv, &lists)) != -1)
		take(o, opt, optarg, &w);
	take_operands(argc, argv, o);
	settle(o, &w);
}

void
options_free(struct listen_options *o)
{
	serve_options_free(&o->serve);
}
