/*
 * The public test vectors of the age format (C2SP/CCTV), those for X25519 without armor. Each file
 * is a head of "name: value" lines, an empty line, and an age file, deflated where the head says
 * so.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "mail/age.h"

#define FILE_MAX   (32 << 20)
#define HEAD_LINES 10
#define EXPECT     67

struct vector {
	char expect[32], payload[65], identity[128];
	struct vz_buf file;
};

static const char *
folder(void)
{
	static char path[512];
	const char *dir = getenv("VZ_VECTORS");

	snprintf(path, sizeof(path), "%s/age-testkit", dir ? dir : "../shared/vectors");
	return access(path, X_OK) == 0 ? path : NULL;
}

static void
read_all(FILE *f, struct vz_buf *out)
{
	uint8_t piece[65536];
	size_t n;

	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		assert_int_equal(vz_buf_put(out, piece, n), 0);
}

/* gzip reads zlib's bytes behind a head of its own; it misses its own sum at their end, no more. */
static void
inflate(const char *path, long at, struct vz_buf *out)
{
	char command[512];
	FILE *f;

	setenv("VECTOR", path, 1);
	snprintf(command, sizeof(command),
	    "{ printf '\\037\\213\\010\\0\\0\\0\\0\\0\\0\\377'; tail -c +%ld \"$VECTOR\"; } | "
	    "gzip -dc 2>/dev/null",
	    at + 3);
	f = popen(command, "r");
	assert_non_null(f);
	read_all(f, out);
	pclose(f);
}

static void
load(const char *path, struct vector *v)
{
	FILE *f = fopen(path, "rb");
	char line[1024], *value;
	bool deflated = false;

	memset(v, 0, sizeof(*v));
	vz_buf_init(&v->file, FILE_MAX);
	assert_non_null(f);
	for (int i = 0; i < HEAD_LINES && fgets(line, sizeof(line), f) && line[0] != '\n'; i++) {
		line[strcspn(line, "\n")] = '\0';
		value = strstr(line, ": ");
		assert_non_null(value);
		*value = '\0';
		value += 2;
		if (strcmp(line, "expect") == 0)
			snprintf(v->expect, sizeof(v->expect), "%s", value);
		else if (strcmp(line, "payload") == 0)
			snprintf(v->payload, sizeof(v->payload), "%s", value);
		else if (strcmp(line, "identity") == 0)
			snprintf(v->identity, sizeof(v->identity), "%s", value);
		else if (strcmp(line, "compressed") == 0)
			deflated = true;
	}
	if (deflated)
		inflate(path, ftell(f), &v->file);
	else
		read_all(f, &v->file);
	fclose(f);
}

/* The classes of the test vectors out of ours. */
static const char *
class_of(int err, bool opened)
{
	if (err == 0)
		return "success";
	if (opened)
		return err == VZ_EAUTH || err == VZ_ECUT ? "payload failure" : "?";
	switch (err) {
	case VZ_EAUTH: return "HMAC failure";
	case VZ_EMISMATCH: return "no match";
	case VZ_EFORMAT:
	case VZ_ECUT: return "header failure";
	default: return "?";
	}
}

/* Reads the file in pieces of this size; what comes out is hashed. */
static const char *
outcome(const struct vector *v, const uint8_t key[32], size_t piece, char hash[65])
{
	struct vz_age_reader *r;
	crypto_hash_sha256_state sum;
	struct vz_buf out;
	uint8_t digest[32];
	const char *class;
	int err = 0;

	vz_buf_init(&out, VZ_AGE_READ(piece));
	crypto_hash_sha256_init(&sum);
	assert_int_equal(vz_age_reader_new(&r, (const uint8_t(*)[32])key, 1), 0);
	for (size_t at = 0; !err && at < v->file.len; at += piece) {
		size_t n = v->file.len - at < piece ? v->file.len - at : piece;

		err = vz_age_reader_put(r, vz_buf_ptr(&v->file) + at, n, &out);
		crypto_hash_sha256_update(&sum, vz_buf_ptr(&out), out.len);
		vz_buf_clear(&out);
	}
	if (!err)
		err = vz_age_reader_end(r, &out);
	crypto_hash_sha256_update(&sum, vz_buf_ptr(&out), out.len);
	crypto_hash_sha256_final(&sum, digest);
	sodium_bin2hex(hash, 65, digest, sizeof(digest));
	/* No nonce is a failure of the payload to us, and one of the header to age. */
	class = class_of(err, vz_age_reader_opened(r));
	vz_age_reader_free(r);
	vz_buf_free(&out);
	return class;
}

static bool
no_nonce(const char *name)
{
	return strcmp(name, "stream_no_nonce") == 0 || strcmp(name, "stream_short_nonce") == 0;
}

static void
check(const char *name, const struct vector *v)
{
	static const size_t pieces[] = {FILE_MAX, 1, 7, 65536, 65553};
	const char *want = no_nonce(name) ? "payload failure" : v->expect;
	bool slow = getenv("VZ_TEST_STEP") != NULL; /* under valgrind */
	uint8_t key[32];
	char hash[65];

	assert_int_equal(vz_age_identity_parse(v->identity, strlen(v->identity), key), 0);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		const char *got;

		if (v->file.len > 1 << 20 && (slow || i + 1 < sizeof(pieces) / sizeof(*pieces)))
			continue;
		got = outcome(v, key, pieces[i], hash);
		/* Of a bad file age gives out the last good chunk, we do once its place is known.
		 */
		if (strcmp(got, want) != 0 ||
		    (strcmp(got, "success") == 0 && strcmp(hash, v->payload) != 0))
			fail_msg("%s in pieces of %zu: %s instead of %s, payload %s", name,
			    pieces[i], got, want, hash);
	}
}

static void
every_public_vector_comes_out_as_it_says(void **state)
{
	const char *dir = folder();
	struct dirent *entry;
	unsigned ran = 0;
	DIR *d;

	(void)state;
	if (dir == NULL) {
		print_message("no vectors (VZ_VECTORS names their folder)\n");
		skip();
	}
	d = opendir(dir);
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		struct vector v;
		char path[1024];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		load(path, &v);
		/* One has no identity: an empty file. */
		if (!v.identity[0])
			strcpy(v.identity,
			    "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWY"
			    "KLMGR48UAWX40Q2P2LM0");
		check(entry->d_name, &v);
		vz_buf_free(&v.file);
		ran++;
	}
	closedir(d);
	assert_true(ran >= EXPECT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_public_vector_comes_out_as_it_says),
	};

	if (vz_secret_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
