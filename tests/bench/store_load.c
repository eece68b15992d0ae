/*
 * Deposits of 1 KiB for tests/bench/store, each of them durable when it counts.
 *
 *	store_load store|sqlite|append SENDERS MS DIR
 *
 * Each sender has one deposit under way at a time. `store` is the relay's; `sqlite` is SQLite
 *driven directly, with dedupe and the sums for quotas, SENDERS deposits in each commit; `append`
 *writes them to the end of a file with one fdatasync(2). On stdout: deposits a second. Status 64
 *wrong use, 71 the system refused.
 */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/secret.h"
#include "relay/store_sqlite.h"

#define SIZE  1024
#define BOXES 100
#define NOW   UINT64_C(1700000000)

static struct {
	uint64_t n, done, end;
	uint8_t body[SIZE];
	struct vz_store *store;
} run;

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The next one. */
static void
make(unsigned sender, struct vz_store_mail *m)
{
	memset(m, 0, sizeof(*m));
	vz_store64(run.body, ++run.n);
	vz_blake2b_256(NULL, 0, run.body, SIZE, NULL, 0, m->content);
	m->recipient.b[0] = (uint8_t)(run.n % BOXES);
	m->depositor.b[0] = (uint8_t)sender;
	m->depositor.b[1] = 1;
	m->size = SIZE;
	m->now = NOW;
	m->expires = NOW + 3600;
}

static void on_answer(void *arg, const struct vz_store_answer *a);

static void
deposit(uintptr_t sender)
{
	struct vz_store_deposit *d;
	struct vz_store_mail m;

	make((unsigned)sender, &m);
	if (vz_store_deposit(run.store, &m, on_answer, (void *)sender, &d) != 0 ||
	    vz_store_append(d, run.body, SIZE) != SIZE || vz_store_finish(d) != 0)
		errx(71, "deposit");
}

static void
on_answer(void *arg, const struct vz_store_answer *a)
{
	if (a->err != 0 || a->duplicate)
		errx(71, "a deposit was refused");
	run.done++;
	if (now_us() < run.end)
		deposit((uintptr_t)arg);
}

static void
use_store(const char *dir, unsigned senders)
{
	const struct vz_store_limits l = {.each = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
	    .disk_bytes = UINT64_C(1) << 40};
	char words[VZ_STORE_WORDS];
	struct pollfd p = {.events = POLLIN};

	if (vz_store_sqlite_open(dir, &l, words, &run.store) != 0)
		errx(71, "%s", words);
	if (vz_store_start(run.store) != 0)
		err(71, "the store's thread");
	p.fd = vz_store_fd(run.store);
	for (unsigned i = 0; i < senders; i++)
		deposit(i);
	while (run.done < run.n) {
		poll(&p, 1, -1);
		if (vz_store_run(run.store) != 0)
			errx(71, "%s", vz_store_words(run.store));
	}
	vz_store_close(run.store);
}

static void
must(sqlite3 *db, int rc)
{
	if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW)
		errx(71, "%s", sqlite3_errmsg(db));
}

static sqlite3_stmt *
prepared(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;

	must(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL));
	return st;
}

static void
step(sqlite3 *db, sqlite3_stmt *st)
{
	must(db, sqlite3_step(st));
	must(db, sqlite3_reset(st));
}

static void
use_sqlite(const char *dir, unsigned senders)
{
	char path[PATH_MAX];
	sqlite3 *db;
	sqlite3_stmt *begin, *find, *add, *sum, *commit;
	struct vz_store_mail m;

	snprintf(path, sizeof(path), "%s/plain.db", dir);
	must(NULL, sqlite3_open(path, &db));
	must(db,
	    sqlite3_exec(db,
		"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
		"PRAGMA synchronous = FULL;"
		"CREATE TABLE message (seq INTEGER PRIMARY KEY, recipient BLOB, depositor BLOB,"
		" content BLOB, expires INTEGER, bytes BLOB,"
		" UNIQUE (recipient, depositor, content));"
		"CREATE TABLE mailbox (recipient BLOB PRIMARY KEY, messages INTEGER,"
		" bytes INTEGER) WITHOUT ROWID;",
		NULL, NULL, NULL));
	begin = prepared(db, "BEGIN IMMEDIATE");
	find = prepared(db, "SELECT messages, bytes FROM mailbox WHERE recipient = ?1");
	add = prepared(db,
	    "INSERT INTO message (recipient, depositor, content, expires, bytes)"
	    " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING");
	sum = prepared(db,
	    "INSERT INTO mailbox VALUES (?1, 1, ?2) ON CONFLICT (recipient) DO UPDATE SET"
	    " messages = messages + 1, bytes = bytes + ?2");
	commit = prepared(db, "COMMIT");
	while (now_us() < run.end) {
		step(db, begin);
		for (unsigned i = 0; i < senders; i++) {
			make(i, &m);
			sqlite3_bind_blob(find, 1, m.recipient.b, 32, SQLITE_STATIC);
			step(db, find);
			sqlite3_bind_blob(add, 1, m.recipient.b, 32, SQLITE_STATIC);
			sqlite3_bind_blob(add, 2, m.depositor.b, 32, SQLITE_STATIC);
			sqlite3_bind_blob(add, 3, m.content, 32, SQLITE_STATIC);
			sqlite3_bind_int64(add, 4, (sqlite3_int64)m.expires);
			sqlite3_bind_blob(add, 5, run.body, SIZE, SQLITE_STATIC);
			step(db, add);
			sqlite3_bind_blob(sum, 1, m.recipient.b, 32, SQLITE_STATIC);
			sqlite3_bind_int64(sum, 2, SIZE);
			step(db, sum);
		}
		step(db, commit);
		run.done += senders;
	}
	sqlite3_finalize(begin);
	sqlite3_finalize(find);
	sqlite3_finalize(add);
	sqlite3_finalize(sum);
	sqlite3_finalize(commit);
	sqlite3_close(db);
}

static void
use_append(const char *dir, unsigned senders)
{
	char path[PATH_MAX];
	struct vz_store_mail m;
	uint8_t *all = malloc((size_t)senders * SIZE);
	int fd;

	snprintf(path, sizeof(path), "%s/plain", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || all == NULL)
		err(71, "%s", path);
	while (now_us() < run.end) {
		for (unsigned i = 0; i < senders; i++) {
			make(i, &m);
			memcpy(all + (size_t)i * SIZE, run.body, SIZE);
		}
		if (write(fd, all, (size_t)senders * SIZE) < 0 || fdatasync(fd) != 0)
			err(71, "%s", path);
		run.done += senders;
	}
	close(fd);
	free(all);
}

int
main(int argc, char **argv)
{
	uint64_t began;
	unsigned senders;

	if (argc != 5 || vz_secret_init() != 0)
		errx(64, "usage: store_load store|sqlite|append SENDERS MS DIR");
	senders = (unsigned)strtoul(argv[2], NULL, 10);
	began = now_us();
	run.end = began + strtoull(argv[3], NULL, 10) * 1000;
	if (strcmp(argv[1], "store") == 0)
		use_store(argv[4], senders);
	else if (strcmp(argv[1], "sqlite") == 0)
		use_sqlite(argv[4], senders);
	else
		use_append(argv[4], senders);
	printf("%.0f\n", (double)run.done * 1e6 / (double)(now_us() - began));
	return 0;
}
