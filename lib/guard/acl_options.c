#include "guard/acl_options.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/text.h"

/* Each takes the value into the rule; false when it is bad. */
typedef bool take_fn(struct vz_rule *r, const char *value);

static bool
take_from(struct vz_rule *r, const char *value)
{
	size_t n = 1;

	for (const char *c = value; *c; c++)
		n += *c == ',';
	r->from = calloc(n, sizeof(*r->from));
	if (!r->from)
		return false;
	for (r->n_from = 0; r->n_from < n; r->n_from++) {
		size_t len = strcspn(value, ",");

		if (!vz_from_parse(value, len, &r->from[r->n_from]))
			return false;
		value += len + 1;
	}
	return true;
}

/* 1 or more: no limit is what is left out, not 0. */
static bool
take_size(const char *value, uint64_t *out)
{
	return vz_parse_size(value, INT64_MAX, out) == 0 && *out > 0;
}

/* The same without k M G, which would be odd for things that are counted. */
static bool
take_number(const char *value, uint64_t *out)
{
	return value[strspn(value, "0123456789")] == '\0' && take_size(value, out);
}

/* The value without the /s at its end, in out. */
static bool
per_second(const char *value, char out[static 32])
{
	size_t len = strlen(value);

	if (len < 3 || len - 2 >= 32 || strcmp(value + len - 2, "/s") != 0)
		return false;
	memcpy(out, value, len - 2);
	out[len - 2] = '\0';
	return true;
}

static bool
take_rate(struct vz_rule *r, const char *value)
{
	char n[32];

	return per_second(value, n) && take_number(n, &r->rate);
}

static bool
take_burst(struct vz_rule *r, const char *value)
{
	return take_number(value, &r->burst);
}

static bool
take_bytes(struct vz_rule *r, const char *value)
{
	char n[32];

	return per_second(value, n) && take_size(n, &r->bytes);
}

static bool
take_max_size(struct vz_rule *r, const char *value)
{
	return take_size(value, &r->max_size);
}

static bool
take_max_conns(struct vz_rule *r, const char *value)
{
	return take_number(value, &r->max_conns);
}

/* n digits of a date. */
static int
digits(const char *s, size_t n)
{
	int v = 0;

	for (size_t i = 0; i < n; i++)
		v = v * 10 + (s[i] - '0');
	return v;
}

static bool
take_expires(struct vz_rule *r, const char *value)
{
	struct tm tm = {0}, real;
	time_t t;

	for (size_t i = 0; i < 11; i++)
		if (i == 10                ? value[i] != '\0'
			: i == 4 || i == 7 ? value[i] != '-'
					   : value[i] < '0' || value[i] > '9')
			return false;
	tm.tm_year = digits(value, 4) - 1900;
	tm.tm_mon = digits(value + 5, 2) - 1;
	tm.tm_mday = digits(value + 8, 2);
	real = tm;
	t = timegm(&real);
	/* 02-30 would be read as a day of March. 1970-01-01, as 0, would be none. */
	if (real.tm_year != tm.tm_year || real.tm_mon != tm.tm_mon || real.tm_mday != tm.tm_mday)
		return false;
	r->expires = t;
	return t > 0;
}

/* Split at blanks, and nothing else is done to it: there are no quotes, variables or globs. */
static bool
take_command(struct vz_rule *r, const char *value)
{
	size_t n = 0;
	char *at;

	r->words = strdup(value);
	r->argv = calloc(VZ_RULE_ARGS + 1, sizeof(*r->argv));
	if (!r->words || !r->argv)
		return false;
	at = r->words + strspn(r->words, " \t");
	while (*at) {
		if (n == VZ_RULE_ARGS)
			return false;
		r->argv[n++] = at;
		at += strcspn(at, " \t");
		while (*at == ' ' || *at == '\t')
			*at++ = '\0';
	}
	return n > 0 && r->argv[0][0] == '/';
}

static bool
take_name_match(struct vz_rule *r, const char *value)
{
	r->name_match = strdup(value);
	return r->name_match != NULL;
}

/* in_force: what vz-listen does as the line says. */
static const struct option {
	const char *name;
	take_fn *take;
	bool in_force;
	const char *why;
} options[] = {
    {"from", take_from, true,
	"from= takes addresses, with /BITS or without, and relay:vz1..., with commas between"},
    {"rate", take_rate, true,
	"rate= takes messages a second, as in 10/s; for bytes there is bytes="},
    {"burst", take_burst, true, "burst= takes a number of messages"},
    {"bytes", take_bytes, true, "bytes= takes a size a second, as in 4M/s"},
    {"max-size", take_max_size, true, "max-size= takes a size"},
    {"max-conns", take_max_conns, true, "max-conns= takes a number of sessions"},
    {"expires", take_expires, true, "expires= takes a date, YYYY-MM-DD"},
    {"command", take_command, true,
	"command= takes an absolute path and arguments, at most 64 words"},
    {"name-match", take_name_match, true, "name-match= takes a pattern"},
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

/* The index of the option that s[0..len) begins with, N_OPTIONS for none. */
static size_t
find(const char *s, size_t len)
{
	const char *equals = memchr(s, '=', len);
	size_t n = equals ? (size_t)(equals - s) : len, i;

	for (i = 0; i < N_OPTIONS; i++)
		if (n == strlen(options[i].name) && memcmp(s, options[i].name, n) == 0)
			break;
	return i;
}

bool
vz_acl_option_known(const char *s, size_t len)
{
	size_t i = find(s, len);

	return i < N_OPTIONS && options[i].in_force;
}

/*
 * What stands between the quotes of ="...", with \" as ". NULL when that is not its form, or it is
 * empty, not UTF-8, or holds control characters other than tabs.
 */
static char *
unquote(const char *s, size_t len)
{
	char *out = NULL, *p;

	if (len >= 4 && s[0] == '=' && s[1] == '"' && s[len - 1] == '"' && vz_utf8_ok(s, len))
		out = p = malloc(len);
	if (!out)
		return NULL;
	for (size_t i = 2; i < len - 1; i++) {
		bool escape = s[i] == '\\' && s[i + 1] == '"';

		/* The quote that ends it cannot be an escaped one, nor one in between a bare one.
		 */
		if ((escape && i + 2 == len) || (!escape && s[i] == '"'))
			goto bad;
		i += escape;
		if ((s[i] != '\t' && (uint8_t)s[i] < ' ') || s[i] == 0x7f)
			goto bad;
		*p++ = s[i];
	}
	*p = '\0';
	return out;
bad:
	free(out);
	return NULL;
}

bool
vz_acl_option_read(struct vz_rule **r, const char *s, size_t len, const char **why)
{
	size_t i = find(s, len), n;
	char *value;
	bool ok;

	*why = "neither a key nor an option that is known here";
	if (i == N_OPTIONS)
		return false;
	if (!*r)
		*r = vz_rule_new();
	*why = "memory is short";
	if (!*r)
		return false;
	*why = "an option is given twice";
	if ((*r)->given & 1u << i)
		return false;
	(*r)->given |= 1u << i;
	*why = "an option's value is written NAME=\"VALUE\", and not empty";
	n = strlen(options[i].name);
	value = unquote(s + n, len - n);
	if (!value)
		return false;
	*why = options[i].why;
	ok = options[i].take(*r, value);
	free(value);
	if (ok)
		*why = NULL;
	return ok;
}

bool
vz_acl_options_fit(const struct vz_rule *r, const char **why)
{
	if (!r || r->burst == 0 || r->rate > 0)
		return true;
	*why = "burst= is given without rate=";
	return false;
}
