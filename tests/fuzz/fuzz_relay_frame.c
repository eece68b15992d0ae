/*
 * The frames between a client and a relay: what is decoded encodes to the same bytes, and words are
 * fit to be shown.
 *
 * Aims at: lib/wire/relay_frame.c lib/wire/layout.c
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "tests/fuzz/fuzz.h"
#include "wire/relay_frame.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vz_rd r = vz_rd_of(data, size < VZ_RECORD_PLAIN_MAX ? size : VZ_RECORD_PLAIN_MAX);
	const uint8_t *begin = data;
	struct vz_relay_frame f;
	char words[512];
	struct vz_buf out;
	int got;

	vz_buf_init(&out, VZ_RECORD_PLAIN_MAX);
	while ((got = vz_relay_frame_next(&r, &f)) == 1) {
		PROMISE(f.number < VZ_RELAY_NUMBER_MAX);
		vz_relay_frame_describe(&f, words, sizeof(words));
		for (const char *c = words; *c; c++)
			PROMISE((uint8_t)*c >= 0x20 && *c != 0x7f);
		if (f.type == VZ_RELAY_CLOSE)
			PROMISE(vz_name_ok(f.bytes, f.bytes_len));
		vz_buf_clear(&out);
		PROMISE(vz_relay_frame_put(&out, &f) == 0);
		PROMISE(out.len == (size_t)(r.p - begin));
		PROMISE(memcmp(vz_buf_ptr(&out), begin, out.len) == 0);
		begin = r.p;
	}
	PROMISE(got == VZ_EFORMAT || (got == 0 && r.len == 0));
	vz_buf_free(&out);
	return 0;
}
