/* The one long-lived command: lib/flow/coproc. This program is also that command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/err.h"
#include "flow/coproc.h"
#include "flow/handler_env.h"
#include "net/loop.h"
#include "tempdir.h"

#define BOUND_MS 30000

/* The command. What it does with a message is the first byte of its body. */

static uint64_t holding[4096];
static size_t n_holding;

static void
say(uint64_t number, uint8_t status, const void *reply, size_t len)
{
	uint8_t head[13];

	vz_store32(head, (uint32_t)(9 + len));
	vz_store64(head + 4, number);
	head[12] = status;
	fwrite(head, 1, sizeof(head), stdout);
	fwrite(reply, 1, len, stdout);
}

static void
touch(const char *name)
{
	close(open(name, O_WRONLY | O_CREAT, 0600));
}

static void
wait_for_ever(void)
{
	alarm(60);
	for (;;)
		pause();
}

static void
obey(uint64_t number, const uint8_t *body, size_t len, const uint8_t *rest, size_t n_rest)
{
	switch (len > 0 ? body[0] : 'e') {
	case 's': say(number, body[1], "said", 4); break;
	case 'd': say(number, 0, rest, n_rest); break;
	case 'h': holding[n_holding++] = number; break;
	case 'r': /* all that is held, the last first */
		while (n_holding > 0)
			say(holding[--n_holding], 0, "held", 4);
		say(number, 0, "", 0);
		break;
	case 'n': break;
	case 'x': _exit(3);
	case 'w': fflush(stdout); _exit(4);
	case 'm': fwrite("\0\0\0\5xxxxx", 1, 9, stdout); break;
	case 'b': fwrite("\377\377\377\377", 1, 4, stdout); break;
	case 'u': say(number + 1, 0, "", 0); break;
	case 'U': say(number + 1024, 0, "", 0); break; /* the same place, another time */
	case 'f': /* one that waits behind what the pipe holds */
		say(number + 3, 0, "", 0);
		fflush(stdout);
		wait_for_ever();
		break;
	case '2':
		say(number, 0, "", 0);
		say(number, 0, "", 0);
		break;
	case 'o':
		fflush(stdout);
		close(1);
		wait_for_ever();
		break;
	case 'i':
		close(0);
		wait_for_ever();
		break;
	case 'z': raise(SIGSTOP); break;
	case 'E': say(number, 0, getenv("VZ_PEER") ? "is set" : "not set", 7); break;
	default: say(number, 0, body, len);
	}
}

/* 1 = got all; 0 = end before the first byte; -1 = cut. */
static int
take(void *p, size_t n)
{
	size_t got = fread(p, 1, n, stdin);

	return got == n ? 1 : got == 0 ? 0 : -1;
}

static int
command(const char *how)
{
	static uint8_t frame[4 << 20];
	uint8_t head[4];
	int r;

	if (strcmp(how, "dead") == 0)
		return 1;
	setvbuf(stdin, NULL, _IONBF, 0);
	while ((r = take(head, 4)) == 1) {
		size_t len = vz_load32(head), at;

		if (take(frame, len) != 1) {
			r = -1;
			break;
		}
		at = 12 + (size_t)frame[9] + frame[10] + frame[11];
		obey(vz_load64(frame), frame + at, len - at, frame + 8, at - 8);
		fflush(stdout);
	}
	touch(r == 0 ? "ended" : "cut");
	return 0;
}

/* The tests. */

static char self[PATH_MAX];
static struct tempdir dir;
static struct vz_loop *loop;
static struct vz_handlers *all;
static struct vz_timer bound;
static struct vz_coproc *coproc;

/* What was told, in order: "tag=status:reply " and "down(words) " and so on. */
static char told[8192];
static size_t n_told;
static size_t answers, stop_at, lost; /* counts */
static uint64_t delays[16];
static size_t n_delays;
static bool free_in_answer, pause_in_answer;
static size_t n_rooms;

static void
on_bound(struct vz_loop *l, struct vz_timer *t)
{
	(void)t;
	vz_loop_stop(l, -1000);
}

static int
setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	bound = (struct vz_timer){.fn = on_bound};
	n_told = answers = stop_at = lost = n_delays = n_rooms = 0;
	told[0] = '\0';
	free_in_answer = pause_in_answer = false;
	coproc = NULL;
	if (tempdir_make(&dir) != 0 || chdir(dir.dir) != 0 || vz_loop_new(&loop) != 0)
		return -1;
	return vz_timer_set(loop, &bound, BOUND_MS) | vz_handlers_new(loop, &all);
}

static int
teardown(void **state)
{
	(void)state;
	vz_coproc_free(coproc);
	vz_handlers_free(all);
	vz_loop_free(loop);
	if (chdir("/") != 0)
		return -1;
	tempdir_remove(&dir);
	return 0;
}

__attribute__((format(printf, 1, 2))) static void
tell(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(told + n_told, sizeof(told) - n_told, fmt, ap);
	va_end(ap);
	n_told += (size_t)n < sizeof(told) - n_told ? (size_t)n : sizeof(told) - n_told - 1;
}

static void
on_answered(void *arg, void *tag, int status, const void *bytes, size_t len)
{
	assert_ptr_equal(arg, &told);
	tell("%d=%d:%.*s ", (int)(intptr_t)tag, status, len < 64 ? (int)len : 64,
	    len ? (const char *)bytes : "");
	lost += status == VZ_COPROC_LOST;
	if (free_in_answer) {
		vz_coproc_free(coproc);
		coproc = NULL;
	}
	if (pause_in_answer)
		vz_coproc_pause(coproc, true);
	if (++answers == stop_at)
		vz_loop_stop(loop, 0);
}

static void
on_room(void *arg)
{
	(void)arg;
	n_rooms++;
	vz_loop_stop(loop, 1);
}

static void
on_down(void *arg, const char *words, uint64_t wait_ms)
{
	(void)arg;
	tell("down(%s) ", words);
	if (n_delays < 16)
		delays[n_delays++] = wait_ms;
}

static void
on_ended(void *arg, const char *words)
{
	(void)arg;
	tell("ended(%s)", words);
	vz_loop_stop(loop, 2);
}

static const struct vz_coproc_events events = {
    .answered = on_answered, .room = on_room, .down = on_down, .ended = on_ended};

static int
try_start(const char *how, const struct vz_coproc_config *config)
{
	static const char *argv[4], *env[] = {"PATH=/bin:/usr/bin", NULL};
	struct vz_coproc_config c = *config;

	argv[0] = self;
	argv[1] = "--command";
	argv[2] = how;
	if (c.argv == NULL)
		c.argv = (char *const *)argv;
	c.envp = (char *const *)env;
	if (c.first_ms == 0)
		c.first_ms = 1;
	return vz_coproc_new(all, &c, &events, &told, &coproc);
}

static void
start(const struct vz_coproc_config *config)
{
	assert_int_equal(try_start("obey", config), 0);
}

static const struct vz_coproc_config plain = {0};

static int
ask_bytes(int tag, const void *body, size_t len, uint64_t *number)
{
	const struct vz_coproc_message m = {.peer = "vz1peer",
	    .id = "ab.1",
	    .name = "n\xc3\xa4me",
	    .name_len = 5,
	    .body = body,
	    .len = len,
	    .wanted = true};

	return vz_coproc_ask(coproc, &m, (void *)(intptr_t)tag, number);
}

static void
ask(int tag, const char *body)
{
	assert_int_equal(ask_bytes(tag, body, strlen(body), NULL), 0);
}

static void
until_answers(size_t n)
{
	stop_at = answers + n;
	assert_int_equal(vz_loop_run(loop), 0);
}

/* It is down; the one that was turned away hears when it is up again. */
static void
until_up(void)
{
	assert_int_equal(ask_bytes(99, "e", 1, NULL), VZ_EFULL);
	assert_int_equal(vz_loop_run(loop), 1);
}

static bool
there(const char *name)
{
	struct stat st;

	return stat(tempdir_path(&dir, name), &st) == 0;
}

static void
each_message_is_answered_with_its_own_reply_and_status(void **state)
{
	(void)state;
	start(&plain);
	ask(1, "echo me");
	ask(2, "s\x3f");
	ask(3, "");
	ask(4, "s\x07");
	until_answers(4);
	assert_string_equal(told, "1=0:echo me 2=63:said 3=0: 4=7:said ");
	assert_int_equal(vz_coproc_unanswered(coproc), 0);
}

static void
a_status_above_63_is_79(void **state)
{
	(void)state;
	start(&plain);
	ask(1, "s\x40");
	ask(2, "s\x4b");
	ask(3, "s\xff");
	until_answers(3);
	assert_string_equal(told, "1=79:said 2=79:said 3=79:said ");
}

static void
answers_may_come_in_any_order(void **state)
{
	(void)state;
	start(&plain);
	ask(1, "h");
	ask(2, "h");
	ask(3, "e");
	ask(4, "h");
	ask(5, "r");
	until_answers(5);
	assert_string_equal(told, "3=0:e 4=0:held 2=0:held 1=0:held 5=0: ");
}

static void
a_frame_tells_who_sent_what_under_which_name(void **state)
{
	(void)state;
	start(&plain);
	ask(1, "d");
	until_answers(1);
	/* flags, three lengths, three texts */
	assert_string_equal(told, "1=0:\1\7\4\5vz1peerab.1n\xc3\xa4me ");
}

static void
a_reply_that_is_not_wanted_is_said_so_and_dropped(void **state)
{
	const struct vz_coproc_message m = {.peer = "p", .id = "", .body = "d", .len = 1};

	(void)state;
	start(&plain);
	assert_int_equal(vz_coproc_ask(coproc, &m, NULL, NULL), 0);
	until_answers(1);
	assert_string_equal(told, "0=0: ");
}

static void
too_long_a_field_or_body_is_refused_and_nothing_is_sent(void **state)
{
	const struct vz_coproc_config config = {.max_body = 10};
	char name[256] = {0}, peer[257];
	struct vz_coproc_message m = {.peer = "p", .id = "i", .name = name, .name_len = 256};

	(void)state;
	memset(peer, 'p', 256);
	peer[256] = '\0';
	start(&config);
	assert_int_equal(vz_coproc_ask(coproc, &m, NULL, NULL), VZ_ELIMIT);
	m.name_len = 255;
	assert_int_equal(vz_coproc_ask(coproc, &m, NULL, NULL), 0);
	m.peer = peer;
	assert_int_equal(vz_coproc_ask(coproc, &m, NULL, NULL), VZ_ELIMIT);
	assert_int_equal(ask_bytes(1, "01234567890", 11, NULL), VZ_ELIMIT);
	assert_int_equal(ask_bytes(1, "e123456789", 10, NULL), 0);
	until_answers(2);
}

static void
what_it_had_not_answered_when_it_died_gets_75_and_it_is_started_again(void **state)
{
	(void)state;
	start(&plain);
	ask(1, "e");
	ask(2, "n");
	ask(3, "h");
	ask(4, "w");
	ask(5, "e");
	until_answers(5);
	assert_string_equal(told, "1=0:e down(exited 4) 2=75: 3=75: 4=75: 5=75: ");
	assert_true(vz_coproc_is_down(coproc));
	until_up();
	assert_false(vz_coproc_is_down(coproc));
	ask(6, "e");
	until_answers(1);
	assert_non_null(strstr(told, "6=0:e "));
}

static void
an_answer_that_breaks_the_format_ends_it(void **state)
{
	static const struct {
		const char *body, *words;
	} bad[] = {{"m", "answered with a malformed frame"},
	    {"b", "answered with a frame over the limit"},
	    {"u", "answered a message that does not wait for an answer"},
	    {"U", "answered a message that does not wait for an answer"}};

	(void)state;
	start(&plain);
	for (size_t i = 0; i < 4; i++) {
		char expected[256];

		n_told = 0;
		ask(1, bad[i].body);
		until_answers(1);
		snprintf(expected, sizeof(expected), "down(%s) 1=75: ", bad[i].words);
		assert_string_equal(told, expected);
		until_up();
	}
	n_told = 0;
	ask(1, "2");
	ask(2, "n");
	until_answers(2);
	assert_string_equal(
	    told, "1=0: down(answered a message that does not wait for an answer) 2=75: ");
	assert_false(there("ended"));
	assert_false(there("cut"));
}

static void
a_number_that_is_guessed_before_it_was_given_ends_it(void **state)
{
	static char body[1000000];

	(void)state;
	start(&plain);
	memset(body, 'n', sizeof(body));
	ask(0, "f");
	assert_int_equal(ask_bytes(1, body, sizeof(body), NULL), 0);
	assert_int_equal(ask_bytes(2, body, sizeof(body), NULL), 0);
	ask(3, "e");
	until_answers(4);
	assert_string_equal(told,
	    "down(answered a message that does not wait for an answer) "
	    "0=75: 1=75: 2=75: 3=75: ");
}

static void
a_reply_over_the_limit_ends_it_and_one_at_the_limit_does_not(void **state)
{
	const struct vz_coproc_config config = {.max_reply = 1000};
	char body[1001];

	(void)state;
	memset(body, 'e', sizeof(body));
	start(&config);
	assert_int_equal(ask_bytes(1, body, 1000, NULL), 0);
	until_answers(1);
	assert_int_equal(lost, 0);
	assert_int_equal(ask_bytes(2, body, 1001, NULL), 0);
	until_answers(1);
	assert_int_equal(lost, 1);
	assert_non_null(strstr(told, "down(answered with a frame over the limit)"));
}

static void
one_that_closes_its_streams_and_lives_on_is_ended(void **state)
{
	static char body[1 << 20];

	(void)state;
	start(&plain);
	ask(1, "o");
	until_answers(1);
	assert_string_equal(told, "down(closed its standard output) 1=75: ");
	until_up();
	n_told = 0;
	ask(1, "i");
	/* It is met when something is to be written: more than the pipe holds. */
	assert_int_equal(ask_bytes(2, body, sizeof(body), NULL), 0);
	until_answers(2);
	assert_string_equal(told, "down(closed its standard input) 1=75: 2=75: ");
}

static void
one_that_does_not_answer_in_time_is_ended(void **state)
{
	const struct vz_coproc_config config = {.answer_ms = 50};

	(void)state;
	start(&config);
	ask(1, "n");
	ask(2, "e");
	until_answers(2);
	assert_string_equal(told, "2=0:e down(did not answer in time) 1=75: ");
}

static void
the_delay_doubles_up_to_its_bound_and_the_first_failure_is_the_caller_s(void **state)
{
	const char *none[] = {"./not-there", NULL};
	/* One that lived for most_ms begins anew: it is to die sooner than that under valgrind too.
	 */
	const struct vz_coproc_config config = {.first_ms = 125, .most_ms = 1000};
	const struct vz_coproc_config missing = {.argv = (char *const *)none};
	struct vz_timer t = {.fn = on_bound};

	(void)state;
	assert_int_equal(try_start("dead", &missing), VZ_ESYSTEM);
	assert_int_equal(errno, ENOENT);
	assert_null(coproc);
	assert_int_equal(try_start("dead", &config), 0);
	while (n_delays < 5) {
		assert_int_equal(vz_timer_set(loop, &t, 20), 0);
		assert_int_equal(vz_loop_run(loop), -1000);
		assert_int_not_equal(bound.index, 0); /* it was the other */
	}
	assert_int_equal(delays[0], 125);
	assert_int_equal(delays[1], 250);
	assert_int_equal(delays[2], 500);
	assert_int_equal(delays[3], 1000);
	assert_int_equal(delays[4], 1000);
	vz_timer_stop(loop, &t);
}

static void
too_many_unanswered_wait_and_are_told_when_there_is_room(void **state)
{
	const struct vz_coproc_config config = {.max_unanswered = 3};

	(void)state;
	start(&config);
	ask(1, "h");
	ask(2, "h");
	ask(3, "e");
	assert_int_equal(ask_bytes(4, "r", 1, NULL), VZ_EFULL);
	assert_int_equal(vz_loop_run(loop), 1);
	assert_int_equal(n_rooms, 1);
	ask(4, "r");
	until_answers(3);
	assert_string_equal(told, "3=0:e 2=0:held 1=0:held 4=0: ");
}

static void
one_that_never_reads_costs_no_more_than_the_queue(void **state)
{
	const struct vz_coproc_config config = {.max_queued = 1 << 20, .max_unanswered = 100000};
	static char body[100000];
	size_t n = 0;
	int r;

	(void)state;
	start(&config);
	memset(body, 'e', sizeof(body));
	ask(0, "z");
	while ((r = ask_bytes(1, body, sizeof(body), NULL)) == 0)
		assert_true(++n < 100);
	assert_int_equal(r, VZ_EFULL);
	vz_coproc_free(coproc);
	coproc = NULL;
	assert_int_equal(answers, 0);
	assert_false(there("ended"));
	assert_false(there("cut"));
}

static void
many_and_large_ones_come_back_whole(void **state)
{
	const struct vz_coproc_config config = {.max_body = 3 << 20, .max_reply = 3 << 20};
	size_t len = 3 << 20;
	char *body = malloc(len);

	(void)state;
	memset(body, 'e', len);
	start(&config);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask_bytes(i, body, len, NULL), i < 1 ? 0 : VZ_EFULL);
		if (i > 0) {
			assert_int_equal(vz_loop_run(loop), 1);
			assert_int_equal(ask_bytes(i, body, len, NULL), 0);
		}
	}
	stop_at = 3;
	if (answers < 3)
		assert_int_equal(vz_loop_run(loop), 0);
	assert_int_equal(answers, 3);
	assert_int_equal(lost, 0);
	free(body);
}

static void
one_that_is_forgotten_is_not_told(void **state)
{
	uint64_t number = 0;

	(void)state;
	start(&plain);
	assert_int_equal(ask_bytes(1, "h", 1, &number), 0);
	vz_coproc_forget(coproc, number);
	vz_coproc_forget(coproc, number + 12345);
	ask(2, "h");
	ask(3, "r");
	until_answers(2);
	assert_string_equal(told, "2=0:held 3=0: ");
	assert_int_equal(vz_coproc_unanswered(coproc), 0);
	vz_coproc_forget(coproc, number);
	/* Nor when it dies. */
	assert_int_equal(ask_bytes(4, "n", 1, &number), 0);
	vz_coproc_forget(coproc, number);
	ask(5, "w");
	until_answers(1);
	assert_null(strstr(told, "4=75"));
	assert_non_null(strstr(told, "5=75"));
}

static void
while_paused_nothing_is_told_and_afterwards_all_is(void **state)
{
	struct vz_timer t = {.fn = on_bound};

	(void)state;
	start(&plain);
	pause_in_answer = true;
	for (int i = 1; i <= 5; i++) {
		ask(i, "h");
	}
	ask(6, "r"); /* one write of it: six answers in one read */
	for (size_t i = 1; i <= 6; i++) {
		until_answers(1);
		assert_int_equal(vz_timer_set(loop, &t, 10), 0);
		assert_int_equal(vz_loop_run(loop), -1000);
		assert_int_equal(answers, i);
		vz_coproc_pause(coproc, false);
	}
	assert_string_equal(told, "5=0:held 4=0:held 3=0:held 2=0:held 1=0:held 6=0: ");
}

static void
at_the_end_it_answers_what_it_has_and_sees_its_input_end(void **state)
{
	(void)state;
	start(&plain);
	ask(1, "e");
	ask(2, "e");
	vz_coproc_finish(coproc);
	assert_int_equal(ask_bytes(3, "e", 1, NULL), VZ_ECLOSED);
	assert_int_equal(vz_loop_run(loop), 2);
	assert_string_equal(told, "1=0:e 2=0:e ended(exited 0)");
	assert_true(there("ended"));
	assert_false(there("cut"));
}

static void
at_the_end_what_it_did_not_answer_gets_75_and_it_stays_away(void **state)
{
	(void)state;
	start(&plain);
	ask(1, "n");
	ask(2, "w");
	vz_coproc_finish(coproc);
	assert_int_equal(vz_loop_run(loop), 2);
	assert_string_equal(told, "1=75: 2=75: ended(exited 4)");
	vz_coproc_free(coproc);
	/* Nor does one that is down come back for it. */
	n_told = 0;
	start(&plain);
	ask(1, "w");
	until_answers(1);
	vz_coproc_finish(coproc);
	assert_int_equal(vz_loop_run(loop), 2);
	assert_string_equal(told, "down(exited 4) 1=75: ended(was not running)");
}

static void
it_may_be_freed_from_an_answer(void **state)
{
	static const char *const last[] = {"e", "w", "m"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		free_in_answer = true;
		start(&plain);
		ask(1, last[i]);
		ask(2, "e");
		until_answers(1);
		assert_null(coproc);
		assert_int_equal(answers, i + 1);
	}
}

static void
a_frame_cut_by_our_end_never_reaches_an_end_of_file(void **state)
{
	static char body[1 << 20];

	(void)state;
	memset(body, 'e', sizeof(body));
	for (int i = 0; i < 16; i++) {
		start(&plain);
		ask(1, "e");
		until_answers(1); /* it reads */
		assert_int_equal(ask_bytes(2, body, sizeof(body), NULL), 0);
		vz_coproc_free(coproc); /* as much is written as the pipe holds */
	}
	coproc = NULL;
	vz_handlers_free(all);
	assert_false(there("cut"));
	assert_false(there("ended"));
	assert_int_equal(vz_handlers_new(loop, &all), 0);
}

static void
numbers_are_not_used_twice_and_twenty_thousand_come_back(void **state)
{
	const struct vz_coproc_config config = {.max_unanswered = 7};
	uint64_t seen[7] = {0}, number;
	size_t asked = 0;
	int r;

	(void)state;
	start(&config);
	stop_at = 20000;
	while (answers < stop_at) {
		while (asked < stop_at && (r = ask_bytes(1, "e", 1, &number)) == 0) {
			asked++;
			assert_true(seen[number % 7] <= number);
			seen[number % 7] = number + 1;
		}
		assert_in_range(vz_loop_run(loop), 0, 1);
	}
	assert_int_equal(lost, 0);
	assert_int_equal(asked, 20000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
	    TEST(each_message_is_answered_with_its_own_reply_and_status),
	    TEST(a_status_above_63_is_79),
	    TEST(answers_may_come_in_any_order),
	    TEST(a_frame_tells_who_sent_what_under_which_name),
	    TEST(a_reply_that_is_not_wanted_is_said_so_and_dropped),
	    TEST(too_long_a_field_or_body_is_refused_and_nothing_is_sent),
	    TEST(what_it_had_not_answered_when_it_died_gets_75_and_it_is_started_again),
	    TEST(an_answer_that_breaks_the_format_ends_it),
	    TEST(a_number_that_is_guessed_before_it_was_given_ends_it),
	    TEST(a_reply_over_the_limit_ends_it_and_one_at_the_limit_does_not),
	    TEST(one_that_closes_its_streams_and_lives_on_is_ended),
	    TEST(one_that_does_not_answer_in_time_is_ended),
	    TEST(the_delay_doubles_up_to_its_bound_and_the_first_failure_is_the_caller_s),
	    TEST(too_many_unanswered_wait_and_are_told_when_there_is_room),
	    TEST(one_that_never_reads_costs_no_more_than_the_queue),
	    TEST(many_and_large_ones_come_back_whole),
	    TEST(one_that_is_forgotten_is_not_told),
	    TEST(while_paused_nothing_is_told_and_afterwards_all_is),
	    TEST(at_the_end_it_answers_what_it_has_and_sees_its_input_end),
	    TEST(at_the_end_what_it_did_not_answer_gets_75_and_it_stays_away),
	    TEST(it_may_be_freed_from_an_answer),
	    TEST(a_frame_cut_by_our_end_never_reaches_an_end_of_file),
	    TEST(numbers_are_not_used_twice_and_twenty_thousand_come_back),
	};

	if (argc == 3 && strcmp(argv[1], "--command") == 0)
		return command(argv[2]);
	if (realpath(argv[0], self) == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
