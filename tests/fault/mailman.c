/*
 * mailman: many who deposit at a relay and collect from it, over its own protocol, and who tell
 * afterwards whether all that the relay said was true.
 *
 *	mailman keys [PEOPLE]
 *	mailman run --relay ADDRESS [PEOPLE] [--ops N] [--until-eof] [--no-collect]
 *	            [--stop-refused] [--ready-fd N] JOURNAL
 *	mailman judge --relay ADDRESS [PEOPLE] JOURNAL
 *	mailman empty --relay ADDRESS [PEOPLE]
 *	mailman put --relay ADDRESS KEY
 *
 * PEOPLE are --depositors N and --recipients N (4 each, at most 16), --seed S of what they send,
 * and --size N for messages of that many bytes (by chance otherwise, up to 300,024); they have to
 * be the same in all of a test. Their identities follow from their numbers, so keys prints the
 * lines that the relay's file of authorised keys needs.
 *
 * run deposits by two connections of each depositor, several messages at once and some of them
 * twice, while the recipients collect, and take two thirds of what they see, until N deposits were
 * acknowledged or standard input has ended; then it waits for what is under way and ends. When the
 * relay goes, everybody comes again until it is back, and what had no answer is deposited again.
 * With --no-collect nobody collects, and with --stop-refused the first refusal ends it: `refused
 * STATUS TEXT` on stdout. A line is written to descriptor --ready-fd, which is then closed, after
 * the first acknowledgement. The last line is `deposited N removed N refused N breaks N`. Before
 * something is done, and when it is answered, a line is appended to the journal (mailman_mail.h).
 *
 * judge reads a journal, collects and takes all that is at the relay, deposits some of it again
 * and something new, collects once more, and appends all that to the journal. Its line on stdout,
 *
 *	acknowledged N removed N lost N back N twice N torn N
 *
 * tells how many deposits and how many removals were acknowledged; and, which has to be nothing,
 * how many messages were acknowledged but are not there though nobody had said to have them, were
 * removed but there again, were there under two numbers, taken again as new, or delivered twice
 * by a recipient that keeps a window of each depositor's (mail/window.h), and were not whole or
 * never deposited. The first ten are named on stderr.
 *
 * empty collects and takes all; `removed N`. put deposits standard input for KEY, by the first of
 * the depositors, and ends with the status of the answer, 0 for `deposited SEQ`.
 *
 * Status 1: judge found something. 64 wrong use, 70 the relay broke its protocol or refused what
 * it may not, 71 the system refused.
 */
#include <getopt.h>

#include "base/secret.h"
#include "tests/fault/mailman_judge.h"
#include "tests/fault/mailman_load.h"
#include "tests/fault/mailman_put.h"

static void
link_init(struct link *l, const char *role, unsigned who)
{
	l->fd = -1;
	l->self = person(role, who);
}

static void
gather(bool depositors, bool recipients)
{
	for (unsigned i = 0; i < opt.recipients; i++) {
		struct recipient *r = &load.recipients[i];

		link_init(&r->link, "recipient", i);
		r->link.on_up = recipient_up;
		r->link.on_event = recipient_event;
		r->link.on_down = recipient_down;
	}
	load.n_recipients = recipients ? opt.recipients : 0;
	load.n_depositors = depositors ? 2 * opt.depositors : 0;
	for (unsigned i = 0; i < load.n_depositors; i++) {
		struct depositor *d = &load.depositors[i];

		d->who = i / 2;
		link_init(&d->link, "depositor", d->who);
		d->link.on_up = depositor_up;
		d->link.on_event = depositor_event;
		d->link.on_down = depositor_down;
	}
}

static void
disperse(void)
{
	for (unsigned i = 0; i < load.n_depositors; i++) {
		free(load.depositors[i].bytes);
		link_free(&load.depositors[i].link);
	}
	for (unsigned i = 0; i < opt.recipients; i++) {
		free(load.recipients[i].bytes);
		link_free(&load.recipients[i].link);
	}
}

static bool
depositors_busy(void)
{
	bool busy = load.more || load.n_list > 0;

	for (unsigned i = 0; i < load.n_depositors; i++)
		busy |= load.depositors[i].n_asked + load.depositors[i].n_again > 0;
	return busy;
}

static bool
recipients_busy(void)
{
	bool busy = false;

	for (unsigned i = 0; i < load.n_recipients; i++) {
		const struct recipient *r = &load.recipients[i];

		busy |= r->asked || r->n_taking > 0 || (load.emptying && !r->idle);
	}
	return busy;
}

/* Begins what can be begun; how long poll may wait then, in milliseconds. */
static int
begin_some(struct pollfd *p)
{
	uint64_t now = now_ms(), until = now + 5;

	for (unsigned i = 0; i < load.n_depositors; i++) {
		if (load.depositors[i].link.up)
			deposit_some(&load.depositors[i]);
		if (load.depositors[i].link.up)
			link_turn(&load.depositors[i].link, 0);
		link_wants(&load.depositors[i].link, p++, &until);
	}
	for (unsigned i = 0; i < load.n_recipients; i++) {
		if (load.recipients[i].link.up)
			collect_some(&load.recipients[i]);
		if (load.recipients[i].link.up)
			link_turn(&load.recipients[i].link, 0);
		link_wants(&load.recipients[i].link, p++, &until);
	}
	return until > now ? (int)(until - now) : 0;
}

static bool
ended(const struct pollfd *in)
{
	char c[256];

	return load.acked >= opt.ops ||
	    (opt.until_eof && in->revents != 0 && read(STDIN_FILENO, c, sizeof(c)) <= 0);
}

/* Until nobody has anything to do. */
static void
go(void)
{
	struct pollfd p[1 + 3 * PEOPLE] = {{.fd = opt.until_eof ? STDIN_FILENO : -1}};
	unsigned n = load.n_depositors + load.n_recipients;

	p[0].events = POLLIN;
	while (depositors_busy() || recipients_busy()) {
		int wait = begin_some(p + 1);

		if (poll(p, 1 + n, wait) < 0 && errno != EINTR)
			err(71, "poll");
		for (unsigned i = 0; i < load.n_depositors; i++)
			link_turn(&load.depositors[i].link, p[1 + i].revents);
		for (unsigned i = 0; i < load.n_recipients; i++)
			link_turn(&load.recipients[i].link, p[1 + load.n_depositors + i].revents);
		if (load.more && ended(p))
			load.more = false;
	}
}

static void
empty(void)
{
	for (unsigned i = 0; i < load.n_recipients; i++)
		load.recipients[i].idle = false;
	load.emptying = true;
	go();
	load.emptying = false;
}

static int
do_run(bool collect)
{
	unsigned long breaks = 0;

	gather(true, collect);
	load.more = true;
	go();
	for (unsigned i = 0; i < load.n_depositors; i++)
		breaks += load.depositors[i].link.breaks;
	for (unsigned i = 0; i < load.n_recipients; i++)
		breaks += load.recipients[i].link.breaks;
	printf("deposited %llu removed %llu refused %llu breaks %lu\n",
	    (unsigned long long)load.acked, (unsigned long long)load.removed,
	    (unsigned long long)load.refused, breaks);
	return 0;
}

static int
do_judge(void)
{
	note('E', 0, 0);
	gather(true, true);
	empty();
	judge.seq_before = judge.last_seq;
	load.judging = true;
	load.n_list = probes(load.list, sizeof(load.list) / sizeof(*load.list));
	go();
	empty();
	return verdict() ? 0 : 1;
}

static int
do_empty(void)
{
	gather(false, true);
	empty();
	printf("removed %llu\n", (unsigned long long)load.removed);
	return 0;
}

static void
print_keys(const char *role, const char *right, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct vz_identity *id = person(role, i);
		char text[VZ_KEY_TEXT];

		vz_key_format(&id->bundle.identity, text);
		printf("%s %s %s-%u\n", right, text, role, i);
		vz_identity_free(id);
	}
}

static int
usage(void)
{
	fputs("usage: mailman keys|run|judge|empty|put [OPTION...] [JOURNAL|KEY]\n", stderr);
	return 64;
}

static bool
parse(int argc, char **argv, bool *collect)
{
	static const struct option options[] = {{"relay", 1, NULL, 'r'},
	    {"depositors", 1, NULL, 'd'}, {"recipients", 1, NULL, 'c'}, {"seed", 1, NULL, 's'},
	    {"size", 1, NULL, 'z'}, {"ops", 1, NULL, 'o'}, {"until-eof", 0, NULL, 'e'},
	    {"no-collect", 0, NULL, 'n'}, {"stop-refused", 0, NULL, 'x'},
	    {"ready-fd", 1, NULL, 'f'}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		uint64_t n = optarg != NULL ? strtoull(optarg, NULL, 10) : 0;

		switch (c) {
		case 'r': parse_relay(optarg); break;
		case 'd': opt.depositors = (unsigned)n; break;
		case 'c': opt.recipients = (unsigned)n; break;
		case 's': opt.seed = n; break;
		case 'z': opt.size = n; break;
		case 'o': opt.ops = n; break;
		case 'e': opt.until_eof = true; break;
		case 'n': *collect = false; break;
		case 'x': opt.stop_refused = true; break;
		case 'f': opt.ready_fd = (int)n; break;
		default: return false;
		}
	}
	return opt.depositors >= 1 && opt.depositors <= PEOPLE && opt.recipients >= 1 &&
	    opt.recipients <= PEOPLE && (opt.size == 0 || opt.size >= HEAD);
}

static int
do_mode(const char *mode, const char *operand, bool collect)
{
	if (strcmp(mode, "keys") == 0) {
		print_keys("depositor", "deposit", opt.depositors);
		print_keys("recipient", "register", opt.recipients);
		return 0;
	}
	if (relay_at.len == 0)
		return usage();
	if (strcmp(mode, "empty") == 0)
		return do_empty();
	if (operand == NULL)
		return usage();
	if (strcmp(mode, "put") == 0)
		return do_put(operand);
	if (strcmp(mode, "judge") == 0) {
		read_journal(operand);
		heard = hear;
	}
	if ((opt.journal = fopen(operand, "ae")) == NULL)
		err(71, "%s", operand);
	return heard != NULL ? do_judge() : do_run(collect);
}

int
main(int argc, char **argv)
{
	bool collect = true;
	int r;

	if (vz_secret_init() != 0)
		return 71;
	if (argc < 2 || !parse(argc - 1, argv + 1, &collect))
		return usage();
	r = do_mode(argv[1], argv[1 + optind], collect);
	disperse();
	if (opt.journal != NULL && fclose(opt.journal) != 0)
		err(71, "the journal");
	return fflush(stdout) == 0 ? r : 71;
}
