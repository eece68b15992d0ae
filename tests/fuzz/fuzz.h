/*
 * What the fuzzers share. Each fuzz_NAME.c is one libFuzzer program over the library: make fuzz.
 * The first inputs are in corpus/NAME.
 */
#ifndef VZ_TESTS_FUZZ_H
#define VZ_TESTS_FUZZ_H

#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/secret.h"
#include "id/identity.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a parser promises; a broken promise is a crash to the fuzzer. */
#define PROMISE(what)                                                              \
	do {                                                                       \
		if (!(what)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			abort();                                                   \
		}                                                                  \
	} while (0)

/* The bytes as a C string, up to the first NUL; to be freed. */
static inline char *
fuzz_string(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	PROMISE(s != NULL);
	if (size > 0)
		memcpy(s, data, size);
	s[size] = '\0';
	return s;
}

/* The same keys in every run: an input means the same tomorrow. */
static inline struct vz_identity *
fuzz_identity(uint8_t seed)
{
	struct vz_identity *id = vz_identity_new();
	uint8_t random[96];

	memset(random, seed, 32);
	memset(random + 32, seed + 1, 32);
	memset(random + 64, seed + 2, 32);
	PROMISE(id != NULL && vz_identity_make(id, random, seed, "") == 0);
	return id;
}

static char fuzz_folder[32];

static inline void
fuzz_folder_gone(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/file", fuzz_folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/serials", fuzz_folder);
	unlink(path);
	rmdir(fuzz_folder);
}

/* For parsers that want a file: a folder of our own, in memory where there is some, gone at the
 * end.
 */
static inline void
fuzz_make_folder(void)
{
	strcpy(fuzz_folder, "/dev/shm/vz-fuzz.XXXXXX");
	if (mkdtemp(fuzz_folder) == NULL) {
		strcpy(fuzz_folder, "/tmp/vz-fuzz.XXXXXX");
		if (mkdtemp(fuzz_folder) == NULL)
			err(1, "%s", fuzz_folder);
	}
	atexit(fuzz_folder_gone);
}

/* Writes `name` in it; the path is valid until the next call. */
static inline const char *
fuzz_file(const char *name, const uint8_t *data, size_t size)
{
	static char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", fuzz_folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) < 0)
		err(1, "%s", path);
	return path;
}

#endif
