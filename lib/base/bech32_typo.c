#include "base/bech32_typo.h"

#include <stdbool.h>
#include <string.h>

#include "base/bech32_impl.h"

#define TEXT_MAX VZ_BECH32_TEXT_MAX

/*
 * What is looked at: the text in small letters, and its symbols. The code is linear: a wrong symbol
 * changes the checksum by what it alone would make of it, so every place is tried without reading
 * the text again.
 */
struct typo {
	const char *hrp;
	size_t hrp_len, len;
	size_t n;     /* of the text */
	size_t whole; /* what it should be */
	char text[TEXT_MAX + 1];
	uint8_t values[TEXT_MAX + 1]; /* of text[head ...] */
	uint32_t weight[TEXT_MAX + 1][5];
};

static size_t
head_of(const struct typo *t)
{
	return t->hrp_len + 1;
}

/* The padding of the last group of data is zero. */
static bool
padding_ok(const struct typo *t, uint8_t last)
{
	unsigned held = (unsigned)(vz_bech32_groups(t->len) * 5 - t->len * 8);

	return (last & ((1U << held) - 1)) == 0;
}

/* The checksum of so many symbols behind the hrp, less what it should be; 0 = right. */
static uint32_t
syndrome(const struct typo *t, const uint8_t *values, size_t n)
{
	uint32_t sum = vz_bech32_hrp(t->hrp, t->hrp_len);

	for (size_t i = 0; i < n; i++)
		sum = vz_bech32_step(sum, values[i]);
	return sum ^ 1;
}

/* What a difference of a symbol, bit by bit, makes of it that so many others follow. */
static void
weigh(struct typo *t)
{
	for (unsigned k = 0; k < 5; k++) {
		uint32_t sum = 1U << k;

		for (size_t behind = 0; behind <= t->whole; behind++) {
			t->weight[behind][k] = sum;
			sum = vz_bech32_step(sum, 0);
		}
	}
}

/* The difference at the place that explains a syndrome, or 0. */
static uint8_t
difference(const struct typo *t, uint32_t found, size_t behind)
{
	uint32_t sum = 0;
	unsigned e = 0;

	/* In Gray code's order each step changes one bit. */
	for (unsigned i = 1; i < 32; i++) {
		unsigned bit = (unsigned)__builtin_ctz(i);

		e ^= 1U << bit;
		sum ^= t->weight[behind][bit];
		if (sum == found)
			return (uint8_t)e;
	}
	return 0;
}

/* All of it is right that comes before the symbols. */
static bool
head_ok(const struct typo *t)
{
	return memcmp(t->text, t->hrp, t->hrp_len) == 0 && t->text[t->hrp_len] == '1';
}

/* Symbols 0 to n; true when all of them are, but for at most one, whose place is *bad. */
static bool
take_values(struct typo *t, size_t *bad)
{
	size_t n = t->n - head_of(t);

	*bad = n;
	for (size_t i = 0; i < n; i++) {
		t->values[i] = vz_bech32_symbol(t->text[head_of(t) + i]);
		if (t->values[i] != VZ_BECH32_NO_SYM)
			continue;
		if (*bad != n)
			return false;
		*bad = i;
		t->values[i] = 0;
	}
	return true;
}

/* The symbol whose padding counts. */
static bool
is_last(const struct typo *t, size_t i)
{
	return i + 1 == vz_bech32_groups(t->len);
}

static enum vz_typo
wrong_symbol(struct typo *t, size_t bad, size_t *at)
{
	size_t n = t->whole - head_of(t), groups = vz_bech32_groups(t->len);
	uint32_t found = syndrome(t, t->values, n);

	for (size_t i = 0; i < n; i++) {
		uint8_t e = difference(t, found, n - 1 - i), last = t->values[groups - 1];

		/* Where there was no symbol, 0 stood in: that may be the right one. */
		if (bad == i ? e == 0 && found != 0 : e == 0 || bad != n)
			continue;
		if (!padding_ok(t, is_last(t, i) ? last ^ e : last))
			continue;
		*at = head_of(t) + i;
		return VZ_TYPO_WRONG;
	}
	return VZ_TYPO_NONE;
}

static enum vz_typo
swapped_symbols(struct typo *t, size_t *at)
{
	size_t n = t->whole - head_of(t);

	for (size_t i = 0; i + 1 < n; i++) {
		uint8_t a = t->values[i], b = t->values[i + 1];
		bool right;

		if (a == b)
			continue;
		t->values[i] = b;
		t->values[i + 1] = a;
		right = syndrome(t, t->values, n) == 0 &&
		    padding_ok(t, t->values[vz_bech32_groups(t->len) - 1]);
		t->values[i] = a;
		t->values[i + 1] = b;
		if (!right)
			continue;
		*at = head_of(t) + i;
		return VZ_TYPO_SWAPPED;
	}
	return VZ_TYPO_NONE;
}

/* Symbols that would be right, and where they differ; two that are not the same explain nothing. */
struct guess {
	uint8_t values[TEXT_MAX + 1];
	size_t at;
	unsigned n;
};

static void
consider(struct guess *g, const struct typo *t, const uint8_t *values, size_t n, size_t at)
{
	if (syndrome(t, values, n) != 0 || !padding_ok(t, values[vz_bech32_groups(t->len) - 1]))
		return;
	if (g->n > 0 && memcmp(g->values, values, n) == 0)
		return;
	memcpy(g->values, values, n);
	g->at = g->n++ == 0 ? at : g->at;
}

static enum vz_typo
settle(struct guess *g, const struct typo *t, enum vz_typo what, size_t *at)
{
	bool found = g->n == 1;

	*at = head_of(t) + g->at;
	explicit_bzero(g, sizeof(*g));
	return found ? what : VZ_TYPO_NONE;
}

/* One character less than it should have. */
static enum vz_typo
missing_symbol(const struct typo *t, size_t *at)
{
	size_t n = t->whole - head_of(t);
	uint8_t longer[TEXT_MAX + 1];
	struct guess g = {.n = 0};

	for (size_t i = 0; i < n; i++) {
		memcpy(longer, t->values, i);
		longer[i] = 0;
		memcpy(longer + i + 1, t->values + i, n - 1 - i);
		longer[i] = difference(t, syndrome(t, longer, n), n - 1 - i);
		consider(&g, t, longer, n, i);
	}
	explicit_bzero(longer, sizeof(longer));
	return settle(&g, t, VZ_TYPO_MISSING, at);
}

/* One more. The odd one may be no symbol, and then it is that one. */
static enum vz_typo
extra_symbol(const struct typo *t, size_t bad, size_t *at)
{
	size_t n = t->whole - head_of(t);
	uint8_t shorter[TEXT_MAX + 1];
	struct guess g = {.n = 0};

	for (size_t i = 0; i <= n; i++) {
		if (bad <= n && bad != i)
			continue;
		memcpy(shorter, t->values, i);
		memcpy(shorter + i, t->values + i + 1, n - i);
		consider(&g, t, shorter, n, i);
	}
	explicit_bzero(shorter, sizeof(shorter));
	return settle(&g, t, VZ_TYPO_EXTRA, at);
}

static enum vz_typo
among_symbols(struct typo *t, size_t *at)
{
	enum vz_typo found;
	size_t bad;

	if (!take_values(t, &bad))
		return VZ_TYPO_NONE;
	weigh(t);
	if (t->n > t->whole)
		return extra_symbol(t, bad, at);
	if (t->n < t->whole)
		return bad == t->n - head_of(t) ? missing_symbol(t, at) : VZ_TYPO_NONE;
	if (syndrome(t, t->values, t->n - head_of(t)) == 0 && bad == t->n - head_of(t))
		return VZ_TYPO_NONE; /* its padding is not zero: nobody mistypes so */
	found = wrong_symbol(t, bad, at);
	return found == VZ_TYPO_NONE && bad == t->n - head_of(t) ? swapped_symbols(t, at) : found;
}

/* The rest is right, and so one slip is in the hrp or the 1 after it. */
static enum vz_typo
in_head(const struct typo *t, size_t *at)
{
	uint8_t out[VZ_BECH32_DATA_MAX];
	char fixed[TEXT_MAX + 1];
	size_t differ = 0, first = 0;
	bool right;

	if (t->n != t->whole)
		return VZ_TYPO_NONE;
	memcpy(fixed, t->text, t->n);
	memcpy(fixed, t->hrp, t->hrp_len);
	fixed[t->hrp_len] = '1';
	for (size_t i = head_of(t); i-- > 0;)
		if (fixed[i] != t->text[i]) {
			differ++;
			first = i;
		}
	right = vz_bech32_decode(t->hrp, fixed, t->n, out, t->len) == 0;
	explicit_bzero(fixed, sizeof(fixed));
	explicit_bzero(out, sizeof(out));
	if (!right || differ == 0 || differ > 2)
		return VZ_TYPO_NONE;
	*at = first;
	if (differ == 1)
		return VZ_TYPO_WRONG;
	return t->text[first] == (first + 1 < t->hrp_len ? t->hrp[first + 1] : '1') &&
		t->text[first + 1] == t->hrp[first]
	    ? VZ_TYPO_SWAPPED
	    : VZ_TYPO_NONE;
}

/* Folds the text. True when letters of both cases are in it; *odd is the first that differs. */
static bool
fold(struct typo *t, const char *s, size_t *odd)
{
	int first = 0; /* 1 small, 2 capital */
	bool mixed = false;

	for (size_t i = 0; i < t->n; i++) {
		bool capital = s[i] >= 'A' && s[i] <= 'Z', small = s[i] >= 'a' && s[i] <= 'z';

		t->text[i] = capital ? (char)(s[i] - 'A' + 'a') : s[i];
		if (first == 0 && (capital || small))
			first = capital ? 2 : 1;
		if (mixed || !(first == 1 ? capital : first == 2 && small))
			continue;
		mixed = true;
		*odd = i;
	}
	return mixed;
}

static enum vz_typo
look(struct typo *t, const char *s, size_t *at)
{
	uint8_t out[VZ_BECH32_DATA_MAX];
	bool right;

	if (fold(t, s, at)) {
		right = vz_bech32_decode(t->hrp, t->text, t->n, out, t->len) == 0;
		explicit_bzero(out, sizeof(out));
		return right ? VZ_TYPO_CASE : VZ_TYPO_NONE;
	}
	return head_ok(t) ? among_symbols(t, at) : in_head(t, at);
}

enum vz_typo
vz_bech32_typo(const char *hrp, const char *s, size_t n, size_t len, size_t *at)
{
	struct typo t = {.hrp = hrp, .hrp_len = strlen(hrp), .len = len, .n = n};
	enum vz_typo found;

	*at = 0;
	t.whole = t.hrp_len + 1 + vz_bech32_groups(len) + VZ_BECH32_SUM;
	if (len == 0 || len > VZ_BECH32_DATA_MAX || vz_bech32_hrp(hrp, t.hrp_len) == 0 ||
	    t.whole + 1 > TEXT_MAX || n + 1 < t.whole || n > t.whole + 1)
		return VZ_TYPO_NONE;
	found = look(&t, s, at);
	explicit_bzero(&t, sizeof(t));
	return found;
}
