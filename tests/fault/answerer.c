/*
 * answerer: a listener that takes messages and answers questions in ways that a good one does not.
 *
 *	answerer --ready-fd N [--max-size N] HOW [N]
 *
 *	lines		writes each message and a newline to standard output
 *	take		keeps nothing of them
 *	echo		answers each question with itself
 *	reverse N	gathers N questions, answers the last first; what is left at the end too
 *	ranks N		the same, each with its own number from 1 as the status
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
	size_t len, replied;
	bool over;
};

struct guest {
	struct vz_conn *conn;
	struct question asked[BODIES]; /* by number */
	uint64_t first, seen;          /* those in between wait for their answer, */
	uint64_t back;                 /* in reverse: those below this, unless it is 0 */
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

/* A reply in several frames. False: there is no room for the rest of it now. */
static bool
reply_in_parts(struct vz_session *s, struct question *q, size_t len, uint8_t status)
{
	while (q->replied < len) {
		size_t left = len - q->replied, step = q->replied + 1;
		long put =
		    vz_session_data(s, q->number, q->body + q->replied, left < step ? left : step);

		need((int)(put < 0 ? put : 0), "data");
		if (put == 0)
			return false;
		q->replied += (size_t)put;
	}
	if (status == 0)
		need(vz_session_end(s, q->number), "end");
	need(vz_session_done(s, q->number, status, status ? "broke off" : ""), "done");
	return true;
}

/* False: there is no room for it now. */
static bool
answer_whole(struct vz_session *s, struct question *q, uint8_t status)
{
	int r = vz_session_answer(s, q->number, status, q->body, q->len);

	if (r != VZ_EFULL)
		need(r, "answer");
	return r != VZ_EFULL;
}

static uint8_t
status_of(const struct question *q)
{
	if (is("ranks"))
		return (uint8_t)(q->number + 1);
	return is("status") ? (uint8_t)parameter : 0;
}

static bool
backwards(void)
{
	return is("reverse") || is("ranks");
}

/* False: not all of it could be said now. */
static bool
answer(struct guest *g, struct question *q)
{
	struct vz_session *s = vz_conn_session(g->conn);
	static const uint8_t two[] = "one\ntwo\n";
	bool done = true;

	if (q->kind != VZ_KIND_ASK)
		need(vz_session_done(s, q->number, 0, ""), "done");
	else if (is("newline"))
		need(vz_session_answer(s, q->number, 0, two, sizeof(two) - 1), "answer");
	else if (is("half"))
		done = reply_in_parts(s, q, q->len / 2, 79);
	else if (is("parts") || q->len > VZ_WHOLE_MAX)
		done = reply_in_parts(s, q, q->len, 0);
	else
		done = answer_whole(s, q, status_of(q));
	if (!done)
		return false;
	free(q->body);
	memset(q, 0, sizeof(*q));
	return true;
}

static void
answer_some(struct guest *g)
{
	while (g->first < g->seen &&
	    (g->asked[g->first % BODIES].over || answer(g, &g->asked[g->first % BODIES])))
		g->first++;
}

static void
answer_back(struct guest *g)
{
	if (g->back == 0)
		g->back = g->seen;
	while (g->back > g->first && answer(g, &g->asked[(g->back - 1) % BODIES]))
		g->back--;
	if (g->back > g->first)
		return;
	g->first = g->seen;
	g->back = 0;
}

static void
take(struct guest *g, const struct vz_event *ev)
{
	struct question *q = &g->asked[ev->number % BODIES];

	if (!is("take")) {
		q->body = realloc(q->body, q->len + ev->bytes_len + 1);
		if (!q->body)
			err(71, "memory");
		memcpy(q->body + q->len, ev->bytes, ev->bytes_len);
		q->len += ev->bytes_len;
	}
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
		need(vz_session_done(s, number, 77, "not this"), "done");
		q->over = true;
	}
	if (is("lines")) {
		fwrite(q->body, 1, q->len, stdout);
		putchar('\n');
		fflush(stdout);
	}
	if (!backwards())
		answer_some(g);
	else if (g->seen - g->first >= parameter)
		answer_back(g);
	return true;
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
		g->asked[ev->number % BODIES].over = false;
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
		g->asked[ev->number % BODIES].over = true;
		g->seen = ev->number + 1;
		return true;
	default: return true;
	}
}

/* Nothing more comes: a gathered rest is answered. */
static void
on_turn(void *arg, struct vz_conn *c)
{
	struct guest *g = arg;

	(void)c;
	if (!backwards())
		answer_some(g);
	else if (g->back > 0 || (parameter == 0 && g->seen > g->first))
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
