/*
 * The frames of a record: what is decoded encodes to the same bytes, and words are fit to be shown.
 *
 * Aims at: lib/wire/frame.c lib/wire/layout.c lib/wire/layout_words.c
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "tests/fuzz/fuzz.h"
#include "wire/frame.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

/* Printable text that no terminal minds, whatever it was made of. */
static void
described(const struct vz_frame *f, size_t cap)
{
	char words[512];

	vz_frame_describe(f, "01020304", words, cap);
	PROMISE(memchr(words, 0, cap) != NULL);
	for (const char *c = words; *c; c++)
		PROMISE((uint8_t)*c >= 0x20 && *c != 0x7f);
}

static void
check(const struct vz_frame *f)
{
	described(f, 512);
	described(f, 1 + f->number % 100);
	switch (f->type) {
	case VZ_FRAME_OPEN:
		PROMISE(f->kind <= VZ_KIND_ASK);
		PROMISE((f->flags & ~(VZ_OPEN_ONE_PASS | VZ_OPEN_SIGNED | VZ_OPEN_LIVE)) == 0);
		PROMISE(vz_name_ok(f->bytes, f->bytes_len));
		break;
	case VZ_FRAME_CANCEL:
	case VZ_FRAME_DONE:
	case VZ_FRAME_CLOSE:
		PROMISE(f->bytes_len <= VZ_TEXT_MAX && vz_utf8_ok(f->bytes, f->bytes_len));
		break;
	case VZ_FRAME_SIGNED:
		PROMISE(f->text_len > 0 && f->text_len <= VZ_SIGNED_TEXT);
		PROMISE(f->bytes_len > f->text_len);
		PROMISE(f->bytes_len - f->text_len <= VZ_SIGNED_SIG);
		break;
	case VZ_FRAME_DATA: PROMISE(f->bytes_len > 0); break;
	default: break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vz_rd r = vz_rd_of(data, size < VZ_RECORD_PLAIN_MAX ? size : VZ_RECORD_PLAIN_MAX);
	const uint8_t *begin = data;
	struct vz_frame f;
	struct vz_buf out;
	int got;

	vz_buf_init(&out, VZ_RECORD_PLAIN_MAX);
	while ((got = vz_frame_next(&r, &f)) == 1) {
		check(&f);
		vz_buf_clear(&out);
		PROMISE(vz_frame_put(&out, &f) == 0);
		PROMISE(out.len == (size_t)(r.p - begin));
		PROMISE(memcmp(vz_buf_ptr(&out), begin, out.len) == 0);
		begin = r.p;
	}
	PROMISE(got == VZ_EFORMAT || (got == 0 && r.len == 0));
	vz_buf_free(&out);
	return 0;
}
