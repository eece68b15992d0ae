/*
 * seeker: looks for texts in files, also where they were put into other forms.
 *
 *	seeker TEXTS FILE...
 *
 * TEXTS is a file with a text a line, each of 6 bytes or more. Each is looked for in each FILE (a
 * folder is everything in it) as it is and in any case of its letters, backwards, in UTF-16 of
 * either order, in hexadecimal, in base64 of either alphabet at each of its three alignments, with
 * each byte percent-encoded or only those that are no letters, digits or ._-, and with these as _,
 * as names of files have them. On stdout a line `FILE: FORM: TEXT` for each that was found.
 *
 * Status 0 nothing was found, 1 something was, 64 wrong use, 71 a file cannot be read.
 */
#include <ctype.h>
#include <err.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#define TEXT_MIN  6
#define TEXTS_MAX 256
#define TEXT_MAX  256

struct bytes {
	uint8_t b[TEXT_MAX * 4];
	size_t n;
};

static char texts[TEXTS_MAX][TEXT_MAX];
static size_t n_texts;
static uint8_t *file; /* its letters in lower case; and as they are */
static uint8_t *lower;
static size_t file_len;
static bool found;

static void
seek(const char *path, const char *form, const uint8_t *in, const struct bytes *x, const char *text)
{
	if (x->n >= TEXT_MIN && memmem(in, file_len, x->b, x->n) != NULL) {
		printf("%s: %s: %s\n", path, form, text);
		found = true;
	}
}

static void
utf16(const char *text, size_t high, struct bytes *out)
{
	out->n = 2 * strlen(text);
	memset(out->b, 0, out->n);
	for (size_t i = 0; text[i] != '\0'; i++)
		out->b[2 * i + 1 - high] = (uint8_t)tolower((unsigned char)text[i]);
}

static void
hex(const char *text, const char *before, struct bytes *out)
{
	out->n = 0;
	for (size_t i = 0; text[i] != '\0'; i++)
		out->n += (size_t)snprintf(
		    (char *)out->b + out->n, 8, "%s%02x", before, (unsigned)(unsigned char)text[i]);
}

/* With each byte that is no letter, digit or ._- as _, or percent-encoded. */
static void
plainly(const char *text, bool percent, struct bytes *out)
{
	out->n = 0;
	for (size_t i = 0; text[i] != '\0'; i++) {
		int c = tolower((unsigned char)text[i]);

		if (isalnum(c) || strchr("._-", c) != NULL || !percent)
			out->b[out->n++] =
			    isalnum(c) || strchr("._-", c) != NULL ? (uint8_t)c : '_';
		else
			out->n +=
			    (size_t)snprintf((char *)out->b + out->n, 4, "%%%02x", (unsigned)c);
	}
}

/* With so many bytes before it; without the characters that depend on its neighbours. */
static void
base64(const char *text, size_t before, int variant, struct bytes *out)
{
	uint8_t in[TEXT_MAX + 2] = {0};
	size_t n = strlen(text), first = before == 0 ? 0 : before + 1;
	char made[TEXT_MAX * 2];

	memcpy(in + before, text, n);
	n = (before + n) / 3 * 3;
	sodium_bin2base64(made, sizeof(made), in, n, variant);
	out->n = strlen(made) - first;
	memcpy(out->b, made + first, out->n);
}

static void
seek_text(const char *path, const char *text)
{
	struct bytes x = {.n = strlen(text)};

	for (size_t i = 0; i < x.n; i++)
		x.b[i] = (uint8_t)tolower((unsigned char)text[i]);
	seek(path, "as it is", lower, &x, text);
	for (size_t i = 0; i < x.n; i++)
		x.b[i] = (uint8_t)tolower((unsigned char)text[x.n - 1 - i]);
	seek(path, "backwards", lower, &x, text);
	for (size_t high = 0; high < 2; high++) {
		utf16(text, high, &x);
		seek(path, "UTF-16", lower, &x, text);
	}
	hex(text, "", &x);
	seek(path, "hexadecimal", lower, &x, text);
	hex(text, "%", &x);
	seek(path, "percent-encoded", lower, &x, text);
	plainly(text, true, &x);
	seek(path, "percent-encoded", lower, &x, text);
	plainly(text, false, &x);
	seek(path, "a file's name", lower, &x, text);
	for (size_t before = 0; before < 3; before++) {
		base64(text, before, sodium_base64_VARIANT_ORIGINAL_NO_PADDING, &x);
		seek(path, "base64", file, &x, text);
		base64(text, before, sodium_base64_VARIANT_URLSAFE_NO_PADDING, &x);
		seek(path, "base64url", file, &x, text);
	}
}

static void
seek_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "re");

	file = malloc(size + 1);
	lower = malloc(size + 1);
	if (f == NULL || file == NULL || lower == NULL)
		err(71, "%s", path);
	file_len = fread(file, 1, size, f);
	if (ferror(f))
		err(71, "%s", path);
	fclose(f);
	for (size_t i = 0; i < file_len; i++)
		lower[i] = (uint8_t)tolower(file[i]);
	for (size_t i = 0; i < n_texts; i++)
		seek_text(path, texts[i]);
	free(file);
	free(lower);
}

static int
visit(const char *path, const struct stat *st, int what, struct FTW *where)
{
	(void)where;
	if (what == FTW_NS || what == FTW_DNR)
		errx(71, "%s: cannot be read", path);
	if (what == FTW_F && S_ISREG(st->st_mode))
		seek_file(path, (size_t)st->st_size);
	return 0;
}

static void
read_texts(const char *path)
{
	FILE *f = fopen(path, "re");

	if (f == NULL)
		err(71, "%s", path);
	while (n_texts < TEXTS_MAX && fgets(texts[n_texts], TEXT_MAX, f) != NULL) {
		texts[n_texts][strcspn(texts[n_texts], "\n")] = '\0';
		if (strlen(texts[n_texts]) < TEXT_MIN)
			errx(64, "%s: too short to be looked for", texts[n_texts]);
		n_texts++;
	}
	if (!feof(f) || n_texts == 0)
		errx(64, "%s: no texts, or too many", path);
	fclose(f);
}

int
main(int argc, char **argv)
{
	if (argc < 3) {
		fputs("usage: seeker TEXTS FILE...\n", stderr);
		return 64;
	}
	read_texts(argv[1]);
	for (int i = 2; i < argc; i++)
		if (nftw(argv[i], visit, 16, FTW_PHYS) != 0)
			err(71, "%s", argv[i]);
	if (fflush(stdout) != 0)
		err(71, "stdout");
	return found ? 1 : 0;
}
