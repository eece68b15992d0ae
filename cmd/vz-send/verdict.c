/*
 * What became of a message: the other side's word on it, told in words and as events.
 */
#include <string.h>
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/send.h"
#include "cmd/vz-send/words.h"

void
verdict_tell(const struct sender *s, const struct item *it, const char *event, int status,
    const void *text, size_t text_len)
{
	struct vz_json *j = diag_event(event);
	char id[64], size[16];

	if (it->state >= ITEM_SENDING) {
		link_message_id(&s->link, it->number, id);
		vz_json_str(j, "id", id);
	}
	if (it->path)
		vz_json_str(j, "file", it->path);
	if (it->name)
		vz_json_str(j, "name", it->name);
	vz_json_u64(j, "bytes", it->sent);
	if (status != 0) {
		vz_json_u64(j, "status", (uint64_t)status);
		if (text_len > 0)
			vz_json_bytes(j, "text", text, text_len);
	} else if (it->began_us) {
		vz_json_u64(j, "us", link_clock_us() - it->began_us);
	}
	diag_event_end(j);
	if (diag_is_json() || status != 0)
		return;
	vz_format_size(it->sent, size);
	diag_verbose(1, "%s: %s, %s", item_shown(it), event, size);
}

static struct item *
find(struct sender *s, uint64_t number)
{
	for (size_t i = 0; i < s->n; i++) {
		struct item *it = &s->items[i];

		if ((it->state == ITEM_SENDING || it->state == ITEM_ENDED) && it->number == number)
			return it;
	}
	return NULL;
}

static void
say_refused(const struct sender *s, const struct item *it, const struct vz_event *ev)
{
	const char *whose = s->n > 1 ? item_shown(it) : s->link.shown;
	char text[1024];

	diag_escape(text, sizeof(text), ev->bytes, ev->bytes_len);
	if (ev->status <= VZ_EXIT_HANDLER_MAX)
		diag_error("%s: the command there exited %u%s%s", whose, ev->status,
		    *text ? ": " : "", text);
	else
		diag_error(
		    "%s: %s%s%s", whose, words_of_status(ev->status), *text ? ": " : "", text);
}

static void
settle(struct sender *s, uint64_t number, const struct vz_event *ev)
{
	struct item *it = find(s, number);

	if (!it)
		return;
	if (it->state == ITEM_ENDED)
		s->in_flight--;
	if (ev->status == 0) {
		verdict_tell(s, it, "delivered", 0, "", 0);
	} else {
		say_refused(s, it, ev);
		verdict_tell(s, it, "failed", ev->status, ev->bytes, ev->bytes_len);
		if (it->state == ITEM_SENDING)
			vz_loop_del(s->link.loop, &s->input);
	}
	item_over(it, ev->status);
}

/* Verdicts of several messages in a row come as one. */
void
verdict(struct sender *s, const struct vz_event *ev)
{
	for (uint64_t i = 0; i < ev->count; i++)
		settle(s, ev->number + i, ev);
}
