/*
 * answerer: a listener that takes messages and answers questions in ways that a good one does not.
 *
 *	answerer --ready-fd N [--max-size N] HOW [N]
 *
 *	lines		writes each message and a newline to standard output
 *	echo		answers each question with itself
 *	reverse N	gathers N questions, answers the last first; what is left at the end too
 *	parts		answers with itself in data frames, byte by byte at first
 *	refuse N	refuses each Nth message with 77, takes the others
 *	status N	answers each question with itself and status N
 *	cut N		drops the connection instead of answering question N (from 0)
 *	half		sends half of the reply as data, then the verdict 79
 *	newline		answers each question with two lines
 *	hold		reads the first message's first bytes and nothing more
 *
 * Takes anybody. Its identity is made anew; the full address goes to descriptor N when it listens.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sodium.h>
#include "base/err.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "guard/acl.h"
#include "id/identity.h"
#include "net/conn.h"
#include "net/listen.h"

#define BODIES 16384

struct question {
	uint64_t number;
	uint8_t kind;
	uint8_t *body;
	size_t len;
	int taken;
};

struct guest {
	struct vz_conn *conn;
	struct question asked[BODIES]; /* by number */
	uint64_t seen, first;          /* answered in reverse: from first on */
	struct question *waiting;      /* for room to answer it: events are held */
};

static const char *how;
static uint64_t parameter, max_size;
static struct vz_identity *me;
static struct vz_loop *loop;
static struct vz_listener sockets[VZ_LISTEN_MAX];

static void
need(int r, const char *what)
{
	if (r < 0)
		errx(71, "%s: %s", what, vz_strerror(r));
}

static int
is(const char *name)
{
	return strcmp(how, name) == 0;
}

/* A reply in several frames. */
static void
reply_in_parts(struct vz_session *s, const struct question *q, size_t len, uint8_t status)
{
	size_t at = 0, step = 1;

	while (at < len) {
		size_t n = len - at < step ? len - at : step;
		long put = vz_session_data(s, q->number, q->body + at, n);

		if (put <= 0)
			errx(70, "no room for a reply of %zu bytes", len);
		at += (size_t)put;
		step *= 2;
	}
	if (status == 0)
		need(vz_session_end(s, q->number), "end");
	need(vz_session_done(s, q->number, status, status ? "broke off" : ""), "done");
}

static void
answer(struct guest *g, struct question *q)
{
	struct vz_session *s = vz_conn_session(g->conn);
	static const uint8_t two[] = "one\ntwo\n";
	int r;

	if (q->kind != VZ_KIND_ASK)
		need(vz_session_done(s, q->number, 0, ""), "done");
	else if (is("parts"))
		reply_in_parts(s, q, q->len, 0);
	else if (is("half"))
		reply_in_parts(s, q, q->len / 2, 79);
	else if (is("newline"))
		need(vz_session_answer(s, q->number, 0, two, sizeof(two) - 1), "answer");
	else if (q->len > VZ_WHOLE_MAX)
		reply_in_parts(s, q, q->len, 0);
	else if ((r = vz_session_answer(s, q->number, is("status") ? (uint8_t)parameter : 0,
		      q->body, q->len)) == VZ_EFULL) {
		g->waiting = q;
		return;
	} else
		need(r, "answer");
	free(q->body);
	q->body = NULL;
	q->len = 0;
}

static void
answer_back(struct guest *g)
{
	for (uint64_t n = g->seen; n-- > g->first;)
		answer(g, &g->asked[n % BODIES]);
	g->first = g->seen;
	if (g->waiting)
		errx(70, "no room to answer that many backwards");
}

static void
take(struct guest *g, const struct vz_event *ev)
{
	struct question *q = &g->asked[ev->number % BODIES];

	q->body = realloc(q->body, q->len + ev->bytes_len + 1);
	if (!q->body)
		err(71, "memory");
	memcpy(q->body + q->len, ev->bytes, ev->bytes_len);
	q->len += ev->bytes_len;
	need(vz_session_taken(vz_conn_session(g->conn), ev->number, ev->bytes_len), "taken");
}

static bool
ended(struct guest *g, uint64_t number)
{
	struct question *q = &g->asked[number % BODIES];
	struct vz_session *s = vz_conn_session(g->conn);

	g->seen = number + 1;
	if (is("cut") && number == parameter) {
		vz_conn_drop(g->conn);
		return true;
	}
	if (is("refuse") && (number + 1) % parameter == 0) {
		need(vz_session_done(s, number, 77, "not\033this"), "done");
		q->len = 0;
		return true;
	}
	if (is("lines")) {
		fwrite(q->body, 1, q->len, stdout);
		putchar('\n');
		fflush(stdout);
	}
	if (!is("reverse"))
		answer(g, q);
	else if (g->seen - g->first >= parameter)
		answer_back(g);
	return !g->waiting;
}

static bool
on_event(void *arg, struct vz_conn *c, const struct vz_event *ev)
{
	struct guest *g = arg;

	switch (ev->type) {
	case VZ_EVENT_PEER:
		need(vz_session_accept(vz_conn_session(c), VZ_RIGHT_SEND | VZ_RIGHT_ASK, max_size),
		    "accept");
		return true;
	case VZ_EVENT_WHOLE:
	case VZ_EVENT_OPEN:
		g->asked[ev->number % BODIES].number = ev->number;
		g->asked[ev->number % BODIES].kind = ev->kind;
		g->asked[ev->number % BODIES].len = 0;
		if (ev->type == VZ_EVENT_OPEN)
			return !is("hold");
		if (is("hold"))
			return false;
		take(g, ev);
		return ended(g, ev->number);
	case VZ_EVENT_DATA: take(g, ev); return true;
	case VZ_EVENT_END: return ended(g, ev->number);
	case VZ_EVENT_CANCEL:
		fprintf(stderr, "cancelled %llu\n", (unsigned long long)ev->number);
		return true;
	default: return true;
	}
}

/* Nothing more comes: a gathered rest is answered. */
static void
on_turn(void *arg, struct vz_conn *c)
{
	struct guest *g = arg;
	struct question *q = g->waiting;

	if (q) {
		g->waiting = NULL;
		answer(g, q);
		if (!g->waiting)
			vz_conn_resume(c);
	}
	if (is("reverse") && parameter == 0 && g->seen > g->first)
		answer_back(g);
}

static void
on_ended(void *arg, struct vz_conn *c, int why, int sys_errno)
{
	(void)c;
	(void)sys_errno;
	fprintf(stderr, "ended %d\n", why);
	free(arg);
}

static const struct vz_conn_handler handler = {
    .event = on_event, .turn = on_turn, .ended = on_ended};

static void
on_call(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_conn_config c = {.handler = &handler};
	struct guest *g = calloc(1, sizeof(*g));
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	int fd = vz_listen_accept(w->fd, &from, &from_len);

	(void)got;
	if (fd < 0 || !g) {
		free(g);
		return;
	}
	vz_session_defaults(&c.session);
	c.session.channel.service = VZ_SERVICE_MESSAGES;
	c.session.channel.self = me;
	c.session.channel.responder = me->bundle.identity;
	c.session.channel.aes = vz_aead_has_aes();
	randombytes_buf(c.session.channel.random, sizeof(c.session.channel.random));
	c.arg = g;
	need(vz_conn_new(l, fd, &c, &g->conn), "connection");
}

static void
make_identity(void)
{
	uint8_t random[96];

	randombytes_buf(random, sizeof(random));
	me = vz_identity_new();
	if (!me)
		err(71, "identity");
	need(vz_identity_make(me, random, (uint64_t)time(NULL), "answerer"), "identity");
}

int
main(int argc, char **argv)
{
	static struct vz_watch watch = {.fn = on_call};
	struct vz_listen_address at;
	char key[VZ_KEY_TEXT];
	const char *why;
	size_t n = 0;
	int ready = -1;

	for (; argc > 2 && argv[1][0] == '-'; argc -= 2, argv += 2)
		if (strcmp(argv[1], "--ready-fd") == 0)
			ready = atoi(argv[2]);
		else if (strcmp(argv[1], "--max-size") == 0)
			max_size = strtoull(argv[2], NULL, 10);
	if (argc < 2 || ready < 0)
		errx(64, "usage: answerer --ready-fd N [--max-size N] HOW [N]");
	how = argv[1];
	parameter = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	if (vz_secret_init() != 0)
		err(71, "randomness");
	make_identity();
	need(vz_loop_new(&loop), "loop");
	need(vz_listen_address_parse("127.0.0.1:0", NULL, NULL, &at, &why), "address");
	need(vz_listen_open(&at, 0, 0600, sockets, &n), "listen");
	watch.fd = sockets[0].fd;
	need(vz_loop_add(loop, &watch, VZ_READ), "loop");
	vz_key_format(&me->bundle.identity, key);
	dprintf(ready, "%s@%s\n", key, sockets[0].text);
	close(ready);
	return vz_loop_run(loop) < 0;
}
