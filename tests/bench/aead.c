/*
 * Measures the record ciphers, sealing and opening, alone and with what is faster: the numbers
 * behind the limits in lib/crypto. To see where libcrypto begins to pay, build with AEAD=libcrypto
 * and CPPFLAGS=-DVZ_AEAD_LIBCRYPTO_FROM=0.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/secret.h"
#include "crypto/aead.h"

#define BODY_MAX 65519
#define HEAD     5
#define ROUNDS   7
#define ROUND_NS 20e6

static const size_t lengths[] = {64, 256, 512, 1024, 2048, 4096, 8192, 16384, BODY_MAX};
#define LENGTHS (sizeof lengths / sizeof *lengths)

static uint8_t body[BODY_MAX], sealed[BODY_MAX + VZ_AEAD_TAG], opened[BODY_MAX];

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
seal(struct vz_aead *a, size_t len)
{
	static const uint8_t head[HEAD];

	if (vz_aead_seal(a, 1, NULL, 0, head, HEAD, body, len - HEAD, sealed) != 0)
		errx(1, "sealing failed");
}

static void
open_(struct vz_aead *a, size_t len)
{
	if (vz_aead_open(a, 1, NULL, 0, sealed, len + VZ_AEAD_TAG, opened) != 0)
		errx(1, "opening failed");
}

/* The best of some rounds, in MB/s. */
static double
measure(struct vz_aead *a, size_t len, void (*op)(struct vz_aead *, size_t))
{
	double best = 0;

	for (int round = 0; round < ROUNDS; round++) {
		double start = now_ns(), spent, rate;
		size_t n = 0;

		do {
			for (int i = 0; i < 16; i++, n++)
				op(a, len);
			spent = now_ns() - start;
		} while (spent < ROUND_NS);
		rate = (double)n * (double)len / spent * 1e3;
		if (rate > best)
			best = rate;
	}
	return best;
}

static void
measure_all(enum vz_aead_alg alg, const char *name, const char *with)
{
	static const uint8_t key[VZ_AEAD_KEY] = {1};
	struct vz_aead *a;

	if (vz_aead_new(&a, alg, key) != 0)
		errx(1, "no key");
	for (size_t i = 0; i < LENGTHS; i++) {
		double s, o;

		seal(a, lengths[i]);
		s = measure(a, lengths[i], seal);
		o = measure(a, lengths[i], open_);
		printf("%-17s  %-11s  %6zu  %8.0f  %8.0f\n", name, with, lengths[i], s, o);
	}
	vz_aead_free(a);
}

static void
measure_both(enum vz_aead_alg alg, const char *name)
{
	double start;

	measure_all(alg, name, "libsodium");
	start = now_ns();
	if (vz_aead_accelerate(alg) != 0) {
		printf("nothing faster for %s here\n", name);
		return;
	}
	printf("%s was opened in %.2f ms\n", vz_aead_accelerator(alg), (now_ns() - start) / 1e6);
	measure_all(alg, name, vz_aead_accelerator(alg));
}

int
main(void)
{
	if (vz_secret_init() != 0)
		errx(1, "no randomness");
	printf("%-17s  %-11s  %6s  %8s  %8s\n", "cipher", "library", "bytes", "seal", "open MB/s");
	measure_both(VZ_AEAD_CHACHAPOLY, "ChaCha20-Poly1305");
	if (vz_aead_has_aes())
		measure_both(VZ_AEAD_AES256GCM, "AES-256-GCM");
	return fflush(stdout) == 0 ? 0 : 1;
}
