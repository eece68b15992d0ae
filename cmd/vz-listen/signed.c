#include "cmd/vz-listen/signed.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/deliver.h"
#include "cmd/vz-listen/incoming.h"
#include "cmd/vz-listen/taker.h"
#include "mail/proof.h"

/* Of what an earlier process left, read in one turn of the loop. */
#define SLICE (4 * 1024 * 1024)

/*
 * The hash goes on where the bytes do: of those that were here before this process it takes some
 * each turn. False: there are more, or they cannot be read, and the message is gone.
 */
static bool
caught_up(struct visit *v, struct incoming *in)
{
	static uint8_t buf[64 * 1024];
	const struct taker *taker = v->srv->taker;

	for (size_t done = 0; vz_proof_fed(in->proof) < in->earlier; done += sizeof(buf)) {
		uint64_t at = vz_proof_fed(in->proof), n = in->earlier - at;
		ssize_t r;

		if (done >= SLICE) {
			(void)vz_timer_set(v->srv->loop, &v->srv->wake, 0);
			return false;
		}
		n = n < sizeof(buf) ? n : sizeof(buf);
		r = taker->read_back ? taker->read_back(in, at, buf, (size_t)n) : 0;
		if (r == 0)
			errno = EIO; /* fewer than there were */
		if (r <= 0) {
			deliver_output_failed(v, in, VZ_ESYSTEM, VZ_EXIT_IOERR);
			return false;
		}
		vz_proof_feed(in->proof, buf, (size_t)r);
	}
	return true;
}

bool
signed_data(struct visit *v, struct incoming *in, struct vz_event *ev)
{
	const uint8_t *p = ev->bytes;
	size_t n = ev->bytes_len;
	bool all;

	if (!caught_up(v, in))
		return incoming_find(v, ev->number) == NULL;
	in->proved = false;
	all = v->srv->taker->data(v, in, ev);
	in = incoming_find(v, ev->number);
	if (in) /* else it has failed */
		vz_proof_feed(in->proof, p, all ? n : n - ev->bytes_len);
	return all;
}

static const char *
words_of(int verdict)
{
	switch (verdict) {
	case VZ_PROOF_MALFORMED: return "its manifest is malformed";
	case VZ_PROOF_SIGNATURE: return "its signature does not verify";
	case VZ_PROOF_SENDER: return "it is signed by another key than its sender's";
	case VZ_PROOF_RECIPIENT: return "it is signed for another recipient";
	case VZ_PROOF_MESSAGE: return "its manifest is that of another message";
	default: return "what came is not what was signed";
	}
}

static int
judge(const struct visit *v, const struct incoming *in, const struct vz_event *ev)
{
	struct vz_manifest want = {.from = v->who.key, .to = v->self, .sequence = in->number + 1};

	memcpy(want.stream, v->stream, sizeof(want.stream));
	memcpy(want.name, in->name, in->name_len);
	return vz_proof_check(in->proof, &want, ev->bytes, ev->text_len, ev->bytes_len);
}

bool
signed_proof(struct visit *v, struct incoming *in, const struct vz_event *ev)
{
	const struct taker *taker = v->srv->taker;
	int verdict;

	if (!caught_up(v, in))
		return incoming_find(v, ev->number) == NULL;
	verdict = judge(v, in, ev);
	if (verdict > 0) {
		deliver_failed(
		    v, in, VZ_EXIT_DATA, words_of(verdict), VZ_EXIT_DATA, words_of(verdict));
		return true;
	}
	if (verdict == 0 && taker->prove)
		verdict = taker->prove(in, ev->bytes, ev->text_len, ev->bytes_len);
	if (verdict < 0)
		deliver_output_failed(v, in, verdict, VZ_EXIT_OSERR);
	else
		in->proved = true;
	return true;
}

bool
signed_is(const struct incoming *in)
{
	return in->proof || in->visit->letter;
}

bool
signed_is_proved(const struct incoming *in)
{
	return !in->proof || in->proved;
}
