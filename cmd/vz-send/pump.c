/*
 * The pump: input to session. It runs whenever something may have changed (input, window, output
 * drained, verdict) and stops when nothing can move.
 */
#include <string.h>
#include "base/err.h"
#include "cmd/common/agent.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/send.h"
#include "crypto/aead.h"
#include "wire/frame.h"

#define AHEAD      (4u * VZ_DATA_MAX) /* read ahead of what is sent: whole records */
#define LONG_INPUT (1024u * 1024)     /* worth the accelerator from the start */

void
pump_accelerate(struct lane *l, uint64_t bytes)
{
	bool known = l->link.stage >= LINK_AUTHENTICATED;
	/* Before it is agreed upon: what it will be unless the other side has no AES. */
	bool aes = known ? vz_session_is_aes(link_session(&l->link)) : vz_aead_has_aes();

	if (l->accelerated || bytes < VZ_EARLY_MAX)
		return;
	(void)vz_aead_accelerate(aes ? VZ_AEAD_AES256GCM : VZ_AEAD_CHACHAPOLY);
	l->accelerated = known;
}

/* The accelerator is dear to open and pays on long messages only (DESIGN 5). */
static void
accelerate(struct lane *l, const struct vz_source *source)
{
	uint64_t length = vz_source_length(source);

	if (l->accelerated)
		return;
	if (length == VZ_LENGTH_UNKNOWN)
		pump_accelerate(l, vz_source_waiting(source));
	else if (length > LONG_INPUT)
		pump_accelerate(l, length);
}

static struct input *
input_of(const struct lane *l, const struct item *it)
{
	return &l->run->inputs[it - l->items];
}

static void
input_broke(struct lane *l, struct item *it, int err)
{
	pump_cancel(l, it, input_failed(input_of(l, it), err),
	    err == VZ_ECHANGED ? "the file changed while it was sent" : "reading the input failed");
}

static void
settled(struct lane *l)
{
	bool well = true;

	for (size_t i = 0; i < l->run->n_inputs; i++) {
		if (l->items[i].state != ITEM_OVER)
			return;
		well = well && l->items[i].status == 0;
	}
	link_finish(&l->link, !well);
}

void
pump_cancel(struct lane *l, struct item *it, int status, const char *text)
{
	struct vz_session *session = link_session(&l->link);

	if (session && it->state == ITEM_SENDING)
		(void)vz_session_cancel(session, it->number, (uint8_t)status, text);
	verdict_tell(l, it, "failed", status, text, strlen(text));
	sign_over(it);
	input_leave(input_of(l, it), l->index);
	it->status = status;
	it->state = ITEM_OVER;
}

/*
 * A conversation: who answers may end it, as nobody waits for the end of what is typed, or comes
 * from a socket. A command's output counts only if the command ended well.
 */
static bool
is_live(const struct input *in)
{
	const struct send_options *o = in->run->options;

	return o->reply && !o->sign && !o->command && !vz_source_rereadable(in->source) &&
	    vz_source_length(in->source) == VZ_LENGTH_UNKNOWN;
}

static uint8_t
flags_of(const struct input *in)
{
	return (uint8_t)((vz_source_rereadable(in->source) ? 0 : VZ_OPEN_ONE_PASS) |
	    (in->run->options->sign ? VZ_OPEN_SIGNED : 0) | (is_live(in) ? VZ_OPEN_LIVE : 0));
}

static bool
open_message(struct lane *l, struct item *it)
{
	const struct input *in = input_of(l, it);
	int err = sign_begin(l, it);

	if (!err)
		err = vz_session_open(link_session(&l->link),
		    l->run->options->reply ? VZ_KIND_ASK : VZ_KIND_SEND, flags_of(in),
		    in->name ? in->name : "", vz_source_length(in->source), &it->number);
	if (err == VZ_EFULL)
		return false; /* a turn comes when there is room */
	if (err) {
		lane_broken(l, err);
		return false;
	}
	it->state = ITEM_SENDING;
	it->began_us = link_clock_us();
	return true;
}

/* Seals what is there, whole records while more is coming. False when the session failed. */
static bool
seal(struct lane *l, struct item *it, int got)
{
	struct vz_session *session = link_session(&l->link);
	struct vz_source *source = input_of(l, it)->source;
	uint64_t have = vz_source_end(source) - it->sent;
	const uint8_t *p;
	size_t n, room;
	long r;

	if (got == VZ_SOURCE_MORE && have > VZ_DATA_MAX)
		have -= have % VZ_DATA_MAX;
	while (have > 0 && (room = vz_session_room(session, it->number)) > 0) {
		n = vz_source_peek(source, it->sent, &p);
		if (n == 0)
			break;
		if (n > have)
			n = (size_t)have;
		r = vz_session_data(session, it->number, p, n < room ? n : room);
		if (r < 0) {
			lane_broken(l, (int)r);
			return false;
		}
		if (it->signing)
			sign_bytes(it, p, (size_t)r);
		it->sent += (uint64_t)r;
		have -= (uint64_t)r;
	}
	return true;
}

/* The next one may have more luck: somebody may have said no to this one. */
static void
not_signed(struct lane *l, struct item *it, int err)
{
	int status = agent_complain(l->run->me.agent, l->link.text, err);

	pump_cancel(l, it, status, "it could not be signed");
}

/* False: its signature is awaited, or the session failed. */
static bool
end_message(struct lane *l, struct item *it)
{
	struct input *in = input_of(l, it);
	int err = vz_source_verify(in->source);

	if (err) {
		input_broke(l, it, err);
		return true;
	}
	err = it->signing ? sign_say(l, it) : 0;
	if (err == VZ_EPENDING)
		return false;
	if (err == VZ_ESIGNER || err == VZ_EAUTH) {
		not_signed(l, it, err);
		return true;
	}
	if (!err)
		err = vz_session_end(link_session(&l->link), it->number);
	if (err) {
		lane_broken(l, err);
		return false;
	}
	/* It stays open until the verdict: after a break it may be wanted again. */
	it->state = ITEM_ENDED;
	l->in_flight++;
	verdict_tell(l, it, "sent", 0, "", 0);
	return l->link.status == 0;
}

/* One round for one message. True when it makes sense to look again at once. */
static bool
move(struct lane *l, struct item *it)
{
	struct input *in = input_of(l, it);
	uint64_t before = it->sent;
	int got = input_fill(in, l->index, it->sent + AHEAD);

	if (got < 0) {
		input_broke(l, it, got);
		return true;
	}
	accelerate(l, in->source);
	if (it->state == ITEM_OPENED &&
	    (l->link.stage < LINK_AUTHENTICATED || !open_message(l, it)))
		return false;
	if (!seal(l, it, got) || vz_session_waits(link_session(&l->link), it->number))
		return false;
	if (got == VZ_SOURCE_END && it->sent == vz_source_end(in->source))
		return end_message(l, it);
	if (got == VZ_SOURCE_FULL && it->sent == vz_source_end(in->source))
		slow_check(l->run);
	return it->sent > before;
}

void
pump_resume(struct lane *l)
{
	struct vz_session *s = link_session(&l->link);

	for (size_t i = 0; l->items && i < l->run->n_inputs; i++) {
		struct item *it = &l->items[i];
		const struct input *in = input_of(l, it);
		int err;

		if ((it->state != ITEM_SENDING && it->state != ITEM_ENDED) ||
		    !vz_session_silent(s, it->number))
			continue;
		err = vz_session_reopen(s, it->number, flags_of(in), in->name ? in->name : "",
		    vz_source_holds(in->source) ? 0 : in->user[l->index].taken);
		if (err) {
			lane_broken(l, err);
			return;
		}
	}
}

void
pump_go_on(struct lane *l, struct item *it, uint64_t offset)
{
	size_t i = (size_t)(it - l->items);

	it->sent = offset;
	if (it->state == ITEM_ENDED) {
		it->state = ITEM_SENDING;
		l->in_flight--;
	}
	if (l->cur > i)
		l->cur = i;
}

static void
open_item(struct lane *l, struct item *it)
{
	it->status = input_open(input_of(l, it), l->index);
	it->state = it->status ? ITEM_OVER : ITEM_OPENED;
}

/* The message to be sent now, opened; NULL when there is none, or none may be begun. */
static struct item *
current(struct lane *l)
{
	for (; l->cur < l->run->n_inputs; l->cur++) {
		struct item *it = &l->items[l->cur];
		struct input *in = input_of(l, it);

		if (it->state == ITEM_WAITING) {
			/* A command's output has no path: it comes when the command is started. */
			if (l->in_flight >= FILES_IN_FLIGHT || (!in->path && !in->source))
				return NULL;
			open_item(l, it);
		}
		if (it->state < ITEM_ENDED)
			return it;
	}
	return NULL;
}

bool
pump_prepare(struct lane *l)
{
	return current(l) != NULL || l->cur < l->run->n_inputs;
}

void
pump(struct lane *l)
{
	struct item *it;

	while ((it = current(l)) != NULL && move(l, it))
		;
	if (l->link.stage >= LINK_AUTHENTICATED && l->link.status == 0)
		settled(l);
}
