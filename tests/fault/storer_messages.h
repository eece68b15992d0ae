/* What storer's two sides share: messages that are known by a number. */
#ifndef VZ_STORER_MESSAGES_H
#define VZ_STORER_MESSAGES_H

#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "relay/store_sqlite.h"

#define NOW         UINT64_C(1700000000)
#define EXPIRES     (NOW + 3600)
#define MAILBOXES   4
#define RUN_NUMBERS 1000000 /* numbers are SEED * RUN_NUMBERS + 0, 1, ... */

/* splitmix64 of one number */
static uint64_t
mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static struct vz_key
mailbox(unsigned i)
{
	struct vz_key k = {.b = {1, (uint8_t)i}};

	return k;
}

/* The message with a number; the bytes are the caller's to free. */
static uint8_t *
message(uint64_t number, struct vz_store_mail *mail)
{
	uint64_t c = mix(number), x = c | 1;
	uint64_t size = c % 16 == 0 ? 1 + (c >> 8) % 300000
	    : c % 4 == 0            ? 1 + (c >> 8) % 60000
				    : 8 + (c >> 8) % 2000;
	uint8_t *p = malloc(size);

	if (p == NULL)
		err(71, "malloc");
	for (uint64_t i = 0; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (uint8_t)x;
	}
	memset(mail, 0, sizeof(*mail));
	mail->recipient = mailbox((unsigned)(c >> 40) % MAILBOXES);
	mail->depositor.b[0] = 2;
	mail->depositor.b[1] = (uint8_t)(c >> 48) % 3;
	mail->size = size;
	mail->now = NOW;
	mail->expires = EXPIRES;
	vz_blake2b_256(NULL, 0, p, size, NULL, 0, mail->content);
	return p;
}

/* Opens it, or ends the program. */
static struct vz_store *
open_store(const char *dir, bool weak)
{
	const struct vz_store_limits limits = {.each = {.mailbox_messages = 1000000,
						   .mailbox_bytes = UINT64_C(1) << 40,
						   .depositor_bytes = UINT64_C(1) << 40,
						   .depositor_entries = 1000000},
	    .reserve_bytes = 65536};
	char words[VZ_STORE_WORDS];
	struct vz_store *s;

	if ((weak ? vz_store_sqlite_open_weak : vz_store_sqlite_open)(dir, &limits, words, &s) != 0)
		errx(71, "%s", words);
	return s;
}

#endif
