#include "mail/age.h"

#include <string.h>
#include "base/err.h"
#include "base/secret.h"
#include "mail/age_impl.h"

/* Of the text that age_header.c writes. */
#define HEADER_LEN(n) (22 + 98 * (uint64_t)(n) + 48)

struct vz_age_writer {
	struct age_stream stream;
	bool over;
	size_t held;
	uint8_t chunk[VZ_AGE_CHUNK];
};

/* Header and nonce; the random bytes are in the order of age.h. */
static int
begin(const uint8_t (*recipients)[VZ_AGE_KEY], size_t n, const uint8_t *random, struct vz_buf *to)
{
	struct age_stanza stanzas[VZ_AGE_KEYS_MAX];
	int err;

	for (size_t i = 0; i < n; i++) {
		err = vz_age_wrap(random, recipients[i], random + 32 + 32 * i, &stanzas[i]);
		if (err)
			return err;
	}
	err = vz_age_header_write(random, stanzas, n, to);
	return err ? err : vz_buf_put(to, random + AGE_FILE_KEY, AGE_NONCE);
}

int
vz_age_writer_new(struct vz_age_writer **out, const uint8_t (*recipients)[VZ_AGE_KEY], size_t n,
    const uint8_t *random, struct vz_buf *to)
{
	struct vz_age_writer *w;
	size_t before = to->len;
	int err;

	*out = NULL;
	if (n < 1 || n > VZ_AGE_KEYS_MAX)
		return VZ_EINVAL;
	w = vz_secret_small(sizeof(*w));
	if (w == NULL)
		return VZ_ENOMEM;
	err = begin(recipients, n, random, to);
	if (err) {
		vz_buf_truncate(to, before);
		vz_age_writer_free(w);
		return err;
	}
	vz_age_stream_init(&w->stream, random, random + AGE_FILE_KEY);
	*out = w;
	return 0;
}

void
vz_age_writer_free(struct vz_age_writer *w)
{
	vz_secret_small_free(w, sizeof(*w));
}

static int
flush(struct vz_age_writer *w, bool last, struct vz_buf *to)
{
	int err = vz_age_stream_seal(&w->stream, w->chunk, w->held, last, to);

	w->held = 0;
	w->over = last || err;
	return err;
}

int
vz_age_writer_put(struct vz_age_writer *w, const void *p, size_t n, struct vz_buf *to)
{
	const uint8_t *from = p;
	int err = w->over ? VZ_EINVAL : 0;

	while (!err && n > 0) {
		size_t some = VZ_AGE_CHUNK - w->held;

		/* More follows, so that the full one is not the last. */
		if (some == 0) {
			err = flush(w, false, to);
			continue;
		}
		if (some > n)
			some = n;
		memcpy(w->chunk + w->held, from, some);
		w->held += some;
		from += some;
		n -= some;
	}
	return err;
}

int
vz_age_writer_end(struct vz_age_writer *w, struct vz_buf *to)
{
	return w->over ? VZ_EINVAL : flush(w, true, to);
}

uint64_t
vz_age_size(size_t recipients, uint64_t plain)
{
	uint64_t chunks = plain == 0 ? 1 : (plain - 1) / VZ_AGE_CHUNK + 1;

	return HEADER_LEN(recipients) + AGE_NONCE + plain + chunks * AGE_TAG;
}
