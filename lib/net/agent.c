#include "net/agent.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "net/sockaddr.h"
#include "net/sockopt.h"

#define MESSAGE_MAX (4 + VZ_AGENT_MESSAGE_MAX)
#define READ_MAX    4096
#define BUSY_NAP_MS 10

enum state {
	QUEUED,
	ASKED, /* the one that is on the wire */
	DONE,
};

struct question {
	TAILQ_ENTRY(question) all;
	enum state state;
	uint8_t public[VZ_SIGN_PUBLIC];
	uint8_t data[VZ_SSHSIG_DATA_MAX];
	size_t len;
	int err; /* once it is done */
	enum vz_agent_fault fault;
	uint8_t sig[VZ_SIGN_LEN];
};

TAILQ_HEAD(questions, question);

struct vz_agent {
	char *path;
	int fd;
	struct vz_buf in, out;
	struct questions questions; /* in their order */
	unsigned count;
	bool listing; /* the list is on the wire */
	bool news;    /* a question was done since somebody looked */
	enum vz_agent_fault fault;
	int sys; /* errno of VZ_AGENT_AWAY */
	/* On a loop: */
	struct vz_loop *loop;
	vz_agent_fn *fn;
	void *arg;
	struct vz_watch watch;
	struct vz_timer tell, patience;
};

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int
vz_agent_new(struct vz_agent **out, const char *path)
{
	struct vz_agent *a = calloc(1, sizeof(*a));

	*out = NULL;
	if (!a || !(a->path = strdup(path ? path : ""))) {
		free(a);
		return VZ_ENOMEM;
	}
	a->fd = -1;
	TAILQ_INIT(&a->questions);
	vz_buf_init(&a->in, MESSAGE_MAX + READ_MAX);
	vz_buf_init(&a->out, VZ_AGENT_REQUEST_MAX);
	*out = a;
	return 0;
}

static void
forget(struct vz_agent *a, struct question *q)
{
	TAILQ_REMOVE(&a->questions, q, all);
	a->count--;
	free(q);
}

void
vz_agent_free(struct vz_agent *a)
{
	if (!a)
		return;
	vz_agent_drop(a);
	if (a->loop)
		vz_timer_stop(a->loop, &a->tell);
	vz_buf_free(&a->in);
	vz_buf_free(&a->out);
	free(a->path);
	free(a);
}

/* Why nothing comes of it. */
static int
refuse(struct vz_agent *a, enum vz_agent_fault fault, int sys)
{
	a->fault = fault;
	a->sys = sys;
	return VZ_ESIGNER;
}

static void
done(struct vz_agent *a, struct question *q, int err, enum vz_agent_fault fault)
{
	q->state = DONE;
	q->err = err;
	q->fault = fault;
	a->news = true;
	/* From the loop: whoever asks is in the middle of something. */
	if (a->loop)
		(void)vz_timer_set(a->loop, &a->tell, 0);
}

/* The connection is over, and with it all that was asked. */
static void
fail(struct vz_agent *a, enum vz_agent_fault fault)
{
	struct question *q;

	if (a->loop) {
		vz_loop_del(a->loop, &a->watch);
		vz_timer_stop(a->loop, &a->patience);
	}
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	a->listing = false;
	vz_buf_clear(&a->in);
	vz_buf_clear(&a->out);
	(void)refuse(a, fault, 0);
	TAILQ_FOREACH(q, &a->questions, all)
	if (q->state != DONE)
		done(a, q, VZ_ESIGNER, fault);
}

void
vz_agent_drop(struct vz_agent *a)
{
	fail(a, VZ_AGENT_SLOW);
	while (!TAILQ_EMPTY(&a->questions))
		forget(a, TAILQ_FIRST(&a->questions));
	a->news = false;
}

/* Connecting. */

/* A Unix socket answers at once, unless too many others wait for it. */
static int
connect_to(int fd, const struct vz_sockaddr *at)
{
	const struct timespec nap = {0, BUSY_NAP_MS * 1000000L};

	for (int waited = 0; connect(fd, &at->u.sa, at->len) != 0; waited += BUSY_NAP_MS) {
		if (errno == EISCONN)
			return 0;
		if ((errno != EAGAIN && errno != EINTR) || waited >= VZ_AGENT_CONNECT_MS)
			return -1;
		nanosleep(&nap, NULL);
	}
	return 0;
}

static void on_ready(struct vz_loop *l, struct vz_watch *w, unsigned got);

static int
watch_it(struct vz_agent *a)
{
	if (!a->loop || a->fd < 0)
		return 0;
	a->watch = (struct vz_watch){.fd = a->fd, .fn = on_ready, .arg = a};
	return vz_loop_add(a->loop, &a->watch, VZ_READ);
}

int
vz_agent_connect(struct vz_agent *a)
{
	struct vz_sockaddr at;
	int fd, err;

	if (a->fd >= 0)
		return 0;
	if (!*a->path)
		return refuse(a, VZ_AGENT_NONE, 0);
	if (vz_sockaddr_unix(a->path, &at) != 0)
		return refuse(a, VZ_AGENT_AWAY, ENAMETOOLONG);
	fd = vz_stream_socket(AF_UNIX);
	if (fd < 0)
		return refuse(a, VZ_AGENT_AWAY, errno);
	if (connect_to(fd, &at) != 0) {
		(void)refuse(a, VZ_AGENT_AWAY, errno);
		close(fd);
		return VZ_ESIGNER;
	}
	a->fd = fd;
	err = watch_it(a);
	if (err)
		fail(a, VZ_AGENT_LOST);
	return err;
}

/* Asking. */

static struct question *
find(const struct vz_agent *a, enum state state)
{
	struct question *q;

	TAILQ_FOREACH(q, &a->questions, all)
	if (q->state == state)
		return q;
	return NULL;
}

/* The next question, once the one before is answered. */
static void
ask_next(struct vz_agent *a)
{
	struct question *q = find(a, QUEUED);

	if (a->fd < 0 || !q || find(a, ASKED))
		return;
	if (vz_agent_ask_sign(q->public, q->data, q->len, &a->out) != 0) {
		done(a, q, VZ_ENOMEM, VZ_AGENT_WELL);
		return;
	}
	q->state = ASKED;
	if (a->loop)
		(void)vz_timer_set(a->loop, &a->patience, VZ_AGENT_ANSWER_MS);
}

static void
answered(struct vz_agent *a, const uint8_t *p, size_t len)
{
	struct question *q = find(a, ASKED);
	int err = q ? vz_agent_signature(p, len, q->sig) : VZ_EPROTO;

	switch (err) {
	case 0: done(a, q, 0, VZ_AGENT_WELL); break;
	case VZ_EDENIED: done(a, q, VZ_ESIGNER, VZ_AGENT_REFUSED); break;
	case VZ_EMISMATCH: done(a, q, VZ_ESIGNER, VZ_AGENT_ALGORITHM); break;
	default: fail(a, VZ_AGENT_MALFORMED); return;
	}
	if (a->loop)
		vz_timer_stop(a->loop, &a->patience);
	ask_next(a);
}

static bool
again(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void
write_some(struct vz_agent *a)
{
	ssize_t n;

	while (a->fd >= 0 && a->out.len > 0) {
		n = send(a->fd, vz_buf_ptr(&a->out), a->out.len, MSG_NOSIGNAL);
		if (n < 0) {
			if (!again())
				fail(a, VZ_AGENT_LOST);
			return;
		}
		vz_buf_consume(&a->out, (size_t)n);
	}
}

/* Reads what there is, up to one message more. */
static void
read_some(struct vz_agent *a)
{
	uint8_t *p;
	ssize_t n;

	if (a->fd < 0)
		return;
	if (vz_buf_reserve(&a->in, READ_MAX, &p) != 0) {
		fail(a, VZ_AGENT_MALFORMED);
		return;
	}
	n = recv(a->fd, p, READ_MAX, 0);
	if (n > 0)
		vz_buf_added(&a->in, (size_t)n);
	else if (n == 0 || !again())
		fail(a, VZ_AGENT_LOST);
}

/* The answers that are whole. The list is left for who waits for it. */
static void
take_answers(struct vz_agent *a)
{
	while (a->fd >= 0 && !a->listing) {
		long n = vz_agent_whole(vz_buf_ptr(&a->in), a->in.len);

		if (n == 0)
			return;
		if (n < 0) {
			fail(a, VZ_AGENT_MALFORMED);
			return;
		}
		answered(a, vz_buf_ptr(&a->in) + 4, (size_t)n - 4);
		/* Nothing is left of it when that failed. */
		if (a->fd >= 0)
			vz_buf_consume(&a->in, (size_t)n);
	}
}

static struct question *
question_of(struct vz_agent *a, const struct vz_key *key, const uint8_t *data, size_t len)
{
	struct question *q;

	TAILQ_FOREACH(q, &a->questions, all)
	if (memcmp(q->public, key->b, sizeof(q->public)) == 0 && q->len == len &&
	    memcmp(q->data, data, len) == 0)
		return q;
	return NULL;
}

static int
put_question(struct vz_agent *a, const struct vz_key *key, const uint8_t *data, size_t len)
{
	struct question *q = a->count < VZ_AGENT_QUESTIONS ? NULL : find(a, DONE);

	/* Whoever put that one is gone. */
	if (q)
		forget(a, q);
	if (a->count >= VZ_AGENT_QUESTIONS)
		return VZ_EFULL;
	q = calloc(1, sizeof(*q));
	if (!q)
		return VZ_ENOMEM;
	memcpy(q->public, key->b, sizeof(q->public));
	memcpy(q->data, data, len);
	q->len = len;
	TAILQ_INSERT_TAIL(&a->questions, q, all);
	a->count++;
	ask_next(a);
	write_some(a);
	if (a->loop && a->fd >= 0 && a->out.len > 0)
		(void)vz_loop_want(a->loop, &a->watch, VZ_READ | VZ_WRITE);
	return 0;
}

int
vz_agent_sign(void *arg, const struct vz_key *key, const char *ns, const uint8_t digest[static 64],
    uint8_t sig[static 64])
{
	uint8_t data[VZ_SSHSIG_DATA_MAX];
	size_t len = vz_sshsig_data(ns, digest, data);
	struct vz_agent *a = arg;
	struct question *q = question_of(a, key, data, len);
	int err;

	if (len == 0)
		return VZ_EINVAL;
	if (!q) {
		err = vz_agent_connect(a);
		if (!err)
			err = put_question(a, key, data, len);
		return err ? err : VZ_EPENDING;
	}
	if (q->state != DONE)
		return VZ_EPENDING;
	err = q->err;
	if (err == VZ_ESIGNER)
		(void)refuse(a, q->fault, 0);
	else if (!err)
		memcpy(sig, q->sig, sizeof(q->sig));
	forget(a, q);
	return err;
}

/* Waiting. */

/* What can be done now; waits ms at most until something can. */
static void
turn(struct vz_agent *a, unsigned ms)
{
	struct pollfd p = {.fd = a->fd, .events = POLLIN};

	if (a->out.len > 0)
		p.events |= POLLOUT;
	if (poll(&p, 1, (int)ms) <= 0)
		return;
	write_some(a);
	if (p.revents & ~POLLOUT)
		read_some(a);
	take_answers(a);
	write_some(a);
}

int
vz_agent_wait(struct vz_agent *a, unsigned ms)
{
	uint64_t end = now_ms() + ms, now;
	bool news;

	while (!a->news && a->fd >= 0 && (now = now_ms()) < end)
		turn(a, (unsigned)(end - now));
	news = a->news;
	a->news = false;
	return news ? 0 : VZ_ETIMEOUT;
}

/* The list is what comes next, or nothing is. */
static int
take_list(struct vz_agent *a, struct vz_buf *message)
{
	long n = vz_agent_whole(vz_buf_ptr(&a->in), a->in.len);
	int err;

	if (n == 0)
		return VZ_EPENDING;
	if (n < 0) {
		fail(a, VZ_AGENT_MALFORMED);
		return VZ_ESIGNER;
	}
	err = vz_buf_put(message, vz_buf_ptr(&a->in) + 4, (size_t)n - 4);
	vz_buf_consume(&a->in, (size_t)n);
	a->listing = false;
	return err;
}

int
vz_agent_list(struct vz_agent *a, struct vz_buf *message)
{
	uint64_t end = now_ms() + VZ_AGENT_LIST_MS, now;
	int err = vz_agent_connect(a);

	if (!err)
		err = vz_agent_ask_keys(&a->out);
	if (err)
		return err;
	a->listing = true;
	while ((err = take_list(a, message)) == VZ_EPENDING) {
		if (a->fd < 0)
			return VZ_ESIGNER;
		if ((now = now_ms()) >= end) {
			fail(a, VZ_AGENT_SLOW);
			return VZ_ESIGNER;
		}
		turn(a, (unsigned)(end - now));
	}
	return err;
}

/* On a loop. */

static void
on_ready(struct vz_loop *l, struct vz_watch *w, unsigned got)
{
	struct vz_agent *a = w->arg;

	write_some(a);
	if (got & VZ_READ)
		read_some(a);
	take_answers(a);
	write_some(a);
	if (a->fd >= 0)
		(void)vz_loop_want(l, &a->watch, VZ_READ | (a->out.len > 0 ? VZ_WRITE : 0));
}

static void
on_tell(struct vz_loop *l, struct vz_timer *t)
{
	struct vz_agent *a = t->arg;

	(void)l;
	a->news = false;
	a->fn(a->arg);
}

static void
on_patience_over(struct vz_loop *l, struct vz_timer *t)
{
	(void)l;
	fail(t->arg, VZ_AGENT_SLOW);
}

int
vz_agent_watch(struct vz_agent *a, struct vz_loop *l, vz_agent_fn *fn, void *arg)
{
	a->loop = l;
	a->fn = fn;
	a->arg = arg;
	a->tell = (struct vz_timer){.fn = on_tell, .arg = a};
	a->patience = (struct vz_timer){.fn = on_patience_over, .arg = a};
	return watch_it(a);
}

bool
vz_agent_is_asked(const struct vz_agent *a)
{
	return find(a, ASKED) != NULL;
}

/* Words. */

enum vz_agent_fault
vz_agent_fault(const struct vz_agent *a)
{
	return a->fault;
}

const char *
vz_agent_words(const struct vz_agent *a)
{
	static char buf[256];

	switch (a->fault) {
	case VZ_AGENT_WELL: break;
	case VZ_AGENT_NONE: return "none is named: SSH_AUTH_SOCK is not set";
	case VZ_AGENT_AWAY:
		snprintf(
		    buf, sizeof(buf), "cannot be reached at $SSH_AUTH_SOCK: %s", strerror(a->sys));
		return buf;
	case VZ_AGENT_LOST: return "it ended the connection";
	case VZ_AGENT_SLOW: return "it did not answer in time";
	case VZ_AGENT_MALFORMED: return "what it answers is no answer of an ssh-agent";
	case VZ_AGENT_REFUSED: return "it refuses to sign";
	case VZ_AGENT_ALGORITHM: return "it signed by another algorithm than asked for";
	}
	return "all is well";
}
