#include "guard/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fsutil.h"
#include "guard/audit_file.h"

#define STRING_MAX 255

struct vz_audit {
	char *path;
	int fd;
	uint64_t count;
	char head[VZ_AUDIT_HASH];
	bool all_signed; /* the last line is a checkpoint, on the disk */
	bool dated;      /* `since` is set */
	uint64_t since;  /* when the oldest unsigned line was written, as far as known */
	bool refused;    /* nobody signed, at: */
	uint64_t asked;
	int not_signed; /* why, until somebody has asked */
	uint64_t torn;  /* bytes of a broken write that could not be taken back yet */
	struct vz_buf line;
};

static void
next_line(const struct vz_audit *a, const char *event, uint64_t now_ms, struct vz_audit_line *l)
{
	*l = (struct vz_audit_line){.seq = a->count + 1};
	vz_audit_time(now_ms, l->time);
	strlcpy(l->event, event, sizeof(l->event));
	memcpy(l->previous, a->head, sizeof(l->previous));
}

/* Appends what a->line holds. Only then is it part of the chain. */
static int
append(struct vz_audit *a)
{
	const uint8_t *p = vz_buf_ptr(&a->line);
	int err = 0, saved;

	if (a->torn > 0)
		err = vz_audit_file_cut(a->fd, a->torn);
	if (err)
		return err;
	err = vz_audit_file_append(a->fd, p, a->line.len, &a->torn);
	if (err) {
		saved = errno;
		if (a->torn > 0 && vz_audit_file_cut(a->fd, a->torn) == 0)
			a->torn = 0;
		errno = saved;
		return err;
	}
	a->count++;
	vz_audit_hash(p, a->line.len, a->head);
	return 0;
}

/* 1: nobody signs it. */
static int
write_checkpoint(struct vz_audit *a, uint64_t now_ms, const struct vz_signer *by)
{
	uint8_t sig[VZ_SIGN_LEN];
	struct vz_audit_line l;
	char text[128];
	size_t len;
	int err;

	next_line(a, VZ_AUDIT_CHECKPOINT, now_ms, &l);
	len = vz_audit_checkpoint_text(&l, text);
	err = vz_signer_sign_bytes(by, VZ_NS_AUDIT, text, len, sig);
	a->refused = err != 0;
	if (err) {
		a->asked = now_ms;
		a->not_signed = err;
		return 1;
	}
	vz_buf_clear(&a->line);
	err = vz_audit_checkpoint_write(&a->line, &l, &by->identity->bundle.identity, sig);
	if (!err)
		err = append(a);
	if (!err)
		err = vz_fs_sync(a->fd);
	if (!err)
		a->all_signed = true;
	return err;
}

static bool
checkpoint_is_next(const struct vz_audit *a)
{
	return (a->count + 1) % VZ_AUDIT_CHECKPOINT_EVERY == 0;
}

static void
note_time(struct vz_audit *a, uint64_t now_ms)
{
	/* A clock that went back begins the hour anew. */
	if (!a->dated || now_ms < a->since)
		a->since = now_ms;
	a->dated = true;
}

/* The milliseconds until whoever did not sign is asked again. */
static uint64_t
until_asked(const struct vz_audit *a, uint64_t now_ms)
{
	if (!a->refused || now_ms < a->asked || now_ms - a->asked >= VZ_AUDIT_RETRY_MS)
		return 0;
	return VZ_AUDIT_RETRY_MS - (now_ms - a->asked);
}

/* The milliseconds until the unsigned lines are to be signed. */
static uint64_t
until_due(struct vz_audit *a, uint64_t now_ms)
{
	uint64_t passed;

	if (a->all_signed)
		return UINT64_MAX;
	note_time(a, now_ms);
	passed = now_ms - a->since;
	return passed >= VZ_AUDIT_CHECKPOINT_MS ? until_asked(a, now_ms)
						: VZ_AUDIT_CHECKPOINT_MS - passed;
}

static void
put_clipped(struct vz_json *j, const char *name, const char *value)
{
	if (value)
		vz_json_bytes(j, name, value, strnlen(value, STRING_MAX));
	else
		vz_json_str(j, name, NULL);
}

/* Any line but a checkpoint. */
static int
write_entry(struct vz_audit *a, const struct vz_audit_entry *e, uint64_t now_ms)
{
	char key[VZ_KEY_TEXT];
	struct vz_audit_line l;
	struct vz_json j;
	int err;

	next_line(a, e->event, now_ms, &l);
	vz_buf_clear(&a->line);
	vz_audit_line_begin(&j, &a->line, &l);
	if (e->key)
		vz_key_format(e->key, key);
	vz_json_str(&j, "key", e->key ? key : NULL);
	put_clipped(&j, "name", e->name);
	put_clipped(&j, "remote", e->remote);
	put_clipped(&j, "message", e->message);
	vz_json_u64(&j, "bytes", e->bytes);
	put_clipped(&j, "result", e->result);
	err = vz_audit_line_end(&j, &l);
	if (!err)
		err = append(a);
	if (err)
		return err;
	if (a->all_signed)
		a->dated = false;
	a->all_signed = false;
	note_time(a, now_ms);
	return 0;
}

/* A checkpoint. 1: nobody signs it; where there must be one, a line that says so is there. */
static int
checkpoint(struct vz_audit *a, uint64_t now_ms, const struct vz_signer *by)
{
	struct vz_audit_entry gap = {.event = VZ_AUDIT_UNSIGNED};
	int err = until_asked(a, now_ms) > 0 ? 1 : write_checkpoint(a, now_ms, by);

	if (err <= 0 || !checkpoint_is_next(a))
		return err;
	gap.result = "the identity's key was not to be had";
	err = write_entry(a, &gap, now_ms);
	return err ? err : 1;
}

/* With the checkpoint before it that is due. */
static int
record(
    struct vz_audit *a, const struct vz_audit_entry *e, uint64_t now_ms, const struct vz_signer *by)
{
	int err = 0;

	if (checkpoint_is_next(a) || until_due(a, now_ms) == 0)
		err = checkpoint(a, now_ms, by);
	/* The one because of the hour may have been the last before one because of the number. */
	if (err >= 0 && checkpoint_is_next(a))
		err = checkpoint(a, now_ms, by);
	return err < 0 ? err : write_entry(a, e, now_ms);
}

static bool
event_ok(const char *event)
{
	static const char *const own[] = {
	    VZ_AUDIT_CHECKPOINT, VZ_AUDIT_CONTINUED, VZ_AUDIT_RECOVERED, VZ_AUDIT_UNSIGNED};
	size_t len = strlen(event);

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(event, own[i]) == 0)
			return false;
	return len > 0 && len < VZ_AUDIT_EVENT &&
	    strspn(event, "abcdefghijklmnopqrstuvwxyz-") == len;
}

int
vz_audit_write(
    struct vz_audit *a, const struct vz_audit_entry *e, uint64_t now_ms, const struct vz_signer *by)
{
	return event_ok(e->event) ? record(a, e, now_ms, by) : VZ_EINVAL;
}

int
vz_audit_checkpoint(struct vz_audit *a, uint64_t now_ms, const struct vz_signer *by)
{
	int err = a->all_signed ? 0 : write_checkpoint(a, now_ms, by);

	return err > 0 ? a->not_signed : err;
}

int
vz_audit_tick(struct vz_audit *a, uint64_t now_ms, const struct vz_signer *by, uint64_t *wait_ms)
{
	int err = 0;

	*wait_ms = until_due(a, now_ms);
	if (*wait_ms > 0)
		return 0;
	err = checkpoint(a, now_ms, by);
	/* What failed is tried again, but not at once. */
	*wait_ms = err ? VZ_AUDIT_RETRY_MS : UINT64_MAX;
	return err < 0 ? err : 0;
}

/* Goes on where the file ends. */
static int
resume(struct vz_audit *a, uint64_t now_ms, const struct vz_signer *by)
{
	struct vz_audit_line last;
	uint64_t torn;
	int err = vz_audit_file_end(a->fd, &last, a->head, &torn);

	if (err)
		return err;
	a->count = last.seq;
	a->all_signed = last.seq == 0 || strcmp(last.event, VZ_AUDIT_CHECKPOINT) == 0;
	if (torn == 0)
		return 0;
	err = vz_audit_file_cut(a->fd, torn);
	if (err)
		return err;
	return record(a,
	    &(struct vz_audit_entry){.event = VZ_AUDIT_RECOVERED,
		.bytes = torn,
		.result = "an unfinished line was cut off"},
	    now_ms, by);
}

static void
discard(struct vz_audit *a)
{
	int saved = errno;

	if (a->fd >= 0)
		close(a->fd);
	vz_buf_free(&a->line);
	free(a->path);
	free(a);
	errno = saved;
}

int
vz_audit_open(const char *path, uint64_t now_ms, const struct vz_signer *by, struct vz_audit **out)
{
	struct vz_audit *a = calloc(1, sizeof(*a));
	int err;

	*out = NULL;
	if (!a)
		return VZ_ENOMEM;
	a->fd = -1;
	vz_buf_init(&a->line, VZ_AUDIT_LINE_MAX);
	a->path = strdup(path);
	err = a->path ? vz_audit_file_open(path, &a->fd) : VZ_ENOMEM;
	if (!err)
		err = resume(a, now_ms, by);
	if (err)
		discard(a);
	else
		*out = a;
	return err;
}

static bool
is_same_file(const struct vz_audit *a)
{
	struct stat here, there;

	return fstat(a->fd, &here) == 0 && lstat(a->path, &there) == 0 &&
	    here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/* All of the old file is signed, if anybody signs, and the first line of the new one is no
 * checkpoint's. */
static int
finish_old(struct vz_audit *a, uint64_t now_ms, const struct vz_signer *by)
{
	int err = a->all_signed ? 0 : checkpoint(a, now_ms, by);

	if (err >= 0 && checkpoint_is_next(a))
		err = checkpoint(a, now_ms, by);
	return err < 0 ? err : 0;
}

static int
go_on_in(struct vz_audit *a, int fd, uint64_t now_ms, const struct vz_signer *by)
{
	int old = a->fd, err = finish_old(a, now_ms, by);

	if (err)
		return err;
	a->fd = fd;
	err = write_entry(a, &(struct vz_audit_entry){.event = VZ_AUDIT_CONTINUED}, now_ms);
	if (err) {
		/* Bytes that could not be taken back are in the file that is given up. */
		a->torn = 0;
		a->fd = old;
		return err;
	}
	close(old);
	return 0;
}

int
vz_audit_reopen(struct vz_audit *a, uint64_t now_ms, const struct vz_signer *by)
{
	struct stat st;
	int fd, err, saved;

	if (is_same_file(a))
		return 0;
	err = vz_audit_file_open(a->path, &fd);
	if (err)
		return err;
	err = fstat(fd, &st) < 0 ? VZ_ESYSTEM : st.st_size > 0 ? VZ_EEXISTS : 0;
	if (!err)
		err = go_on_in(a, fd, now_ms, by);
	if (err) {
		saved = errno;
		close(fd);
		errno = saved;
	}
	return err;
}

int
vz_audit_close(struct vz_audit *a, uint64_t now_ms, const struct vz_signer *by)
{
	int err;

	if (!a)
		return 0;
	err = vz_audit_checkpoint(a, now_ms, by);
	discard(a);
	return err;
}

int
vz_audit_not_signed(struct vz_audit *a)
{
	int err = a->not_signed;

	a->not_signed = 0;
	return err;
}

uint64_t
vz_audit_count(const struct vz_audit *a)
{
	return a->count;
}

const char *
vz_audit_head(const struct vz_audit *a)
{
	return a->head;
}
