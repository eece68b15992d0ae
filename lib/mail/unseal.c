#include "mail/unseal.h"

#include <sodium.h>
#include <string.h>
#include "base/err.h"
#include "base/secret.h"

#define SLICE VZ_AGE_CHUNK /* of the file, taken at a time */

struct vz_unseal {
	struct vz_key to;
	enum vz_unseal_fault fault;
	bool ended;
	struct vz_age_reader *age;
	struct vz_ustar_reader tar;
	crypto_hash_sha512_state sum;
	struct vz_buf plain; /* of one slice */
	struct vz_buf member[VZ_USTAR_MEMBERS];
	struct vz_manifest manifest;
};

static const struct {
	int err;
	const char *words;
} faults[] = {
    [VZ_UNSEAL_WELL] = {0, "all is well"},
    [VZ_UNSEAL_NO_MEMORY] = {VZ_ENOMEM, "out of memory"},
    [VZ_UNSEAL_NOT_AGE] = {VZ_EFORMAT,
	"no sealed message: not an age file, or its head is damaged"},
    [VZ_UNSEAL_OTHER_KEY] = {VZ_EMISMATCH, "sealed for another key"},
    [VZ_UNSEAL_DAMAGED] = {VZ_EAUTH, "does not verify: damaged, or cut short"},
    [VZ_UNSEAL_CUT] = {VZ_ECUT, "cut short"},
    [VZ_UNSEAL_NOT_A_MESSAGE] = {VZ_EFORMAT, "no sealed message: an age file with other contents"},
    [VZ_UNSEAL_TOO_LARGE] = {VZ_ELIMIT, "its body is over the limit"},
    [VZ_UNSEAL_BAD_MANIFEST] = {VZ_EFORMAT, "its manifest is malformed"},
    [VZ_UNSEAL_BAD_SIGNATURE] = {VZ_EAUTH, "its signature does not verify"},
    [VZ_UNSEAL_OTHER_PURPOSE] = {VZ_EAUTH, "its signature was made for another purpose"},
    [VZ_UNSEAL_OTHER_SIGNER] = {VZ_EAUTH, "signed by another key than it is said to be from"},
    [VZ_UNSEAL_OTHER_RECIPIENT] = {VZ_EDENIED, "its sender meant it for somebody else"},
    [VZ_UNSEAL_OTHER_BODY] = {VZ_EAUTH, "its body is not the one that was signed"},
    [VZ_UNSEAL_EXPIRED] = {VZ_EEXPIRED, "expired"},
};

const char *
vz_unseal_words(enum vz_unseal_fault fault)
{
	return faults[fault].words;
}

static int
fail(struct vz_unseal *u, enum vz_unseal_fault fault)
{
	u->fault = fault;
	return faults[fault].err;
}

int
vz_unseal_new(struct vz_unseal **out, const struct vz_unseal_config *config)
{
	struct vz_unseal *u = vz_secret_small(sizeof(*u));
	uint64_t max = config->body_max ? config->body_max : VZ_SEAL_BODY_MAX;
	int err;

	*out = NULL;
	if (u == NULL)
		return VZ_ENOMEM;
	u->to = config->to;
	vz_ustar_reader_init(&u->tar);
	crypto_hash_sha512_init(&u->sum);
	vz_buf_init(&u->plain, VZ_AGE_READ(SLICE));
	vz_buf_init(&u->member[VZ_USTAR_BODY], max < SIZE_MAX ? (size_t)max : SIZE_MAX);
	vz_buf_init(&u->member[VZ_USTAR_MANIFEST], VZ_MANIFEST_MAX);
	vz_buf_init(&u->member[VZ_USTAR_SIG], VZ_MANIFEST_SIG_MAX);
	err = vz_age_reader_new(&u->age, config->secrets, config->secrets_len);
	if (err) {
		vz_unseal_free(u);
		return err;
	}
	*out = u;
	return 0;
}

void
vz_unseal_free(struct vz_unseal *u)
{
	if (u == NULL)
		return;
	vz_age_reader_free(u->age);
	vz_buf_free(&u->plain);
	for (unsigned m = 0; m < VZ_USTAR_MEMBERS; m++)
		vz_buf_free(&u->member[m]);
	vz_secret_small_free(u, sizeof(*u));
}

/* A member that begins, or the next of its contents. */
static int
take_event(struct vz_unseal *u, const struct vz_ustar_event *e)
{
	struct vz_buf *to = &u->member[e->member];
	uint8_t *room;

	if (e->what == VZ_USTAR_NOTHING)
		return 0;
	if (e->size > to->max)
		return fail(
		    u, e->member == VZ_USTAR_BODY ? VZ_UNSEAL_TOO_LARGE : VZ_UNSEAL_NOT_A_MESSAGE);
	if (e->what == VZ_USTAR_BEGIN)
		return vz_buf_reserve(to, (size_t)e->size, &room) == 0
		    ? 0
		    : fail(u, VZ_UNSEAL_NO_MEMORY);
	if (e->member == VZ_USTAR_BODY)
		crypto_hash_sha512_update(&u->sum, e->data, e->len);
	return vz_buf_put(to, e->data, e->len) == 0 ? 0 : fail(u, VZ_UNSEAL_NO_MEMORY);
}

/* What the last slice gave. */
static int
take_plain(struct vz_unseal *u)
{
	const uint8_t *p = vz_buf_ptr(&u->plain);
	size_t n = u->plain.len;

	while (n > 0) {
		struct vz_ustar_event e;
		size_t used;

		if (vz_ustar_next(&u->tar, p, n, &used, &e) != 0)
			return fail(u, VZ_UNSEAL_NOT_A_MESSAGE);
		if (take_event(u, &e) != 0)
			return faults[u->fault].err;
		p += used;
		n -= used;
	}
	vz_buf_clear(&u->plain);
	return 0;
}

static int
age_failed(struct vz_unseal *u, int err)
{
	switch (err) {
	case VZ_EFORMAT: return fail(u, VZ_UNSEAL_NOT_AGE);
	case VZ_EMISMATCH: return fail(u, VZ_UNSEAL_OTHER_KEY);
	case VZ_EAUTH: return fail(u, VZ_UNSEAL_DAMAGED);
	case VZ_ECUT: return fail(u, VZ_UNSEAL_CUT);
	default: return fail(u, VZ_UNSEAL_NO_MEMORY);
	}
}

int
vz_unseal_put(struct vz_unseal *u, const void *p, size_t n)
{
	const uint8_t *from = p;
	int err = u->ended ? VZ_EINVAL : faults[u->fault].err;

	while (!err && n > 0) {
		size_t some = n < SLICE ? n : SLICE;

		err = vz_age_reader_put(u->age, from, some, &u->plain);
		err = err ? age_failed(u, err) : take_plain(u);
		from += some;
		n -= some;
	}
	return err;
}

/* Manifest and signature, against each other. */
static enum vz_unseal_fault
check_manifest(struct vz_unseal *u)
{
	const struct vz_buf *text = &u->member[VZ_USTAR_MANIFEST], *sig = &u->member[VZ_USTAR_SIG];
	const char *p = (const char *)vz_buf_ptr(text);

	switch (vz_manifest_verify(
	    p, text->len, (const char *)vz_buf_ptr(sig), sig->len, &u->manifest)) {
	case 0: return VZ_UNSEAL_WELL;
	case VZ_EFORMAT: return VZ_UNSEAL_BAD_MANIFEST;
	case VZ_EDENIED: return VZ_UNSEAL_OTHER_PURPOSE;
	case VZ_EMISMATCH: return VZ_UNSEAL_OTHER_SIGNER;
	case VZ_ENOMEM: return VZ_UNSEAL_NO_MEMORY;
	default: return VZ_UNSEAL_BAD_SIGNATURE;
	}
}

/* What the manifest says, against us, the body and the clock. */
static enum vz_unseal_fault
check_message(struct vz_unseal *u, int64_t now)
{
	const struct vz_manifest *m = &u->manifest;
	uint8_t sha512[VZ_MANIFEST_HASH];

	if (!vz_key_equal(&m->to, &u->to))
		return VZ_UNSEAL_OTHER_RECIPIENT;
	crypto_hash_sha512_final(&u->sum, sha512);
	if (m->size != u->member[VZ_USTAR_BODY].len ||
	    memcmp(m->sha512, sha512, sizeof(sha512)) != 0)
		return VZ_UNSEAL_OTHER_BODY;
	if (m->expires != 0 && (now < 0 || (uint64_t)now >= m->expires))
		return VZ_UNSEAL_EXPIRED;
	return VZ_UNSEAL_WELL;
}

int
vz_unseal_end(struct vz_unseal *u, int64_t now)
{
	int err = u->ended ? VZ_EINVAL : faults[u->fault].err;

	if (err)
		return err;
	u->ended = true;
	err = vz_age_reader_end(u->age, &u->plain);
	if (err)
		return age_failed(u, err);
	if ((err = take_plain(u)))
		return err;
	if (!vz_ustar_done(&u->tar))
		return fail(u, VZ_UNSEAL_NOT_A_MESSAGE);
	u->fault = check_manifest(u);
	if (u->fault == VZ_UNSEAL_WELL)
		u->fault = check_message(u, now);
	return faults[u->fault].err;
}

enum vz_unseal_fault
vz_unseal_fault(const struct vz_unseal *u)
{
	return u->fault;
}

static bool
verified(const struct vz_unseal *u)
{
	return u->ended && u->fault == VZ_UNSEAL_WELL;
}

const struct vz_manifest *
vz_unseal_manifest(const struct vz_unseal *u)
{
	return verified(u) ? &u->manifest : NULL;
}

const struct vz_buf *
vz_unseal_member(const struct vz_unseal *u, enum vz_ustar_member member)
{
	return verified(u) ? &u->member[member] : NULL;
}
