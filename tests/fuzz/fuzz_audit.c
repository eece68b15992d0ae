/*
 * Audit files: with the head kept elsewhere, any change of a chain is found; and of other bytes no
 * line is taken that is none.
 *
 * Aims at: lib/guard/audit_verify.c lib/guard/audit_line.c
 *
 * The first byte of an input: the rest edits a good file (network.h), or is one.
 */
#include <sys/mman.h>
#include "base/err.h"
#include "base/text.h"
#include "guard/audit.h"
#include "guard/audit_verify.h"
#include "tests/fuzz/curves.h"
#include "tests/fuzz/network.h"

#define LOG_MAX (64 * 1024)

static uint8_t log_good[LOG_MAX];
static size_t log_len;
static char head[VZ_AUDIT_HASH];
static struct vz_key signer;
static int memory; /* what is verified, as a file */

/* A chain of a few lines with two checkpoints, made by the code that makes them. */
static void
make_log(void)
{
	struct vz_identity *id = fuzz_identity(1);
	struct vz_signer by = {.identity = id};
	struct vz_audit_entry e = {.event = "message", .name = "a\"b\\c", .remote = "127.0.0.1:1"};
	struct vz_audit *a;
	char path[64];
	int fd;

	signer = id->bundle.identity;
	fuzz_make_folder();
	snprintf(path, sizeof(path), "%s/file", fuzz_folder);
	PROMISE(vz_audit_open(path, 1700000000000, &by, &a) == 0);
	for (e.bytes = 0; e.bytes < 6; e.bytes++) {
		e.key = e.bytes % 2 == 0 ? &signer : NULL;
		PROMISE(vz_audit_write(a, &e, 1700000000000 + e.bytes, &by) == 0);
		if (e.bytes == 2)
			PROMISE(vz_audit_checkpoint(a, 1700000000100, &by) == 0);
	}
	PROMISE(vz_audit_close(a, 1700000000200, &by) == 0);
	vz_identity_free(id);
	PROMISE((fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0);
	log_len = (size_t)read(fd, log_good, sizeof(log_good));
	close(fd);
	fuzz_folder_gone();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *last;

	(void)argc;
	(void)argv;
	PROMISE(vz_secret_init() == 0);
	make_log();
	PROMISE(log_len > 0 && log_len < sizeof(log_good));
	last = memrchr(log_good, '\n', log_len - 1);
	vz_audit_hash(last + 1, (size_t)(log_good + log_len - (const uint8_t *)last - 1), head);
	PROMISE((memory = memfd_create("audit", MFD_CLOEXEC)) >= 0);
	return 0;
}

static bool
verifies(const uint8_t *p, size_t len, const struct vz_key *by, const char *kept)
{
	struct vz_audit_check *c = vz_audit_check_new(by, kept);
	const struct vz_audit_report *report;
	int r;

	PROMISE(c != NULL && ftruncate(memory, 0) == 0);
	PROMISE(pwrite(memory, p, len, 0) == (ssize_t)len && lseek(memory, 0, SEEK_SET) == 0);
	r = vz_audit_check_file(c, memory);
	if (r == 0)
		r = vz_audit_check_end(c);
	PROMISE(r == 0 || r == VZ_EAUTH);
	report = vz_audit_check_report(c);
	PROMISE((report->why == NULL) == (r == 0));
	PROMISE(vz_audit_hash_ok(report->head) && report->signed_to <= report->count);
	PROMISE(report->first <= report->count || report->count == 0);
	vz_audit_check_free(c);
	return r == 0;
}

/* What is taken for a line holds what a line may hold, and ends where it ends. */
static void
one_line(const char *s, size_t len)
{
	struct vz_audit_line l;
	struct vz_key key;
	char text[128];

	if (!vz_audit_line_read(s, len, &l))
		return;
	PROMISE(
	    len <= VZ_AUDIT_LINE_MAX && s[len - 1] == '\n' && memchr(s, '\n', len) == s + len - 1);
	PROMISE(l.seq >= 1 && strlen(l.time) == VZ_AUDIT_TIME - 1 && vz_audit_hash_ok(l.previous));
	PROMISE(strlen(l.event) > 0 && strlen(l.event) < VZ_AUDIT_EVENT);
	PROMISE(l.event[strspn(l.event, "abcdefghijklmnopqrstuvwxyz-")] == '\0');
	PROMISE(vz_audit_checkpoint_text(&l, text) < sizeof(text));
	if (vz_audit_checkpoint_verify(s, len, &l, &key) == 0)
		PROMISE(vz_key_equal(&key, &signer));
}

static void
edited(struct vz_rd *in)
{
	static uint8_t text[LOG_MAX];
	size_t len;
	bool same;

	memcpy(text, log_good, log_len);
	len = network_tamper(in, text, log_len, sizeof(text));
	same = len == log_len && memcmp(text, log_good, len) == 0;
	PROMISE(verifies(text, len, &signer, head) == same);
	PROMISE(!same || verifies(text, len, NULL, NULL));
	for (const uint8_t *p = text, *nl; (nl = memchr(p, '\n', len)) != NULL; p = nl + 1) {
		one_line((const char *)p, (size_t)(nl + 1 - p));
		len -= (size_t)(nl + 1 - p);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vz_rd in = vz_rd_of(data, size);

	if ((vz_rd_u8(&in) & 1) == 0) {
		edited(&in);
		return 0;
	}
	if (in.len > 0)
		one_line((const char *)in.p, in.len);
	PROMISE(!verifies(in.p, in.len, &signer, head) ||
	    (in.len == log_len && memcmp(in.p, log_good, log_len) == 0));
	(void)verifies(in.p, in.len, NULL, NULL);
	return 0;
}
