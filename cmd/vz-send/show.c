#include "cmd/vz-send/show.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/send.h"
#include "wire/frame.h"

#define NAME_SHOWN 512

/* How long it is. */

/* Of what is not open: a file that can be sent only once has no length either. */
static uint64_t
length_of_file(const struct input *in)
{
	struct stat st;
	off_t at = 0;

	if (!in->path || (in->stdin_fd ? fstat(STDIN_FILENO, &st) : stat(in->path, &st)) != 0 ||
	    !S_ISREG(st.st_mode))
		return VZ_LENGTH_UNKNOWN;
	if (in->stdin_fd)
		at = lseek(STDIN_FILENO, 0, SEEK_CUR);
	return at >= 0 && at < st.st_size ? (uint64_t)(st.st_size - at) : 0;
}

/* Looked up once. */
static uint64_t
length_of(struct input *in)
{
	if (!in->measured) {
		in->length = in->source ? vz_source_length(in->source) : length_of_file(in);
		/* What begins only when the other side is there may still tell. */
		in->measured = in->source || in->path;
	}
	return in->length;
}

static bool
has_failed(const struct item *it)
{
	return it->state == ITEM_OVER && it->status != 0 && it->status != VZ_EXIT_STORED;
}

static uint64_t
total_of(const struct lane *l)
{
	uint64_t total = 0, length;

	for (size_t i = 0; i < l->run->n_inputs; i++) {
		if (l->items && has_failed(&l->items[i]))
			continue;
		length = length_of(&l->run->inputs[i]);
		if (length == VZ_LENGTH_UNKNOWN || length > PROGRESS_UNKNOWN - 1 - total)
			return PROGRESS_UNKNOWN;
		total += length;
	}
	return total;
}

/* How far it is. */

static uint64_t
done_of(const struct lane *l)
{
	uint64_t done = l->bytes;

	if (l->batch)
		return l->store || l->over ? l->batch->bytes : again_reached(l);
	for (size_t i = 0; i < l->run->n_inputs; i++)
		if (l->items[i].state == ITEM_SENDING || l->items[i].state == ITEM_ENDED)
			done += l->items[i].taken;
	return done;
}

static uint64_t
sent_of(const struct lane *l)
{
	uint64_t sent = l->bytes;

	for (size_t i = 0; i < l->run->n_inputs; i++)
		if (l->items[i].state == ITEM_ENDED)
			sent += l->items[i].sent;
	return sent;
}

static uint64_t
under_way(const struct lane *l)
{
	const struct vz_session *s = link_session(&l->link);
	const struct batch *b = l->batch;

	if (s && !l->store)
		return vz_session_unfinished(s);
	return b->count > b->delivered + b->failed ? b->count - b->delivered - b->failed : 0;
}

/* All is sent, and what is missing is the other side's word, which says nothing of the last bytes
 * that it takes before its verdict. */
static bool
is_waiting(const struct lane *l)
{
	const struct run *r = l->run;
	bool taken = true;

	if (l->batch || l->store || l->over || l->link.stage < LINK_READY)
		return false;
	for (size_t i = 0; i < r->n_inputs; i++) {
		if (l->items[i].state < ITEM_ENDED)
			return false;
		taken &= l->items[i].state == ITEM_OVER || l->items[i].taken == l->items[i].sent;
	}
	return taken || r->reply.bytes > 0 ||
	    vz_loop_now(r->loop) - r->moved_at >= PROGRESS_FIRST_MS;
}

/* What it is about, when that is not sending. */
static const char *
note_of(const struct lane *l)
{
	if (l->over)
		return NULL;
	if (l->store)
		return "storing";
	if (l->link.stage < LINK_READY)
		return l->link.was_ready ? "reconnecting" : "connecting";
	if (!is_waiting(l) || l->run->reply.bytes > 0)
		return NULL;
	return l->run->options->reply ? "waiting for the reply" : "waiting for the other side";
}

static bool
is_behind(const struct lane *l, const struct lane *other)
{
	if (l->over || other->over)
		return other->over && !l->over;
	return l->batch ? l->batch->delivered < other->batch->delivered
			: done_of(l) < done_of(other);
}

static const struct lane *
slowest(const struct run *r)
{
	const struct lane *l = &r->lanes[0];

	for (size_t i = 1; i < r->n_lanes; i++)
		if (is_behind(&r->lanes[i], l))
			l = &r->lanes[i];
	return l;
}

static const char *
name_of(const struct run *r, size_t at)
{
	static char name[NAME_SHOWN];
	const char *s = r->inputs[at].name;

	return s ? diag_escape(name, sizeof(name), s, strlen(s)) : NULL;
}

static void
look_at_places(const struct run *r, struct progress_state *s)
{
	s->places = r->n_lanes;
	for (size_t i = 0; i < r->n_lanes; i++) {
		const struct lane *l = &r->lanes[i];

		s->there += l->over && (l->status == 0 || l->status == VZ_EXIT_STORED);
		s->resumed += l->link.resumed;
	}
}

static void
look(struct run *r, struct progress_state *s)
{
	const struct lane *l = slowest(r);
	uint64_t now = vz_loop_now(r->loop);
	size_t at = l->cur < r->n_inputs ? l->cur : r->n_inputs - 1;

	*s = (struct progress_state){
	    .done = done_of(l),
	    .total = total_of(l),
	    .replied = r->reply.bytes,
	    .file = at + 1,
	    .files = r->n_inputs,
	    .note = note_of(l),
	};
	look_at_places(r, s);
	if (r->moved != s->done) {
		r->moved = s->done;
		r->moved_at = now;
	}
	if (is_waiting(l)) {
		s->done = sent_of(l);
		s->total = PROGRESS_UNKNOWN;
	}
	if (l->batch) {
		s->many = true;
		s->delivered = l->batch->delivered;
		s->under_way = under_way(l);
		s->failed = l->batch->failed;
		progress_rate_take(&r->messages_rate, now, s->delivered);
		s->messages_per_s = s->note ? 0 : r->messages_rate.per_s;
	} else {
		s->name = name_of(r, at);
	}
	progress_rate_take(&r->bytes_rate, now, s->done + s->replied);
	s->per_s = s->note ? 0 : r->bytes_rate.per_s;
}

static void
tell_event(const struct progress_state *s)
{
	struct vz_json *j = diag_event("progress");

	vz_json_str(j, "state", s->note ? s->note : "sending");
	vz_json_u64(j, "bytes", s->done);
	if (s->total != PROGRESS_UNKNOWN)
		vz_json_u64(j, "of", s->total);
	vz_json_u64(j, "bytes_per_second", (uint64_t)s->per_s);
	if (s->many) {
		vz_json_u64(j, "delivered", s->delivered);
		vz_json_u64(j, "under_way", s->under_way);
		vz_json_u64(j, "failed", s->failed);
	}
	if (s->files > 1) {
		vz_json_u64(j, "file", s->file);
		vz_json_u64(j, "files", s->files);
	}
	if (s->replied)
		vz_json_u64(j, "reply", s->replied);
	if (s->places > 1) {
		vz_json_u64(j, "there", s->there);
		vz_json_u64(j, "destinations", s->places);
	}
	vz_json_u64(j, "resumed", s->resumed);
	diag_event_end(j);
}

static void
tell(void *arg)
{
	char words[PROGRESS_LINE_MAX];
	struct progress_state s;

	look(arg, &s);
	if (diag_is_json())
		tell_event(&s);
	else
		diag_verbose(-1, "%s", progress_words(&s, words));
}

static void
show(void *arg, struct progress *p)
{
	struct progress_state s;

	look(arg, &s);
	progress_add(p, &s);
}

/* Replies that are printed there, or a message that is typed there, are not to be mixed with it. */
static bool
terminal_is_taken(const struct run *r)
{
	if (r->options->reply && isatty(STDOUT_FILENO))
		return true;
	for (size_t i = 0; i < r->n_inputs; i++)
		if (r->inputs[i].stdin_fd && isatty(STDIN_FILENO))
			return true;
	return false;
}

int
show_start(struct run *r)
{
	uint64_t now = vz_loop_now(r->loop);
	int err;

	r->progress = (struct progress){
	    .loop = r->loop,
	    .tell = tell,
	    .show = show,
	    .arg = r,
	    .wish = r->options->common.progress,
	    .quiet = r->options->common.level < 0,
	    .taken = terminal_is_taken(r),
	};
	r->moved_at = now;
	progress_rate_take(&r->bytes_rate, now, 0);
	progress_rate_take(&r->messages_rate, now, 0);
	err = progress_start(&r->progress);
	if (!err)
		return 0;
	diag_error("%s", diag_words(err));
	return VZ_EXIT_OSERR;
}
