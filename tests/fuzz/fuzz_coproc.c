/*
 * The frames of a coprocess: a command that writes what it likes. Each message is answered once and
 * by what was said about it, or lost when the command ends; a frame that breaks the rules ends it.
 *
 * Aims at: lib/flow/coproc.c lib/flow/coproc_frames.c lib/flow/coproc_run.c lib/flow/asked.c
 *
 * The process and the event loop are played here; an input is what happens, turn by turn.
 */
#include "base/buf.h"
#include "base/err.h"
#include "flow/coproc.h"
#include "net/loop.h"
#include "tests/fuzz/fuzz.h"

#define PLACES    8 /* messages that it has at a time */
#define REPLY_MAX 64
#define BODY_MAX  96
#define ASKED_MAX 256
#define TURNS_MAX 512

struct vz_handler {
	const struct vz_handler_events *events;
	void *arg;
	bool live, killed, input_ended, paused;
	struct vz_rd output; /* what it wrote and was not read */
	uint8_t said[REPLY_MAX * 4];
	struct vz_buf stdin_; /* what it was given */
};

struct asked {
	uint64_t number;
	bool open, wanted, is_signed, forgotten, given; /* given: its frame was seen whole */
	size_t len;
};

static struct vz_handler command;
static struct vz_timer *timers[2];
static uint64_t now;
static struct asked asked[ASKED_MAX];
static size_t n_asked;
static struct vz_coproc *c;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

/* The loop. */

struct vz_loop *
vz_handlers_loop(const struct vz_handlers *all)
{
	(void)all;
	return NULL;
}

uint64_t
vz_loop_now(const struct vz_loop *l)
{
	(void)l;
	return now;
}

int
vz_timer_set(struct vz_loop *l, struct vz_timer *t, uint64_t ms)
{
	size_t i = timers[0] == NULL || timers[0] == t ? 0 : 1;

	(void)l;
	PROMISE(timers[i] == NULL || timers[i] == t);
	timers[i] = t;
	t->when = now + ms;
	return 0;
}

void
vz_timer_stop(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	for (size_t i = 0; i < 2; i++)
		if (timers[i] == t)
			timers[i] = NULL;
}

/* The process. */

int
vz_handler_start(struct vz_handlers *all, const struct vz_handler_config *config,
    const struct vz_handler_events *events, void *arg, struct vz_handler **out)
{
	(void)all;
	PROMISE(!command.live && config->reply);
	vz_buf_free(&command.stdin_);
	command = (struct vz_handler){.events = events, .arg = arg, .live = true};
	vz_buf_init(&command.stdin_, 1 << 20);
	*out = &command;
	return 0;
}

ssize_t
vz_handler_write(struct vz_handler *h, const void *p, size_t n)
{
	PROMISE(h == &command && h->live && !h->input_ended);
	PROMISE(vz_buf_put(&h->stdin_, p, n) == 0);
	return (ssize_t)n;
}

void
vz_handler_finish_input(struct vz_handler *h)
{
	PROMISE(h->live);
	h->input_ended = true;
}

bool
vz_handler_input_gone(const struct vz_handler *h)
{
	PROMISE(h->live);
	return false;
}

ssize_t
vz_handler_read(struct vz_handler *h, void *buf, size_t cap)
{
	size_t n = h->output.len < cap ? h->output.len : cap;

	PROMISE(h->live && cap > 0);
	if (n > 0)
		memcpy(buf, vz_rd_bytes(&h->output, n), n);
	return (ssize_t)n;
}

void
vz_handler_pause_output(struct vz_handler *h, bool pause)
{
	PROMISE(h->live);
	h->paused = pause;
}

void
vz_handler_kill(struct vz_handler *h)
{
	PROMISE(h->live && !h->killed);
	h->killed = true;
}

void
vz_handler_drop(struct vz_handler *h)
{
	if (h != NULL)
		h->live = false;
}

const char *
vz_handler_words(const struct vz_handler_end *end, char *buf, size_t cap)
{
	snprintf(buf, cap, "ended %d", end->wait);
	return buf;
}

/* The owner. */

static void
answered(void *arg, void *tag, int status, const void *reply, size_t len)
{
	struct asked *a = tag;

	(void)arg;
	PROMISE(a->open && !a->forgotten);
	a->open = false;
	PROMISE((status >= 0 && status <= 63) || status == VZ_HANDLER_FAILED ||
	    status == VZ_COPROC_LOST);
	PROMISE(len <= REPLY_MAX && (len == 0 || (a->wanted && reply != NULL)));
	PROMISE(a->given || status == VZ_COPROC_LOST);
}

static void
down(void *arg, const char *words, uint64_t wait_ms)
{
	(void)arg;
	PROMISE(words[0] != '\0' && wait_ms >= VZ_COPROC_FIRST_MS && wait_ms <= VZ_COPROC_MOST_MS);
}

static void
ended(void *arg, const char *words)
{
	(void)arg;
	PROMISE(words[0] != '\0');
}

/* What it was given are whole frames, in the order of asking, or the beginning of one. */
static void
read_stdin(void)
{
	while (command.stdin_.len >= 4) {
		const uint8_t *p = vz_buf_ptr(&command.stdin_);
		size_t len = vz_load32(p), i;

		if (command.stdin_.len < 4 + len)
			return;
		PROMISE(len >= VZ_COPROC_HEAD - 4);
		for (i = 0; i < n_asked; i++)
			if (asked[i].number == vz_load64(p + 4) && !asked[i].given)
				break;
		PROMISE(i < n_asked &&
		    p[12] ==
			((asked[i].wanted ? VZ_COPROC_WANTED : 0) |
			    (asked[i].is_signed ? VZ_COPROC_SIGNED : 0)));
		PROMISE(len == VZ_COPROC_HEAD - 4 + (size_t)p[13] + p[14] + p[15] + asked[i].len);
		asked[i].given = true;
		vz_buf_consume(&command.stdin_, 4 + len);
	}
}

static void
ask(struct vz_rd *in)
{
	static const char field[256] = {[0 ... 254] = 'x'};
	uint8_t how = vz_rd_u8(in);
	size_t len = vz_rd_u8(in);
	struct vz_coproc_message m = {.peer = field + 200 + how % 50,
	    .id = field + 254 - how % 64,
	    .name = field,
	    .name_len = how,
	    .body = field,
	    .len = len,
	    .wanted = (how & 1) != 0,
	    .is_signed = len % 2 != 0};
	struct asked *a = &asked[n_asked];
	int r;

	if (n_asked == ASKED_MAX)
		return;
	*a = (struct asked){.open = true, .wanted = m.wanted, .is_signed = m.is_signed, .len = len};
	r = vz_coproc_ask(c, &m, a, &a->number);
	PROMISE(r == 0 || r == VZ_EFULL || r == VZ_ELIMIT || r == VZ_ECLOSED);
	PROMISE(r != VZ_ELIMIT || len > BODY_MAX);
	if (r == 0)
		n_asked++;
	PROMISE(vz_coproc_unanswered(c) <= PLACES);
}

/* Output: the input's own bytes, or an answer to a message that waits. */
static void
speak(struct vz_rd *in, bool well)
{
	uint8_t n = vz_rd_u8(in);
	size_t len = 0;

	if (!command.live || command.paused)
		return;
	if (well && n_asked > 0) {
		const struct asked *a = &asked[n % n_asked];
		size_t reply = vz_rd_u8(in) % (REPLY_MAX + 2);

		vz_store32(command.said, (uint32_t)(9 + reply));
		vz_store64(command.said + 4, a->number);
		command.said[12] = vz_rd_u8(in);
		memset(command.said + VZ_COPROC_ANSWER, 'r', reply);
		len = VZ_COPROC_ANSWER + reply;
		if (!a->given)
			return;
	} else {
		len = n < in->len ? n : in->len;
		if (len > 0)
			memcpy(command.said, vz_rd_bytes(in, len), len);
	}
	command.output = vz_rd_of(command.said, len);
	command.events->output(command.arg, &command);
}

static void
end_command(void)
{
	const struct vz_handler_end end = {.killed = command.killed};
	const struct vz_handler_events *events = command.events;

	if (!command.live)
		return;
	command.live = false;
	events->ended(command.arg, &command, &end);
	/* Lost is all that it had, and not one was forgotten by the coprocess. */
	PROMISE(vz_coproc_unanswered(c) == 0);
	for (size_t i = 0; i < n_asked; i++)
		PROMISE(!asked[i].open || asked[i].forgotten);
	vz_buf_clear(&command.stdin_);
}

static void
pass_time(uint64_t ms)
{
	now += ms;
	for (size_t i = 0; i < 2; i++)
		if (timers[i] != NULL && timers[i]->when <= now)
			timers[i]->fn(NULL, timers[i]);
	if (command.live)
		read_stdin();
}

static void
turn(struct vz_rd *in)
{
	uint8_t op = vz_rd_u8(in);

	switch (op % 8) {
	case 0: ask(in); break;
	case 1: pass_time(0); break;
	case 2: pass_time((uint64_t)vz_rd_u8(in) * 200); break;
	case 3: speak(in, false); break;
	case 4: speak(in, true); break;
	case 5:
		if (n_asked > 0) {
			struct asked *a = &asked[vz_rd_u8(in) % n_asked];

			vz_coproc_forget(c, a->number);
			a->forgotten = true;
		}
		break;
	case 6: vz_coproc_pause(c, (op & 0x10) != 0); break;
	default:
		if ((op & 0xf0) == 0xf0)
			vz_coproc_finish(c);
		else if (command.killed || (op & 0x80) != 0)
			end_command();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vz_coproc_events events = {
	    .answered = answered, .down = down, .ended = ended};
	struct vz_rd in = vz_rd_of(data, size);
	uint8_t how = vz_rd_u8(&in);
	const struct vz_coproc_config config = {.max_body = BODY_MAX,
	    .max_reply = REPLY_MAX,
	    .max_unanswered = PLACES,
	    .max_queued = 1024,
	    .answer_ms = (how & 1) != 0 ? 1000 : 0};

	now = 1000;
	n_asked = 0;
	command.live = false;
	PROMISE(vz_coproc_new(NULL, &config, &events, NULL, &c) == 0);
	for (int i = 0; i < TURNS_MAX && in.len > 0; i++)
		turn(&in);
	end_command();
	vz_coproc_free(c);
	PROMISE(timers[0] == NULL && timers[1] == NULL);
	vz_buf_free(&command.stdin_);
	return 0;
}
