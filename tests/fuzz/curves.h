/*
 * Curves at a hundredth of their price. A fuzzer's keys are the same in every run, so that almost
 * all that it asks of them was asked before: answers are kept. They are pure functions, and what is
 * kept is compared whole, so nothing is believed that libsodium did not say. The names are
 * libsodium's own; the linker takes the program's before the library's.
 */
#ifndef VZ_TESTS_FUZZ_CURVES_H
#define VZ_TESTS_FUZZ_CURVES_H

#include <dlfcn.h>
#include <sodium.h>
#include "tests/fuzz/fuzz.h"

#define CURVES_KEPT 4096 /* answers; the next with the same place takes it */
#define CURVES_ASK  320  /* bytes of a question: a signature, a key and what is signed */

#ifdef __clang__
#define CURVES_UNSEEN __attribute__((no_sanitize("coverage")))
#else
#define CURVES_UNSEEN
#endif

struct curves_answer {
	size_t len; /* of the question; 0 = none */
	uint8_t ask[CURVES_ASK];
	uint8_t out[32];
	int result;
};

struct curves_question {
	size_t len;
	uint8_t ask[CURVES_ASK];
};

static inline void
curves_add(struct curves_question *q, const void *p, size_t len)
{
	memcpy(q->ask + q->len, p, len);
	q->len += len;
}

/* Its place. The answer is there when true, and to be put there when not. No news to the fuzzer. */
CURVES_UNSEEN static inline bool
curves_find(const struct curves_question *q, struct curves_answer **at)
{
	static struct curves_answer kept[CURVES_KEPT];
	uint64_t hash = q->len, word;

	/* A question is zeros behind its end. */
	for (size_t i = 0; i < q->len; i += sizeof(word)) {
		memcpy(&word, q->ask + i, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	*at = &kept[hash % CURVES_KEPT];
	if ((*at)->len == q->len && memcmp((*at)->ask, q->ask, q->len) == 0)
		return true;
	(*at)->len = q->len;
	memcpy((*at)->ask, q->ask, q->len);
	return false;
}

static inline void *
curves_real(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	PROMISE(f != NULL);
	return f;
}

int
crypto_scalarmult_curve25519(unsigned char *q, const unsigned char *n, const unsigned char *p)
{
	static int (*real)(unsigned char *, const unsigned char *, const unsigned char *);
	struct curves_question ask = {0};
	struct curves_answer *a;

	if (real == NULL)
		*(void **)&real = curves_real("crypto_scalarmult_curve25519");
	curves_add(&ask, "m", 1);
	curves_add(&ask, n, 32);
	curves_add(&ask, p, 32);
	if (!curves_find(&ask, &a))
		a->result = real(a->out, n, p);
	memcpy(q, a->out, 32);
	return a->result;
}

int
crypto_scalarmult_curve25519_base(unsigned char *q, const unsigned char *n)
{
	static int (*real)(unsigned char *, const unsigned char *);
	struct curves_question ask = {0};
	struct curves_answer *a;

	if (real == NULL)
		*(void **)&real = curves_real("crypto_scalarmult_curve25519_base");
	curves_add(&ask, "b", 1);
	curves_add(&ask, n, 32);
	if (!curves_find(&ask, &a))
		a->result = real(a->out, n);
	memcpy(q, a->out, 32);
	return a->result;
}

int
crypto_core_ed25519_is_valid_point(const unsigned char *p)
{
	static int (*real)(const unsigned char *);
	struct curves_question ask = {0};
	struct curves_answer *a;

	if (real == NULL)
		*(void **)&real = curves_real("crypto_core_ed25519_is_valid_point");
	curves_add(&ask, "p", 1);
	curves_add(&ask, p, 32);
	if (!curves_find(&ask, &a))
		a->result = real(p);
	return a->result;
}

int
crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
    unsigned long long m_len, const unsigned char *public)
{
	static int (*real)(const unsigned char *, const unsigned char *, unsigned long long,
	    const unsigned char *);
	struct curves_question ask = {0};
	struct curves_answer *a;

	if (real == NULL)
		*(void **)&real = curves_real("crypto_sign_verify_detached");
	if (m_len > CURVES_ASK - 97)
		return real(sig, m, m_len, public);
	curves_add(&ask, "s", 1);
	curves_add(&ask, sig, 64);
	curves_add(&ask, public, 32);
	curves_add(&ask, m, (size_t)m_len);
	if (!curves_find(&ask, &a))
		a->result = real(sig, m, m_len, public);
	return a->result;
}

#endif
