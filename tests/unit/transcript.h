/*
 * Frozen transcripts: lines of a name and bytes in hex, compared with a file of tests/vectors.
 */
#ifndef VZ_TESTS_TRANSCRIPT_H
#define VZ_TESTS_TRANSCRIPT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include "base/buf.h"
#include "base/secret.h"
#include "id/identity.h"

static inline void
line(struct vz_buf *text, const char *name, const void *p, size_t n)
{
	char *hex = malloc(2 * n + 1);

	assert_non_null(hex);
	sodium_bin2hex(hex, 2 * n + 1, p, n);
	assert_int_equal(vz_buf_str(text, name), 0);
	assert_int_equal(vz_buf_str(text, " "), 0);
	assert_int_equal(vz_buf_str(text, hex), 0);
	assert_int_equal(vz_buf_str(text, "\n"), 0);
	free(hex);
}

static inline struct vz_identity *
identity(struct vz_buf *text, const char *who, uint8_t seed)
{
	struct vz_identity *id = vz_identity_new();
	uint8_t random[96], bundle[VZ_BUNDLE_LEN];
	char name[32];

	assert_non_null(id);
	for (unsigned i = 0; i < sizeof random; i++)
		random[i] = (uint8_t)(seed + i);
	assert_int_equal(vz_identity_make(id, random, 1700000000u + seed, ""), 0);
	snprintf(name, sizeof name, "%s-sign-seed", who);
	line(text, name, random, 32);
	snprintf(name, sizeof name, "%s-noise-secret", who);
	line(text, name, id->noise_secret, 32);
	snprintf(name, sizeof name, "%s-age-secret", who);
	line(text, name, id->age_secret, 32);
	snprintf(name, sizeof name, "%s-bundle", who);
	vz_bundle_encode(&id->bundle, bundle);
	line(text, name, bundle, sizeof bundle);
	return id;
}

/* Compares with the file, or writes it with VZ_WRITE_VECTORS=1; frees the text. */
static inline void
frozen(const char *path, struct vz_buf *text)
{
	struct vz_buf file;
	uint8_t *at;
	size_t n;
	FILE *f;

	if (getenv("VZ_WRITE_VECTORS") != NULL) {
		assert_non_null(f = fopen(path, "w"));
		assert_int_equal(fwrite(vz_buf_ptr(text), 1, text->len, f), text->len);
		assert_int_equal(fclose(f), 0);
	}
	f = fopen(path, "r");
	assert_non_null(f);
	vz_buf_init(&file, 1 << 20);
	assert_int_equal(vz_buf_reserve(&file, 1 << 19, &at), 0);
	n = fread(at, 1, 1 << 19, f);
	fclose(f);
	assert_int_equal(n, text->len);
	assert_memory_equal(at, vz_buf_ptr(text), n);
	vz_buf_free(&file);
	vz_buf_free(text);
}

#endif
