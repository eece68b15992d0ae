#include "guard/audit_verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"

#define READ_MAX 65536

/* Where a line is. */
struct place {
	unsigned file;
	uint64_t line;
};

struct vz_audit_check {
	struct vz_audit_report report;
	bool any_signer; /* the first checkpoint's key is the one */
	bool want_head, head_seen;
	char wanted[VZ_AUDIT_HASH];
	struct place last; /* of the line whose hash is report.head */
	/*
	 * The last line names another hash for the one before it. Whether it or the one before was
	 * changed, the line that follows it knows.
	 */
	bool doubtful;
	struct place before;
	bool last_proved; /* the last line is itself as it was signed or kept */
	struct vz_buf input;
};

bool
vz_audit_hash_ok(const char *s)
{
	return strlen(s) == VZ_AUDIT_HASH - 1 && strspn(s, "0123456789abcdef") == VZ_AUDIT_HASH - 1;
}

struct vz_audit_check *
vz_audit_check_new(const struct vz_key *signer, const char *head)
{
	struct vz_audit_check *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	vz_buf_init(&c->input, READ_MAX + VZ_AUDIT_LINE_MAX);
	vz_audit_hash_none(c->report.head);
	c->any_signer = !signer;
	if (signer)
		c->report.signer = *signer;
	c->want_head = head != NULL;
	if (head)
		strlcpy(c->wanted, head, sizeof(c->wanted));
	return c;
}

void
vz_audit_check_free(struct vz_audit_check *c)
{
	if (!c)
		return;
	vz_buf_free(&c->input);
	free(c);
}

const struct vz_audit_report *
vz_audit_check_report(const struct vz_audit_check *c)
{
	return &c->report;
}

static int
wrong(struct vz_audit_check *c, struct place at, const char *why)
{
	c->report.file = at.file;
	c->report.line = at.line;
	c->report.why = why;
	return VZ_EAUTH;
}

#define CHANGED  "was changed"
#define MISSING  "does not follow the line before it: lines are missing, added or out of order"
#define BOUNDARY "does not follow the last line of the file before"

static int
check_first(struct vz_audit_check *c, struct place at, const struct vz_audit_line *l)
{
	char none[VZ_AUDIT_HASH];

	vz_audit_hash_none(none);
	c->report.first = l->seq;
	if (l->seq == 1)
		return strcmp(l->previous, none) == 0 ? 0 : wrong(c, at, CHANGED);
	/* What a file before this one held is not known, but that there was one is. */
	if (strcmp(l->event, VZ_AUDIT_CONTINUED) != 0)
		return wrong(c, at, "is not the first of a chain: lines before it are missing");
	return 0;
}

/* The link from the line before to l, which begins a file of a chain or goes on in one. */
static int
check_link(struct vz_audit_check *c, struct place at, const struct vz_audit_line *l)
{
	bool linked = strcmp(l->previous, c->report.head) == 0;

	if (c->report.count == 0)
		return check_first(c, at, l);
	if (c->doubtful)
		return wrong(c, linked ? c->before : c->last, CHANGED);
	if (at.line == 1 && (!linked || strcmp(l->event, VZ_AUDIT_CONTINUED) != 0))
		return wrong(c, at, BOUNDARY);
	if (l->seq != c->report.count + 1)
		return wrong(c, at, linked ? CHANGED : MISSING);
	if (!linked) {
		c->doubtful = true;
		c->before = c->last;
	}
	return 0;
}

static int
check_signature(struct vz_audit_check *c, struct place at, const char *s, size_t len,
    const struct vz_audit_line *l)
{
	struct vz_key key;
	int err = vz_audit_checkpoint_verify(s, len, l, &key);

	c->last_proved = err == 0;
	if (err == VZ_ENOMEM)
		return err;
	if (err)
		return wrong(c, at, "is a checkpoint whose signature does not verify");
	if (c->any_signer)
		c->report.signer = key;
	c->any_signer = false;
	if (!vz_key_equal(&key, &c->report.signer))
		return wrong(c, at, "is a checkpoint signed by another key");
	c->report.checkpoints++;
	c->report.signed_to = l->seq;
	return 0;
}

static int
check_line(struct vz_audit_check *c, const char *s, size_t len)
{
	struct place at = {c->last.file, c->last.line + 1};
	bool checkpoint;
	struct vz_audit_line l;
	int err;

	if (!vz_audit_line_read(s, len, &l))
		return c->doubtful ? wrong(c, c->last, CHANGED)
				   : wrong(c, at, "is no line of an audit file");
	err = check_link(c, at, &l);
	if (err)
		return err;
	c->last_proved = false;
	checkpoint = strcmp(l.event, VZ_AUDIT_CHECKPOINT) == 0;
	if (checkpoint)
		err = check_signature(c, at, s, len, &l);
	else if (strcmp(l.event, VZ_AUDIT_UNSIGNED) == 0)
		c->report.gaps++;
	else if (l.seq % VZ_AUDIT_CHECKPOINT_EVERY == 0)
		err = wrong(c, at, "should be a checkpoint");
	if (err)
		return err;
	c->last = at;
	c->report.count = l.seq;
	vz_audit_hash(s, len, c->report.head);
	if (c->want_head && strcmp(c->report.head, c->wanted) == 0)
		c->head_seen = c->last_proved = true;
	return 0;
}

/* The whole lines that were read so far. */
static int
check_input(struct vz_audit_check *c)
{
	for (;;) {
		const char *s = (const char *)vz_buf_ptr(&c->input);
		const char *newline = memchr(s, '\n', c->input.len);
		size_t len = newline ? (size_t)(newline + 1 - s) : c->input.len;
		int err;

		if (!newline && len <= VZ_AUDIT_LINE_MAX)
			return 0;
		err = check_line(c, s, len);
		if (err)
			return err;
		vz_buf_consume(&c->input, len);
	}
}

/* Appends what read(2) gives; 0 at the end. */
static int
read_some(struct vz_audit_check *c, int fd)
{
	uint8_t *p;
	ssize_t n;
	int err = vz_buf_reserve(&c->input, READ_MAX - VZ_AUDIT_LINE_MAX, &p);

	if (err)
		return err;
	do
		n = read(fd, p, READ_MAX - VZ_AUDIT_LINE_MAX);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return VZ_ESYSTEM;
	vz_buf_added(&c->input, (size_t)n);
	return (int)n;
}

int
vz_audit_check_file(struct vz_audit_check *c, int fd)
{
	struct place torn;
	int n = 0, err = 0;

	if (c->report.why)
		return VZ_EAUTH;
	c->last.file++;
	c->last.line = 0;
	vz_buf_clear(&c->input);
	while (!err && (n = read_some(c, fd)) > 0)
		err = check_input(c);
	if (err || n < 0)
		return err ? err : n;
	if (c->input.len == 0)
		return 0;
	torn = (struct place){c->last.file, c->last.line + 1};
	return wrong(c, torn, "has no end: its writing, or the file, was cut short");
}

int
vz_audit_check_end(struct vz_audit_check *c)
{
	if (c->report.why)
		return VZ_EAUTH;
	if (c->doubtful && c->last_proved)
		return wrong(c, c->before, CHANGED);
	if (c->doubtful)
		return wrong(c, c->before, "was changed, or the hash of it in the next line");
	if (c->want_head && !c->head_seen)
		return wrong(c, (struct place){c->last.file, 0},
		    "no line has the hash given: lines "
		    "are missing at the end");
	return 0;
}
