/* The liar's mailboxes, in memory: what it is asked is answered out of them, truly or not. */
#ifndef VZ_LIAR_MAIL_H
#define VZ_LIAR_MAIL_H

#include <time.h>
#include <sodium.h>
#include "tests/fault/liar_lies.h"
#include "wire/relay_serve.h"

#define MAILS   64
#define BUNDLES 64

/* One message; `whole` once all of it is there. */
struct mail {
	struct vz_key to, from;
	uint8_t content[VZ_RELAY_CONTENT];
	uint64_t size, have;
	uint8_t *bytes;
	bool whole, taken;
};

static struct mail mails[MAILS];
static size_t n_mails;

static struct {
	struct vz_key who;
	uint8_t bytes[VZ_BUNDLE_LEN];
} bundles[BUNDLES];
static size_t n_bundles;

static void
mail_keep_bundle(const struct vz_bundle *b)
{
	if (n_bundles == BUNDLES)
		errx(71, "too many bundles");
	bundles[n_bundles].who = b->identity;
	vz_bundle_encode(b, bundles[n_bundles++].bytes);
}

static void
mail_bundle(struct vz_relay_serve *s, const struct vz_key *who)
{
	uint8_t lie[VZ_BUNDLE_LEN];
	const uint8_t *found = NULL;

	for (size_t i = 0; i < n_bundles; i++) {
		bool his = vz_key_equal(&bundles[i].who, who);

		if (his != lies[OTHER_BUNDLE].on && !(lies[OLD_BUNDLE].on && found))
			found = bundles[i].bytes;
	}
	if (!found) {
		(void)vz_relay_serve_refused(s, 69, "no bundle of that key is known here");
		return;
	}
	memcpy(lie, found, sizeof(lie));
	if (lies[BAD_BUNDLE].on)
		lie[40] ^= 1; /* of the Noise key */
	(void)vz_relay_serve_bundle(s, lie, sizeof(lie));
}

static struct mail *
mail_begin(const struct vz_relay_event *ev, const struct vz_key *from)
{
	struct mail *m = &mails[n_mails++];

	if (n_mails == MAILS || ev->size > VZ_RELAY_MAIL_MAX ||
	    !(m->bytes = malloc((size_t)ev->size + 1)))
		errx(71, "too much mail");
	m->to = ev->key;
	m->from = *from;
	m->size = ev->size;
	memcpy(m->content, ev->content, sizeof(m->content));
	return m;
}

/* True once it is whole; then it is acknowledged, whatever becomes of it. */
static bool
mail_part(struct vz_relay_serve *s, struct mail *m, const struct vz_relay_event *ev)
{
	if (m->have + ev->bytes_len > m->size)
		errx(65, "more than was announced");
	memcpy(m->bytes + m->have, ev->bytes, ev->bytes_len);
	m->have += ev->bytes_len;
	(void)vz_relay_serve_took(s, ev->bytes_len);
	if (m->have < m->size)
		return false;
	m->whole = !lies[LOSE].on;
	(void)vz_relay_serve_deposited(s, (uint64_t)(m - mails) + 1, false);
	return true;
}

static bool
mail_is_for(const struct mail *m, const struct vz_key *who)
{
	return m->whole && (!m->taken || lies[KEEP].on || lies[TWICE].on) &&
	    vz_key_equal(&m->to, who) != lies[SWAP_BOXES].on;
}

/* Message i, under that number. */
static void
mail_entry(struct vz_relay_serve *s, struct mail *m, uint64_t number)
{
	struct vz_relay_event e = {.number = number, .key = m->from, .size = m->size};

	memcpy(e.content, m->content, sizeof(e.content));
	e.deposited = (uint64_t)time(NULL);
	e.expires = e.deposited + 86400;
	if (lies[BAD_MAIL].on)
		m->bytes[m->size / 2] ^= 1;
	(void)vz_relay_serve_entry(s, &e);
	for (uint64_t at = 0, n; at < m->size; at += n) {
		n = m->size - at < VZ_RELAY_CHUNK ? m->size - at : VZ_RELAY_CHUNK;
		(void)vz_relay_serve_piece(s, m->bytes + at, (size_t)n);
	}
	if (lies[BAD_MAIL].on)
		m->bytes[m->size / 2] ^= 1;
}

/* Numbers are places in the list, from 1; with `twice` each has two, with `newest-first` they count
 * from the end. */
static void
mail_next(struct vz_relay_serve *s, const struct vz_key *who, uint64_t after)
{
	uint64_t each = lies[TWICE].on ? 2 : 1;

	for (uint64_t number = after + 1; number <= each * n_mails; number++) {
		size_t i = (size_t)((number - 1) / each);
		struct mail *m = &mails[lies[NEWEST_FIRST].on ? n_mails - 1 - i : i];

		if (!mail_is_for(m, who))
			continue;
		mail_entry(s, m, number);
		return;
	}
	(void)vz_relay_serve_nothing(s);
}

static void
mail_taken(struct vz_relay_serve *s, uint64_t number)
{
	uint64_t i = (number - 1) / (lies[TWICE].on ? 2 : 1);

	if (i < n_mails)
		mails[lies[NEWEST_FIRST].on ? n_mails - 1 - i : i].taken = true;
	(void)vz_relay_serve_removed(s, number);
}

static bool
mail_waits(const struct vz_key *who)
{
	for (size_t i = 0; i < n_mails; i++)
		if (mail_is_for(&mails[i], who))
			return true;
	return false;
}

#endif
