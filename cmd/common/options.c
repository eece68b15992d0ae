#include "cmd/common/options.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

#define WAIT_MAX_MS (24ull * 3600 * 1000)

void
common_defaults(struct common *c)
{
	memset(c, 0, sizeof(*c));
	c->passphrase_fd = -1;
	c->psk_max = 1;
	c->family = AF_UNSPEC;
}

/* getopt(3) says in optopt which one it was, and leaves 0 there for long ones that it does not
 * know. */
static void
name_of(char *out, size_t cap, char **argv, const struct option *longs)
{
	const char *word = argv[optind - 1];

	for (const struct option *o = longs; optopt && o->name; o++) {
		if (o->val != optopt || (optopt < 256 && strncmp(word, "--", 2) != 0))
			continue;
		snprintf(out, cap, "--%s", o->name);
		return;
	}
	if (optopt > 0 && optopt < 256) {
		char letter = (char)optopt;
		char shown[8];

		snprintf(out, cap, "-%s", diag_escape(shown, sizeof(shown), &letter, 1));
		return;
	}
	diag_escape(out, cap, word, strcspn(word, "="));
}

int
common_next(int argc, char **argv, const struct option_lists *lists)
{
	char name[128];
	int opt;

	opterr = 0;
	opt = getopt_long(argc, argv, lists->shorts, lists->longs, NULL);
	if (opt != '?' && opt != ':')
		return opt;
	name_of(name, sizeof(name), argv, lists->longs);
	if (opt == ':')
		diag_usage("option %s needs an argument", name);
	/* A known name here is a flag that was given a value. */
	if (optopt >= 256 || (optopt && strchr(argv[optind - 1], '=')))
		diag_usage("option %s takes no argument", name);
	diag_usage("unknown option %s", name);
}

static uint64_t
wait_of(const char *value)
{
	char shown[64];
	uint64_t ms;

	if (vz_parse_duration(value, WAIT_MAX_MS, &ms) != 0 || ms == 0)
		diag_usage("-w: not a duration between 1ms and 24h: '%s'",
		    diag_escape(shown, sizeof(shown), value, strlen(value)));
	return ms;
}

static int
fd_of(const char *value)
{
	char shown[64];
	const char *bad;
	int fd = (int)strtonum(value, 0, INT_MAX, &bad);

	if (bad)
		diag_usage("--passphrase-fd: not a descriptor: '%s'",
		    diag_escape(shown, sizeof(shown), value, strlen(value)));
	return fd;
}

static enum sandbox_mode
sandbox_of(const char *value)
{
	static const char *const names[] = {
	    [SANDBOX_AUTO] = "auto", [SANDBOX_REQUIRE] = "require", [SANDBOX_OFF] = "off"};
	char shown[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(value, names[i]) == 0)
			return (enum sandbox_mode)i;
	diag_usage("--sandbox: not auto, require or off: '%s'",
	    diag_escape(shown, sizeof(shown), value, strlen(value)));
}

static void
add_psk(struct common *c, const char *value)
{
	if (c->psk_max == 1)
		c->psk_files = 0;
	if (c->psk_files == c->psk_max)
		diag_usage("--psk-file: at most two, the old key and the new");
	c->psk_file[c->psk_files++] = value;
}

static void
set_level(struct common *c, int opt)
{
	if (opt == 'q')
		c->level = -1;
	else if (c->level < 0)
		c->level = 1;
	else if (c->level < 2)
		c->level++;
}

bool
common_option(struct common *c, int opt, const char *value, const struct option_table *table)
{
	switch (opt) {
	case 'h': table_help(table, stdout); exit(diag_close_stdout(0));
	case 'V': printf("%s %s\n", table->program, VZ_VERSION); exit(diag_close_stdout(0));
	case 'v':
	case 'q': set_level(c, opt); break;
	case 'i': c->identity = value; break;
	case 'w': c->wait_ms = wait_of(value); break;
	case '4': c->family = AF_INET; break;
	case '6': c->family = AF_INET6; break;
	case OPT_PSK_FILE: add_psk(c, value); break;
	case OPT_STATE: c->state = value; break;
	case OPT_PASSPHRASE_FD: c->passphrase_fd = fd_of(value); break;
	case OPT_LOG_JSON: c->json = true; break;
	case OPT_SANDBOX: c->sandbox = sandbox_of(value); break;
	case OPT_RELAY_PSK_FILE: c->relay_psk_file = value; break;
	case OPT_PROGRESS: c->progress = PROGRESS_ALWAYS; break;
	case OPT_NO_PROGRESS: c->progress = PROGRESS_NEVER; break;
	default: return false;
	}
	diag_init(table->program, c->level, c->json);
	return true;
}

void
common_unhandled(int opt)
{
	diag_error("option %d of the table is not handled", opt);
	exit(VZ_EXIT_SOFTWARE);
}
