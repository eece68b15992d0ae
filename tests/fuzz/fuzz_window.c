/*
 * The memory of what was delivered: what is read of it under a right sum is written again to the
 * same bytes, and holds what a window may hold.
 *
 * Aims at: lib/mail/window.c
 */
#include "base/err.h"
#include "base/hash.h"
#include "mail/window.h"
#include "tests/fuzz/fuzz.h"

#define SUMMED (VZ_WINDOW_LEN - 32)

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return vz_secret_init();
}

/* One that was read goes on as any other. */
static void
use(struct vz_window *w, uint64_t sequence)
{
	struct vz_manifest m = {.sequence = sequence};
	struct vz_window_gap gap;

	if (sequence < 1 || sequence > VZ_SEQUENCE_MAX)
		return;
	if (vz_window_check(w, &m, &gap) == VZ_WINDOW_NEW)
		vz_window_mark(w, &m);
	PROMISE(gap.first <= gap.last && (gap.first == 0 || gap.last < sequence));
	PROMISE(vz_window_check(w, &m, &gap) != VZ_WINDOW_NEW);
	PROMISE(w->highest >= sequence && w->highest <= VZ_SEQUENCE_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[VZ_WINDOW_LEN] = {0}, again[VZ_WINDOW_LEN];
	struct vz_window w;
	struct vz_key sender;
	int r;

	PROMISE(size == VZ_WINDOW_LEN || vz_window_decode(data, size, &sender, &w) == VZ_EFORMAT);
	memcpy(bytes, data, size < SUMMED ? size : SUMMED);
	vz_blake2b_256(NULL, 0, bytes, SUMMED, NULL, 0, bytes + SUMMED);
	memcpy(sender.b, bytes + 1, sizeof(sender.b));
	r = vz_window_decode(bytes, sizeof(bytes), &sender, &w);
	PROMISE(r == 0 || r == VZ_EFORMAT);
	if (r)
		return 0;
	vz_window_encode(&w, again);
	PROMISE(memcmp(bytes, again, sizeof(bytes)) == 0);
	if (size >= 8)
		use(&w, vz_load64(data + size - 8));
	return 0;
}
