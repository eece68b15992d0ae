/*
 * A body becomes a parcel: counted, signed, sealed for the recipient's bundle.
 */
#include <sodium.h>
#include <string.h>
#include <time.h>
#include "base/err.h"
#include "base/hash.h"
#include "base/secret.h"
#include "cmd/common/agent.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "cmd/vz-send/store_impl.h"
#include "mail/seal.h"

#define PIECE (64u * 1024)

_Static_assert(VZ_MAILBOOK_HASH == VZ_MANIFEST_HASH, "the previous one's hash");

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec < 0 ? 0 : (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
describe(const struct store *st, const char *name, struct vz_manifest *m)
{
	const struct link *k = &st->lane->link;

	memset(m, 0, sizeof(*m));
	m->from = k->me->identity->bundle.identity;
	m->to = k->to.key;
	m->size = st->body.len;
	m->expires = now_us() / 1000000 + k->options->expires_s;
	strlcpy(m->name, name, sizeof(m->name));
}

/* As long as it can get: a number is not to be taken for what cannot be stored. */
static bool
fits(struct vz_manifest m)
{
	uint64_t size;

	m.sequence = VZ_SEQUENCE_MAX;
	m.has_previous = true;
	return vz_seal_size(&m, &size) == 0 && size <= VZ_RELAY_MAIL_MAX;
}

static int
take_number(struct store *st, struct parcel *p, struct vz_manifest *m)
{
	uint8_t fresh[VZ_MAILBOOK_STREAM];
	int err;

	randombytes_buf(fresh, sizeof(fresh));
	err = vz_mailbook_next(st->lane->run->book, &m->from, &m->to, fresh, now_us(), &p->number);
	memcpy(m->stream, p->number.stream, sizeof(m->stream));
	memcpy(m->previous, p->number.previous, sizeof(m->previous));
	m->sequence = p->number.sequence;
	m->has_previous = p->number.has_previous;
	return err;
}

static int
seal_body(const struct vz_seal_config *c, const struct vz_buf *body, struct vz_seal **s,
    struct vz_buf *out)
{
	const uint8_t *p = vz_buf_ptr(body);
	size_t left = body->len, n;
	int err = vz_seal_new(s, c, out);

	for (; !err && left > 0; p += n, left -= n) {
		n = left < PIECE ? left : PIECE;
		err = vz_seal_put(*s, p, n, out);
	}
	return err;
}

/* The number is used up, whatever becomes of it. */
static int
begin_seal(struct store *st, struct parcel *p, const struct vz_manifest *m)
{
	struct vz_seal_config c = {
	    .manifest = *m, .sign = self_sign_message, .sign_arg = &st->lane->run->me};
	int err;

	memcpy(c.recipient, st->to.age, sizeof(c.recipient));
	randombytes_buf(c.random, sizeof(c.random));
	vz_buf_init(&p->sealed, VZ_RELAY_MAIL_MAX);
	err = seal_body(&c, &st->body, &st->sealing, &p->sealed);
	vz_wipe(c.random, sizeof(c.random));
	return err;
}

/* It is sealed: what the next one is to know of it. */
static int
count_it(struct store *st, struct parcel *p)
{
	const struct link *k = &st->lane->link;
	uint8_t hash[VZ_MANIFEST_HASH];
	const char *text;
	size_t len;

	text = vz_seal_manifest(st->sealing, &len);
	vz_manifest_hash(text, len, hash);
	vz_blake2b_256(NULL, 0, vz_buf_ptr(&p->sealed), p->sealed.len, NULL, 0, p->content);
	return vz_mailbook_made(
	    st->lane->run->book, &k->me->identity->bundle.identity, &k->to.key, &p->number, hash);
}

/* The one behind the last. */
static struct parcel *
next_parcel(struct store *st)
{
	return &st->queue[(st->first + st->count) % STORE_QUEUE];
}

void
store_seal_drop(struct store *st)
{
	vz_seal_free(st->sealing);
	st->sealing = NULL;
	vz_buf_free(&next_parcel(st)->sealed);
}

static int
no_parcel(struct store *st, int status)
{
	store_seal_drop(st);
	store_fail(st, status);
	return -1;
}

int
store_seal_go_on(struct store *st)
{
	struct parcel *p = next_parcel(st);
	int err = vz_seal_end(st->sealing, &p->sealed);

	if (err == VZ_EPENDING) {
		sign_awaited(st->lane->run);
		return 0;
	}
	if (err == VZ_ESIGNER || err == VZ_EAUTH)
		return no_parcel(
		    st, agent_complain(st->lane->run->me.agent, st->lane->link.text, err));
	if (!err)
		err = count_it(st, p);
	if (err)
		return no_parcel(st, store_words_book(st->lane->run, err));
	vz_seal_free(st->sealing);
	st->sealing = NULL;
	st->held += p->sealed.len;
	st->count++;
	return 1;
}

int
store_seal(struct store *st, uint64_t item, const char *name)
{
	struct parcel *p = next_parcel(st);
	struct vz_manifest m;
	int err;

	describe(st, name, &m);
	if (!fits(m)) {
		store_too_long(st, item);
		return -1;
	}
	memset(p, 0, sizeof(*p));
	p->item = item;
	p->bytes = m.size;
	p->expires = m.expires;
	p->began_us = link_clock_us();
	err = take_number(st, p, &m);
	if (!err)
		err = begin_seal(st, p, &m);
	return err ? no_parcel(st, store_words_book(st->lane->run, err)) : store_seal_go_on(st);
}
