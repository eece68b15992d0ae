/*
 * What became of a message: the other side's word on it, told in words and as events.
 */
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/send.h"
#include "cmd/vz-send/words.h"

static const struct input *
input_of(const struct lane *l, const struct item *it)
{
	return &l->run->inputs[it - l->items];
}

void
verdict_tell(const struct lane *l, const struct item *it, const char *event, int status,
    const void *text, size_t text_len)
{
	const struct input *in = input_of(l, it);
	struct vz_json *j = diag_event(event);
	char id[64], size[16];

	if (l->run->n_lanes > 1)
		vz_json_str(j, "to", l->link.text);
	if (it->state >= ITEM_SENDING) {
		link_message_id(&l->link, it->number, id);
		vz_json_str(j, "id", id);
	}
	if (in->path)
		vz_json_str(j, "file", in->path);
	if (in->name)
		vz_json_str(j, "name", in->name);
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
	diag_verbose(1, "%s: %s, %s", input_shown(in), event, size);
}

const char *
verdict_words(uint8_t status, const void *p, size_t len, char buf[static 2048])
{
	char text[1024];
	const char *colon;

	diag_escape(text, sizeof(text), p, len);
	colon = *text ? ": " : "";
	if (status > 0 && status <= VZ_EXIT_HANDLER_MAX)
		snprintf(buf, 2048, "the command there exited %u%s%s", status, colon, text);
	else
		snprintf(buf, 2048, "%s%s%s", words_of_status(status), colon, text);
	return buf;
}

struct item *
item_find(struct lane *l, uint64_t number)
{
	for (size_t i = 0; i < l->run->n_inputs; i++) {
		struct item *it = &l->items[i];

		if ((it->state == ITEM_SENDING || it->state == ITEM_ENDED) && it->number == number)
			return it;
	}
	return NULL;
}

static void
say_refused(const struct lane *l, const struct item *it, const struct verdict *v)
{
	bool many = l->run->n_inputs > 1;
	char words[2048];

	verdict_words(v->status, v->text, v->text_len, words);
	if (many && l->run->n_lanes > 1)
		diag_error("%s: %s: %s", l->link.shown, input_shown(input_of(l, it)), words);
	else
		diag_error("%s: %s", many ? input_shown(input_of(l, it)) : l->link.shown, words);
}

static void
settle(struct lane *l, uint64_t number, const struct verdict *v)
{
	struct item *it = item_find(l, number);

	if (!it)
		return;
	if (it->state == ITEM_ENDED)
		l->in_flight--;
	if (v->status == 0) {
		l->bytes += it->sent;
		verdict_tell(l, it, "delivered", 0, "", 0);
	} else {
		say_refused(l, it, v);
		verdict_tell(l, it, "failed", v->status, v->text, v->text_len);
	}
	sign_over(it);
	input_leave(&l->run->inputs[it - l->items], l->index);
	it->status = v->status;
	it->state = ITEM_OVER;
}

void
verdict(struct lane *l, const struct verdict *v)
{
	for (uint64_t i = 0; i < v->count; i++)
		settle(l, v->number + i, v);
}
