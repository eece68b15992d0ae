#include "flow/sink_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

#define ESCAPE_IN  1024
#define ESCAPE_OUT (4 * ESCAPE_IN + 16) /* \xNN is the longest for one byte */
#define UTF8_MAX   4

/*
 * What a terminal gets is escaped piece by piece: `held` are the first bytes of a character whose
 * rest has not come, `text` what is escaped and not yet written.
 */
struct stream {
	struct vz_sink sink;
	struct vz_outfd out;
	bool escape;
	uint8_t held[UTF8_MAX];
	size_t held_len;
	char text[ESCAPE_OUT];
	size_t text_at, text_len;
};

struct stream_drop {
	struct vz_drop drop;
	bool begun; /* bytes of this message are out */
};

static struct stream *
stream_of(const struct vz_drop *d)
{
	return (struct stream *)d->sink;
}

static int
stream_begin(
    struct vz_sink *s, const struct vz_arrival *m, const struct vz_left *left, struct vz_drop **out)
{
	struct stream_drop *d = calloc(1, sizeof(*d));

	(void)s;
	(void)m;
	(void)left; /* nothing can be left on a descriptor */
	if (!d)
		return VZ_ENOMEM;
	*out = &d->drop;
	return 0;
}

static ssize_t
put(struct stream *s, struct stream_drop *d, const void *p, size_t n)
{
	ssize_t r = vz_outfd_write(&s->out, p, n);

	if (r < 0)
		s->sink.failed = true;
	if (r > 0)
		d->begun = true;
	return r;
}

/* Writes what is escaped: 1 when all is out, 0 to wait. */
static int
drain(struct stream *s, struct stream_drop *d)
{
	while (s->text_at < s->text_len) {
		ssize_t r = put(s, d, s->text + s->text_at, s->text_len - s->text_at);

		if (r <= 0)
			return (int)r;
		s->text_at += (size_t)r;
	}
	s->text_at = s->text_len = 0;
	return 1;
}

static void
escape(struct stream *s, enum vz_escape_for how, const uint8_t *p, size_t n)
{
	uint8_t in[UTF8_MAX + ESCAPE_IN];
	size_t len = s->held_len, taken;

	memcpy(in, s->held, len);
	if (n > 0)
		memcpy(in + len, p, n);
	len += n;
	taken = vz_escape(how, s->text, sizeof(s->text), in, len);
	s->text_len = strlen(s->text);
	/* There is room for everything, so what was not taken is a character's beginning. */
	s->held_len = len - taken < UTF8_MAX ? len - taken : 0;
	memcpy(s->held, in + taken, s->held_len);
}

static ssize_t
write_escaped(struct stream *s, struct stream_drop *d, const uint8_t *p, size_t n)
{
	size_t done = 0;
	int r = drain(s, d);

	while (r > 0 && done < n) {
		size_t piece = n - done < ESCAPE_IN ? n - done : ESCAPE_IN;

		escape(s, VZ_ESCAPE_BODY, p + done, piece);
		done += piece;
		r = drain(s, d);
	}
	return r < 0 ? r : (ssize_t)done;
}

static ssize_t
stream_write(struct vz_drop *drop, const uint8_t *p, size_t n)
{
	struct stream_drop *d = (struct stream_drop *)drop;
	struct stream *s = stream_of(drop);

	return s->escape ? write_escaped(s, d, p, n) : put(s, d, p, n);
}

static int
stream_finish(struct vz_drop *drop)
{
	struct stream_drop *d = (struct stream_drop *)drop;
	struct stream *s = stream_of(drop);
	int r = drain(s, d);

	if (r > 0 && s->held_len > 0) {
		/* The rest of that character will not come: its bytes are shown as they are. */
		escape(s, VZ_ESCAPE_LINE, NULL, 0);
		r = drain(s, d);
	}
	return r < 0 ? r : r == 0 ? VZ_SINK_WAIT : 0;
}

static void
stream_end(struct vz_drop *drop, bool whole)
{
	struct stream_drop *d = (struct stream_drop *)drop;
	struct stream *s = stream_of(drop);

	if (!whole) {
		s->sink.torn |= d->begun;
		s->text_at = s->text_len = s->held_len = 0;
	}
	free(d);
}

static void
stream_free(struct vz_sink *sink)
{
	struct stream *s = (struct stream *)sink;

	vz_outfd_close(&s->out);
	free(s);
}

static const struct vz_sink_kind stream_kind = {
    .begin = stream_begin,
    .write = stream_write,
    .finish = stream_finish,
    .end = stream_end,
    .free = stream_free,
};

int
vz_sink_stream(int fd, bool escape_it, struct vz_sink **out)
{
	struct stream *s = calloc(1, sizeof(*s));
	int r;

	*out = NULL;
	if (!s)
		return VZ_ENOMEM;
	r = vz_outfd_open(&s->out, fd);
	if (r < 0) {
		free(s);
		return r;
	}
	s->sink.kind = &stream_kind;
	s->sink.exclusive = true;
	s->sink.fd = s->out.fd;
	s->escape = escape_it;
	*out = &s->sink;
	return 0;
}
