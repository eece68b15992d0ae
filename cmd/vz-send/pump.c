/*
 * The pump: input to session. It runs whenever something may have changed (input, window, output
 * drained, verdict) and stops when nothing can move.
 */
#include "cmd/vz-send/send.h"

#include <string.h>
#include "base/err.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "crypto/aead.h"
#include "wire/frame.h"

#define AHEAD      (4u * VZ_DATA_MAX) /* read ahead of what is sent: whole records */
#define LONG_INPUT (1024u * 1024)     /* worth the accelerator from the start */

/* libcrypto is dear to open and pays on long messages only (DESIGN 5). */
static void
accelerate(struct sender *s, const struct vz_source *source)
{
	uint64_t length = vz_source_length(source);

	if (s->accelerated)
		return;
	if (length != VZ_LENGTH_UNKNOWN ? length <= LONG_INPUT
					: vz_source_waiting(source) < VZ_EARLY_MAX)
		return;
	s->accelerated = true;
	(void)vz_aead_accelerate();
}

static void
on_input(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct sender *s = w->arg;

	(void)l;
	(void)got;
	/* The connection's own turn pumps, and writes what came of it. */
	if (s->link.conn)
		link_kick(&s->link);
	else
		pump(s);
}

static void
unwatch(struct sender *s)
{
	if (s->link.loop)
		vz_loop_del(s->link.loop, &s->input);
}

static void
input_failed(struct sender *s, struct item *it, int err)
{
	pump_cancel(s, it, item_input_failed(it, err),
	    err == VZ_ECHANGED ? "the file changed while it was sent" : "reading the input failed");
}

/* Waits for the source's descriptor exactly while that is what is missing. */
static void
watch(struct sender *s, int fd)
{
	int err;

	if (s->input.added && s->input.fd != fd)
		unwatch(s);
	if (fd < 0)
		return;
	if (s->input.added) {
		err = vz_loop_want(s->link.loop, &s->input, VZ_READ);
	} else {
		s->input = (struct vz_watch){.fd = fd, .fn = on_input, .arg = s};
		err = vz_loop_add(s->link.loop, &s->input, VZ_READ);
	}
	if (err && s->cur < s->n)
		input_failed(s, &s->items[s->cur], err);
}

static void
rest(struct sender *s)
{
	if (s->input.added)
		(void)vz_loop_want(s->link.loop, &s->input, 0);
}

void
pump_settled(struct sender *s)
{
	bool well = true;

	for (size_t i = 0; i < s->n; i++) {
		if (s->items[i].state != ITEM_OVER)
			return;
		well = well && s->items[i].status == 0;
	}
	link_finish(&s->link, !well);
}

void
pump_cancel(struct sender *s, struct item *it, int status, const char *text)
{
	struct vz_session *session = link_session(&s->link);

	unwatch(s);
	if (session && it->state == ITEM_SENDING)
		(void)vz_session_cancel(session, it->number, (uint8_t)status, text);
	verdict_tell(s, it, "failed", status, text, strlen(text));
	item_over(it, status);
}

/* The session itself failed: nothing can be sent any more. */
static void
broken(struct sender *s, int err)
{
	diag_error("%s: %s", s->link.shown, diag_words(err));
	link_abort(&s->link, vz_exit_of_peer(err), "");
}

static bool
open_message(struct sender *s, struct item *it)
{
	uint8_t flags = (uint8_t)(vz_source_rereadable(it->source) ? 0 : VZ_OPEN_ONE_PASS);
	int err = vz_session_open(link_session(&s->link), VZ_KIND_SEND, flags,
	    it->name ? it->name : "", vz_source_length(it->source), &it->number);

	if (err == VZ_EFULL)
		return false; /* the next turn has room */
	if (err) {
		broken(s, err);
		return false;
	}
	it->state = ITEM_SENDING;
	it->began_us = link_clock_us();
	return true;
}

/* Seals what is there, whole records while more is coming. False when the session failed. */
static bool
seal(struct sender *s, struct item *it, int got)
{
	struct vz_session *session = link_session(&s->link);
	uint64_t have = vz_source_end(it->source) - it->sent;
	const uint8_t *p;
	size_t n, room;
	long r;

	if (got == VZ_SOURCE_MORE && have > VZ_DATA_MAX)
		have -= have % VZ_DATA_MAX;
	while (have > 0 && (room = vz_session_room(session, it->number)) > 0) {
		n = vz_source_peek(it->source, it->sent, &p);
		if (n == 0)
			break;
		if (n > have)
			n = (size_t)have;
		r = vz_session_data(session, it->number, p, n < room ? n : room);
		if (r < 0) {
			broken(s, (int)r);
			return false;
		}
		it->sent += (uint64_t)r;
		have -= (uint64_t)r;
	}
	return true;
}

static void
end_message(struct sender *s, struct item *it)
{
	int err = vz_source_verify(it->source);

	if (err) {
		pump_cancel(
		    s, it, item_input_failed(it, err), "the file changed while it was sent");
		return;
	}
	unwatch(s);
	err = vz_session_end(link_session(&s->link), it->number);
	if (err) {
		broken(s, err);
		return;
	}
	vz_source_free(it->source);
	it->source = NULL;
	it->state = ITEM_ENDED;
	s->in_flight++;
	verdict_tell(s, it, "sent", 0, "", 0);
}

/* One round for one message. True when it makes sense to look again at once. */
static bool
move(struct sender *s, struct item *it)
{
	uint64_t before = it->sent;
	int got = vz_source_fill(it->source, it->sent + AHEAD);

	if (got < 0) {
		input_failed(s, it, got);
		return true;
	}
	accelerate(s, it->source);
	if (it->state == ITEM_OPENED) {
		if (s->link.stage < LINK_AUTHENTICATED) {
			if (got == VZ_SOURCE_DRY)
				watch(s, vz_source_fd(it->source));
			else
				rest(s);
			return false;
		}
		if (!open_message(s, it))
			return false;
	}
	if (!seal(s, it, got))
		return false;
	if (got == VZ_SOURCE_END && it->sent == vz_source_end(it->source)) {
		end_message(s, it);
		return s->link.status == 0;
	}
	if (got == VZ_SOURCE_DRY && it->sent == vz_source_end(it->source)) {
		watch(s, vz_source_fd(it->source));
		return false;
	}
	rest(s);
	return it->sent > before;
}

/* The message to be sent now, opened; NULL when there is none, or none may be begun. */
static struct item *
current(struct sender *s)
{
	for (; s->cur < s->n; s->cur++) {
		struct item *it = &s->items[s->cur];

		if (it->state == ITEM_WAITING) {
			/* A command's output has no path: it comes when the command is started. */
			if (s->in_flight >= IN_FLIGHT_MAX || !it->path)
				return NULL;
			item_open(it);
		}
		if (it->state < ITEM_ENDED)
			return it->source ? it : NULL;
	}
	return NULL;
}

void
pump(struct sender *s)
{
	struct item *it;

	if (s->link.status || s->link.finished || s->signo)
		return;
	while ((it = current(s)) != NULL && move(s, it))
		;
	if (s->link.stage >= LINK_AUTHENTICATED && s->link.status == 0)
		pump_settled(s);
}
