#include "guard/audit_line.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/err.h"
#include "base/hash.h"

#define TIME_MAX_MS UINT64_C(253402300799999)

void
vz_audit_time(uint64_t unix_ms, char out[static VZ_AUDIT_TIME])
{
	uint64_t ms = unix_ms < TIME_MAX_MS ? unix_ms : TIME_MAX_MS;
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm = {0};
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(out, VZ_AUDIT_TIME, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, VZ_AUDIT_TIME - n, ".%03uZ", (unsigned)(ms % 1000));
}

void
vz_audit_hash(const void *line, size_t len, char out[static VZ_AUDIT_HASH])
{
	uint8_t digest[32];

	vz_hash2(VZ_HASH_SHA256, line, len, NULL, 0, digest);
	sodium_bin2hex(out, VZ_AUDIT_HASH, digest, sizeof(digest));
}

void
vz_audit_hash_none(char out[static VZ_AUDIT_HASH])
{
	memset(out, '0', VZ_AUDIT_HASH - 1);
	out[VZ_AUDIT_HASH - 1] = '\0';
}

void
vz_audit_line_begin(struct vz_json *j, struct vz_buf *out, const struct vz_audit_line *l)
{
	vz_json_begin(j, out);
	vz_json_u64(j, "seq", l->seq);
	vz_json_str(j, "time", l->time);
	vz_json_str(j, "event", l->event);
}

int
vz_audit_line_end(struct vz_json *j, const struct vz_audit_line *l)
{
	vz_json_str(j, "previous", l->previous);
	return vz_json_end(j);
}

/* Takes the text w. */
static bool
take(const char **s, size_t *len, const char *w)
{
	size_t n = strlen(w);

	if (*len < n || memcmp(*s, w, n) != 0)
		return false;
	*s += n;
	*len -= n;
	return true;
}

/* Takes 1 to n-1 bytes of the set, all that there are, to out. */
static bool
take_of(const char **s, size_t *len, const char *set, char *out, size_t n)
{
	size_t i = 0;

	while (i < *len && i < n && (*s)[i] != '\0' && strchr(set, (*s)[i]))
		i++;
	if (i == 0 || i == n)
		return false;
	memcpy(out, *s, i);
	out[i] = '\0';
	*s += i;
	*len -= i;
	return true;
}

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyz-"

static bool
take_seq(const char **s, size_t *len, uint64_t *seq)
{
	char digits[20]; /* one less than UINT64_MAX takes: nothing overflows */

	if (!take_of(s, len, DIGITS, digits, sizeof(digits)) || digits[0] == '0')
		return false;
	*seq = 0;
	for (const char *d = digits; *d; d++)
		*seq = *seq * 10 + (uint64_t)(*d - '0');
	return true;
}

/* 2025-01-31T12:00:00.123Z, whatever the digits. */
static bool
take_time(const char **s, size_t *len, char out[static VZ_AUDIT_TIME])
{
	static const char form[] = "0000-00-00T00:00:00.000Z";

	if (!take_of(s, len, DIGITS "-:.TZ", out, VZ_AUDIT_TIME) || strlen(out) != strlen(form))
		return false;
	for (size_t i = 0; i < strlen(form); i++)
		if (form[i] == '0' ? !strchr(DIGITS, out[i]) : out[i] != form[i])
			return false;
	return true;
}

/* Takes null, a number, or a string of JSON whatever is in it, but no control character. */
static bool
take_value(const char **s, size_t *len)
{
	char digits[21];
	size_t i = 1;

	if (take(s, len, "null") || take_of(s, len, DIGITS, digits, sizeof(digits)))
		return true;
	if (*len == 0 || **s != '"')
		return false;
	for (; i < *len && (*s)[i] != '"'; i++) {
		if ((*s)[i] == '\\')
			i++;
		if (i < *len && (uint8_t)(*s)[i] < ' ')
			return false;
	}
	if (i >= *len)
		return false;
	*s += i + 1;
	*len -= i + 1;
	return true;
}

/* The fields between the event and the hash: strict, so that nothing of a line can be renamed. */
static bool
take_fields(const char **s, size_t *len, const char *event)
{
	static const char *const of_entry[] = {",\"key\":", ",\"name\":", ",\"remote\":",
	    ",\"message\":", ",\"bytes\":", ",\"result\":", NULL};
	static const char *const of_checkpoint[] = {",\"key\":", ",\"signature\":", NULL};
	const char *const *field =
	    strcmp(event, VZ_AUDIT_CHECKPOINT) == 0 ? of_checkpoint : of_entry;

	for (; *field; field++)
		if (!take(s, len, *field) || !take_value(s, len))
			return false;
	return true;
}

bool
vz_audit_line_read(const char *s, size_t len, struct vz_audit_line *l)
{
	memset(l, 0, sizeof(*l));
	return len <= VZ_AUDIT_LINE_MAX && take(&s, &len, "{\"seq\":") &&
	    take_seq(&s, &len, &l->seq) && take(&s, &len, ",\"time\":\"") &&
	    take_time(&s, &len, l->time) && take(&s, &len, "\",\"event\":\"") &&
	    take_of(&s, &len, LETTERS, l->event, sizeof(l->event)) && take(&s, &len, "\"") &&
	    take_fields(&s, &len, l->event) && take(&s, &len, ",\"previous\":\"") &&
	    take_of(&s, &len, DIGITS "abcdef", l->previous, sizeof(l->previous)) &&
	    strlen(l->previous) == VZ_AUDIT_HASH - 1 && take(&s, &len, "\"}\n") && len == 0;
}

size_t
vz_audit_checkpoint_text(const struct vz_audit_line *l, char out[static 128])
{
	int n = snprintf(out, 128, "%" PRIu64 " %s %s\n", l->seq - 1, l->previous, l->time);

	return n < 0 ? 0 : (size_t)n;
}

int
vz_audit_checkpoint_write(struct vz_buf *out, const struct vz_audit_line *l,
    const struct vz_key *key, const uint8_t sig[static VZ_SIGN_LEN])
{
	char text[VZ_KEY_TEXT];
	struct vz_buf armor;
	struct vz_json j;
	int err;

	vz_buf_init(&armor, 1024);
	err = vz_sshsig_armor(key->b, VZ_NS_AUDIT, sig, &armor);
	vz_key_format(key, text);
	vz_audit_line_begin(&j, out, l);
	vz_json_str(&j, "key", text);
	vz_json_bytes(&j, "signature", vz_buf_ptr(&armor), armor.len);
	if (err)
		j.err = err;
	err = vz_audit_line_end(&j, l);
	vz_buf_free(&armor);
	return err;
}

/* The armor inside the JSON string s, where only newlines are escaped, as vz_escape does. */
static bool
unescape(const char *s, size_t len, char *out, size_t cap, size_t *n)
{
	static const char newline[] = "\\u000a";

	for (*n = 0; len > 0; ++*n) {
		bool escape = *s == '\\';

		if (*n == cap || (escape && !take(&s, &len, newline)))
			return false;
		out[*n] = escape ? '\n' : *s;
		if (!escape)
			s++, len--;
	}
	return true;
}

/* The key and the raw signature of a checkpoint, whatever they are worth. */
static bool
read_signature(const char *s, size_t len, struct vz_key *key, uint8_t sig[static VZ_SIGN_LEN])
{
	static const char begin[] = "\"signature\":\"";
	const char *at = memmem(s, len, begin, sizeof(begin) - 1), *end;
	char armor[1024];
	size_t n;
	int bits;

	if (!at)
		return false;
	at += sizeof(begin) - 1;
	end = memchr(at, '"', len - (size_t)(at - s));
	return end && unescape(at, (size_t)(end - at), armor, sizeof(armor), &n) &&
	    vz_sshsig_unarmor(armor, n, VZ_NS_AUDIT, key->b, sig, &bits) == 0 && bits == 512;
}

int
vz_audit_checkpoint_verify(
    const char *s, size_t len, const struct vz_audit_line *l, struct vz_key *key)
{
	uint8_t sig[VZ_SIGN_LEN];
	struct vz_buf again;
	char text[128];
	int err;

	if (!read_signature(s, len, key, sig))
		return VZ_EFORMAT;
	/* So that no byte of it can be changed, the signature's own encoding included. */
	vz_buf_init(&again, VZ_AUDIT_LINE_MAX);
	err = vz_audit_checkpoint_write(&again, l, key, sig);
	if (!err && (again.len != len || memcmp(vz_buf_ptr(&again), s, len) != 0))
		err = VZ_EFORMAT;
	vz_buf_free(&again);
	if (err)
		return err;
	return vz_sshsig_verify(key->b, VZ_NS_AUDIT, text, vz_audit_checkpoint_text(l, text), sig);
}
