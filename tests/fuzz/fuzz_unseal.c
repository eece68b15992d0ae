/*
 * Whole sealed messages. Changed outside, by who carries it, or inside, by somebody who encrypts to
 * the recipient but cannot sign as the sender: it opens only when it is the same.
 *
 * The first byte of an input: the rest edits (network.h) the file, or what is encrypted in it.
 *
 * Aims at: lib/mail/unseal.c lib/mail/age_reader.c lib/mail/ustar.c
 */
#include "base/buf.h"
#include "base/err.h"
#include "mail/unseal.h"
#include "tests/fuzz/curves.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/network.h"

#define ROOM (16 * 1024)
#define BODY "a body\n"

static struct vz_identity *from, *to;
static struct vz_buf file, inside;
static uint8_t random_bytes[VZ_AGE_RANDOM(1)];

static void
make_message(void)
{
	struct vz_seal_config c = {
	    .manifest = {.sequence = 1, .size = strlen(BODY), .expires = 1000},
	    .sign = vz_seal_sign_secret,
	    .sign_arg = from->sign_secret,
	};
	struct vz_seal *s;

	c.manifest.from = from->bundle.identity;
	c.manifest.to = to->bundle.identity;
	memcpy(c.recipient, to->bundle.age, 32);
	memcpy(c.random, random_bytes, sizeof(c.random));
	vz_buf_init(&file, ROOM);
	PROMISE(vz_seal_new(&s, &c, &file) == 0);
	PROMISE(vz_seal_put(s, BODY, strlen(BODY), &file) == 0 && vz_seal_end(s, &file) == 0);
	vz_seal_free(s);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct vz_age_reader *r;

	(void)argc;
	(void)argv;
	PROMISE(vz_secret_init() == 0);
	from = fuzz_identity(1);
	to = fuzz_identity(11);
	memset(random_bytes, 5, sizeof(random_bytes));
	make_message();
	vz_buf_init(&inside, ROOM + VZ_AGE_CHUNK);
	PROMISE(vz_age_reader_new(&r, (const uint8_t(*)[32])to->age_secret, 1) == 0);
	PROMISE(vz_age_reader_put(r, vz_buf_ptr(&file), file.len, &inside) == 0);
	PROMISE(vz_age_reader_end(r, &inside) == 0);
	vz_age_reader_free(r);
	return 0;
}

static void
check(const uint8_t *p, size_t n, size_t piece, bool same)
{
	struct vz_unseal_config c = {.to = to->bundle.identity,
	    .secrets = (const uint8_t(*)[32])to->age_secret,
	    .secrets_len = 1,
	    .body_max = 1024};
	struct vz_unseal *u;
	int err = 0;

	PROMISE(vz_unseal_new(&u, &c) == 0);
	for (size_t at = 0; !err && at < n; at += piece)
		err = vz_unseal_put(u, p + at, n - at < piece ? n - at : piece);
	if (!err)
		err = vz_unseal_end(u, 0);
	PROMISE((err == 0) == same && (vz_unseal_manifest(u) != NULL) == same);
	PROMISE((vz_unseal_fault(u) == VZ_UNSEAL_WELL) == same);
	PROMISE((vz_unseal_member(u, VZ_USTAR_BODY) != NULL) == same);
	vz_unseal_free(u);
}

/* What is encrypted, changed, and encrypted again. */
static void
changed_inside(struct vz_rd *in, size_t piece)
{
	static uint8_t bytes[ROOM];
	struct vz_age_writer *w;
	struct vz_buf out;
	size_t len;
	bool same;

	memcpy(bytes, vz_buf_ptr(&inside), inside.len);
	len = network_tamper(in, bytes, inside.len, sizeof(bytes));
	same = len == inside.len && memcmp(bytes, vz_buf_ptr(&inside), len) == 0;
	vz_buf_init(&out, 2 * ROOM);
	PROMISE(vz_age_writer_new(
		    &w, (const uint8_t(*)[32])to->bundle.age, 1, random_bytes, &out) == 0);
	PROMISE(vz_age_writer_put(w, bytes, len, &out) == 0 && vz_age_writer_end(w, &out) == 0);
	check(vz_buf_ptr(&out), out.len, piece, same);
	vz_age_writer_free(w);
	vz_buf_free(&out);
}

static void
changed_outside(struct vz_rd *in, size_t piece)
{
	static uint8_t bytes[ROOM];
	size_t len;

	memcpy(bytes, vz_buf_ptr(&file), file.len);
	len = network_tamper(in, bytes, file.len, sizeof(bytes));
	check(bytes, len, piece, len == file.len && memcmp(bytes, vz_buf_ptr(&file), len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vz_rd in = vz_rd_of(data, size);
	uint8_t how = vz_rd_u8(&in);

	if (how & 1)
		changed_outside(&in, 1 + how / 2 * 64);
	else
		changed_inside(&in, 1 + how / 2 * 64);
	return 0;
}
