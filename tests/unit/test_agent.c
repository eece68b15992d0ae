#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "crypto/agent.h"
#include "net/agent.h"
#include "tests/unit/tempdir.h"

static uint8_t public[VZ_SIGN_PUBLIC], secret[VZ_SIGN_SECRET];

/* What is said. */

static struct vz_buf
message(void)
{
	struct vz_buf b;

	vz_buf_init(&b, 1 << 20);
	return b;
}

static void
put_key(struct vz_buf *b, const char *type, const void *key, size_t n, const char *comment)
{
	struct vz_buf blob = message();

	assert_int_equal(vz_buf_string(&blob, type, strlen(type)), 0);
	assert_int_equal(vz_buf_string(&blob, key, n), 0);
	assert_int_equal(vz_buf_string(b, vz_buf_ptr(&blob), blob.len), 0);
	assert_int_equal(vz_buf_string(b, comment, strlen(comment)), 0);
	vz_buf_free(&blob);
}

/* A list with so many keys said, of which one is ours. */
static struct vz_buf
list_of(uint32_t said)
{
	struct vz_buf b = message();

	assert_int_equal(vz_buf_u8(&b, 12), 0);
	assert_int_equal(vz_buf_u32(&b, said), 0);
	put_key(&b, "ssh-ed25519", public, 32, "ours");
	return b;
}

static struct vz_buf
signature_of(const char *type, const uint8_t *sig, size_t n)
{
	struct vz_buf b = message(), blob = message();

	assert_int_equal(vz_buf_string(&blob, type, strlen(type)), 0);
	assert_int_equal(vz_buf_string(&blob, sig, n), 0);
	assert_int_equal(vz_buf_u8(&b, 14), 0);
	assert_int_equal(vz_buf_string(&b, vz_buf_ptr(&blob), blob.len), 0);
	vz_buf_free(&blob);
	return b;
}

static void
requests_have_the_bytes_of_the_draft(void **state)
{
	static const uint8_t list[] = {0, 0, 0, 1, 11};
	struct vz_buf b = message();
	const uint8_t *p;

	(void)state;
	assert_int_equal(vz_agent_ask_keys(&b), 0);
	assert_int_equal(b.len, sizeof(list));
	assert_memory_equal(vz_buf_ptr(&b), list, sizeof(list));
	assert_int_equal(vz_agent_ask_sign(public, "data", 4, &b), 0);
	p = vz_buf_ptr(&b) + sizeof(list);
	assert_int_equal(vz_load32(p), 1 + 4 + 51 + 4 + 4 + 4);
	assert_int_equal(p[4], 13);
	assert_int_equal(vz_load32(p + 5), 51);
	assert_memory_equal(p + 13, "ssh-ed25519", 11);
	assert_memory_equal(p + 28, public, 32);
	assert_int_equal(vz_load32(p + 60), 4);
	assert_memory_equal(p + 64, "data\0\0\0", 8);
	assert_int_equal(b.len, sizeof(list) + 4 + vz_load32(p));
	vz_buf_free(&b);
}

static void
a_request_that_does_not_fit_leaves_nothing(void **state)
{
	uint8_t data[64] = {0};
	struct vz_buf b;

	(void)state;
	vz_buf_init(&b, 100);
	assert_int_equal(vz_agent_ask_sign(public, data, sizeof(data), &b), VZ_ELIMIT);
	assert_int_equal(b.len, 0);
	assert_int_equal(vz_agent_ask_keys(&b), 0);
	vz_buf_free(&b);
	vz_buf_init(&b, 4);
	assert_int_equal(vz_agent_ask_keys(&b), VZ_ELIMIT);
	assert_int_equal(b.len, 0);
	vz_buf_free(&b);
}

static void
the_longest_signed_data_fits_a_request(void **state)
{
	uint8_t data[VZ_SSHSIG_DATA_MAX] = {0};
	struct vz_buf b;

	(void)state;
	vz_buf_init(&b, VZ_AGENT_REQUEST_MAX);
	assert_int_equal(vz_agent_ask_sign(public, data, sizeof(data), &b), 0);
	vz_buf_free(&b);
}

static void
a_message_is_whole_only_when_it_is_and_never_too_long(void **state)
{
	uint8_t p[8] = {0, 0, 0, 3, 1, 2, 3, 4};

	(void)state;
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(vz_agent_whole(p, i), 0);
	assert_int_equal(vz_agent_whole(p, 7), 7);
	assert_int_equal(vz_agent_whole(p, 8), 7);
	vz_store32(p, 0);
	assert_int_equal(vz_agent_whole(p, 8), VZ_EFORMAT);
	vz_store32(p, VZ_AGENT_MESSAGE_MAX);
	assert_int_equal(vz_agent_whole(p, 8), 0);
	vz_store32(p, VZ_AGENT_MESSAGE_MAX + 1);
	assert_int_equal(vz_agent_whole(p, 4), VZ_ELIMIT);
	vz_store32(p, UINT32_MAX);
	assert_int_equal(vz_agent_whole(p, 4), VZ_ELIMIT);
}

static void
the_keys_of_a_list_come_with_kind_fingerprint_and_comment(void **state)
{
	static const uint8_t off_the_curve[32] = {2};
	struct vz_buf b = message();
	struct vz_agent_keys keys;
	struct vz_agent_key k;
	char fingerprint[51];

	(void)state;
	assert_int_equal(vz_buf_u8(&b, 12), 0);
	assert_int_equal(vz_buf_u32(&b, 5), 0);
	put_key(&b, "ssh-ed25519", public, 32, "ours");
	put_key(&b, "sk-ssh-ed25519@openssh.com", public, 32, "token");
	put_key(&b, "ssh-rsa", "\1\0\1", 3, "");
	put_key(&b, "ssh-ed25519", off_the_curve, 32, "no point");
	put_key(&b, "ssh-ed25519", public, 31, "short");
	assert_int_equal(vz_agent_keys_read(vz_buf_ptr(&b), b.len, &keys), 0);
	assert_int_equal(vz_agent_keys_next(&keys, &k), 1);
	assert_int_equal(k.kind, VZ_AGENT_ED25519);
	assert_memory_equal(k.public, public, 32);
	vz_ssh_fingerprint(public, fingerprint);
	assert_string_equal(k.fingerprint, fingerprint);
	assert_int_equal(k.comment_len, 4);
	assert_memory_equal(k.comment, "ours", 4);
	assert_int_equal(vz_agent_keys_next(&keys, &k), 1);
	assert_int_equal(k.kind, VZ_AGENT_SK);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vz_agent_keys_next(&keys, &k), 1);
		assert_int_equal(k.kind, VZ_AGENT_OTHER);
	}
	assert_int_equal(vz_agent_keys_next(&keys, &k), 0);
	assert_int_equal(vz_agent_keys_next(&keys, &k), 0);
	vz_buf_free(&b);
}

/* All of the list, or why not. */
static int
read_list(const struct vz_buf *b, size_t len)
{
	struct vz_agent_keys keys;
	struct vz_agent_key k;
	int r = vz_agent_keys_read(vz_buf_ptr(b), len, &keys);

	if (r)
		return r;
	while ((r = vz_agent_keys_next(&keys, &k)) > 0)
		;
	return r;
}

static void
a_list_cut_anywhere_or_with_more_or_fewer_keys_than_it_says_is_none(void **state)
{
	struct vz_buf b = list_of(1);

	(void)state;
	assert_int_equal(read_list(&b, b.len), 0);
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(read_list(&b, i), VZ_EFORMAT);
	vz_buf_free(&b);
	b = list_of(0);
	assert_int_equal(read_list(&b, b.len), VZ_EFORMAT);
	vz_buf_free(&b);
	b = list_of(2);
	assert_int_equal(read_list(&b, b.len), VZ_EFORMAT);
	vz_buf_free(&b);
	b = list_of(VZ_AGENT_KEYS_MAX);
	assert_int_equal(read_list(&b, b.len), VZ_EFORMAT);
	vz_buf_free(&b);
	b = list_of(VZ_AGENT_KEYS_MAX + 1);
	assert_int_equal(read_list(&b, b.len), VZ_ELIMIT);
	vz_buf_free(&b);
}

static void
as_many_keys_as_openssh_allows_are_read(void **state)
{
	struct vz_buf b = message();

	(void)state;
	assert_int_equal(vz_buf_u8(&b, 12), 0);
	assert_int_equal(vz_buf_u32(&b, VZ_AGENT_KEYS_MAX), 0);
	for (unsigned i = 0; i < VZ_AGENT_KEYS_MAX; i++)
		put_key(&b, "ssh-ed25519", public, 32, "");
	assert_int_equal(read_list(&b, b.len), 0);
	vz_buf_free(&b);
}

static void
failures_and_answers_to_something_else_are_told_apart(void **state)
{
	uint8_t failure[2] = {5}, sig[64];
	struct vz_buf b = list_of(1);
	struct vz_agent_keys keys;

	(void)state;
	assert_int_equal(vz_agent_keys_read(failure, 1, &keys), VZ_EDENIED);
	assert_int_equal(vz_agent_keys_read(failure, 2, &keys), VZ_EFORMAT);
	assert_int_equal(vz_agent_signature(failure, 1, sig), VZ_EDENIED);
	assert_int_equal(vz_agent_signature(failure, 0, sig), VZ_EFORMAT);
	assert_int_equal(vz_agent_signature(vz_buf_ptr(&b), b.len, sig), VZ_EPROTO);
	vz_buf_free(&b);
	b = signature_of("ssh-ed25519", secret, 64);
	assert_int_equal(vz_agent_keys_read(vz_buf_ptr(&b), b.len, &keys), VZ_EPROTO);
	vz_buf_free(&b);
}

static void
a_signature_is_64_bytes_of_ed25519_and_nothing_else(void **state)
{
	static const uint8_t zeros[64];
	struct vz_buf b = signature_of("ssh-ed25519", secret, 64);
	uint8_t sig[64];

	(void)state;
	assert_int_equal(vz_agent_signature(vz_buf_ptr(&b), b.len, sig), 0);
	assert_memory_equal(sig, secret, 64);
	for (size_t i = 0; i < b.len; i++) {
		assert_int_equal(vz_agent_signature(vz_buf_ptr(&b), i, sig), VZ_EFORMAT);
		assert_memory_equal(sig, zeros, 64);
	}
	assert_int_equal(vz_buf_u8(&b, 0), 0);
	assert_int_equal(vz_agent_signature(vz_buf_ptr(&b), b.len, sig), VZ_EFORMAT);
	vz_buf_free(&b);
	b = signature_of("ssh-ed25519", secret, 63);
	assert_int_equal(vz_agent_signature(vz_buf_ptr(&b), b.len, sig), VZ_EFORMAT);
	vz_buf_free(&b);
	b = signature_of("sk-ssh-ed25519@openssh.com", secret, 64);
	assert_int_equal(vz_agent_signature(vz_buf_ptr(&b), b.len, sig), VZ_EMISMATCH);
	vz_buf_free(&b);
}

/* The connection: the test is the agent, in the same process. */

struct held {
	struct tempdir t;
	struct vz_agent *a;
	struct vz_loop *loop;
	struct vz_key key;
	int listening, fd;
	unsigned told;
};

static int
setup(void **state)
{
	struct held *h = calloc(1, sizeof(*h));
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	assert_non_null(h);
	assert_int_equal(tempdir_make(&h->t), 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%.90s", tempdir_path(&h->t, "agent"));
	h->listening = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(h->listening, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(h->listening, 8), 0);
	assert_int_equal(vz_agent_new(&h->a, at.sun_path), 0);
	memcpy(h->key.b, public, 32);
	h->fd = -1;
	*state = h;
	return 0;
}

static int
teardown(void **state)
{
	struct held *h = *state;

	vz_agent_free(h->a);
	vz_loop_free(h->loop);
	close(h->listening);
	if (h->fd >= 0)
		close(h->fd);
	tempdir_remove(&h->t);
	free(h);
	return 0;
}

/* Takes the next question, and gives what is signed. */
static size_t
take_question(struct held *h, uint8_t *data)
{
	uint8_t p[VZ_AGENT_REQUEST_MAX];
	struct vz_rd r;
	size_t n, len;
	const uint8_t *s;

	if (h->fd < 0)
		h->fd = accept(h->listening, NULL, NULL);
	assert_int_equal(recv(h->fd, p, 4, MSG_WAITALL), 4);
	len = vz_load32(p);
	assert_true(len <= sizeof(p));
	assert_int_equal(recv(h->fd, p, len, MSG_WAITALL), len);
	assert_int_equal(p[0], 13);
	r = vz_rd_of(p + 1, len - 1);
	(void)vz_rd_string(&r, &n);
	s = vz_rd_string(&r, &n);
	memcpy(data, s, n);
	return n;
}

static void
say(struct held *h, const void *p, size_t n)
{
	assert_int_equal(send(h->fd, p, n, MSG_NOSIGNAL), n);
}

static void
say_message(struct held *h, const struct vz_buf *b)
{
	uint8_t length[4];

	vz_store32(length, (uint32_t)b->len);
	say(h, length, 4);
	say(h, vz_buf_ptr(b), b->len);
}

static void
answer(struct held *h)
{
	uint8_t data[VZ_AGENT_REQUEST_MAX], sig[64];
	size_t n = take_question(h, data);
	struct vz_buf b;

	crypto_sign_detached(sig, NULL, data, n, secret);
	b = signature_of("ssh-ed25519", sig, 64);
	say_message(h, &b);
	vz_buf_free(&b);
}

static int
ask(struct held *h, uint8_t which, uint8_t sig[static 64])
{
	uint8_t digest[64] = {which};

	return vz_agent_sign(h->a, &h->key, VZ_NS_AUDIT, digest, sig);
}

static void
assert_signed(struct held *h, uint8_t which)
{
	uint8_t digest[64] = {which}, sig[64];

	assert_int_equal(ask(h, which, sig), 0);
	assert_int_equal(vz_sshsig_verify_digest(public, VZ_NS_AUDIT, 512, digest, sig), 0);
}

/* From the question to the answer that is come for. */
static void
assert_asked_and_signed(struct held *h, uint8_t which)
{
	uint8_t sig[64];

	assert_int_equal(ask(h, which, sig), VZ_EPENDING);
	answer(h);
	assert_int_equal(vz_agent_wait(h->a, 10000), 0);
	assert_signed(h, which);
}

static void
a_question_is_pending_until_it_is_answered_and_then_forgotten(void **state)
{
	struct held *h = *state;
	uint8_t sig[64];

	assert_int_equal(ask(h, 1, sig), VZ_EPENDING);
	assert_int_equal(ask(h, 1, sig), VZ_EPENDING);
	assert_true(vz_agent_is_asked(h->a));
	assert_int_equal(vz_agent_wait(h->a, 0), VZ_ETIMEOUT);
	answer(h);
	assert_int_equal(vz_agent_wait(h->a, 10000), 0);
	assert_signed(h, 1);
	assert_false(vz_agent_is_asked(h->a));
	/* Asked once, whoever came twice; and anew from here on. */
	assert_asked_and_signed(h, 1);
}

static void
several_questions_are_asked_one_after_the_other_in_their_order(void **state)
{
	struct held *h = *state;
	struct pollfd p = {.events = POLLIN};
	uint8_t sig[64];

	for (uint8_t i = 1; i <= 3; i++)
		assert_int_equal(ask(h, i, sig), VZ_EPENDING);
	for (uint8_t i = 1; i <= 3; i++) {
		answer(h);
		p.fd = h->fd;
		assert_int_equal(poll(&p, 1, 0), 0);
		assert_int_equal(vz_agent_wait(h->a, 10000), 0);
		if (i < 3)
			assert_int_equal(vz_agent_wait(h->a, 0), VZ_ETIMEOUT);
	}
	for (uint8_t i = 3; i >= 1; i--)
		assert_signed(h, i);
}

static void
at_most_256_are_asked_at_a_time_and_answers_nobody_came_for_make_room(void **state)
{
	struct held *h = *state;
	uint8_t sig[64];
	unsigned i;

	for (i = 0; i < VZ_AGENT_QUESTIONS; i++)
		assert_int_equal(ask(h, (uint8_t)i, sig), VZ_EPENDING);
	uint8_t digest[64] = {0, 1};
	assert_int_equal(vz_agent_sign(h->a, &h->key, VZ_NS_AUDIT, digest, sig), VZ_EFULL);
	answer(h);
	assert_int_equal(vz_agent_wait(h->a, 10000), 0);
	assert_int_equal(vz_agent_sign(h->a, &h->key, VZ_NS_AUDIT, digest, sig), VZ_EPENDING);
	assert_int_equal(ask(h, 1, sig), VZ_EPENDING);
}

/* What the agent says fails all that was asked, for this reason; the next question connects anew.
 */
static void
assert_fails(struct held *h, enum vz_agent_fault fault)
{
	uint8_t sig[64];

	assert_int_equal(vz_agent_wait(h->a, 10000), 0);
	for (uint8_t i = 1; i <= 2; i++) {
		assert_int_equal(ask(h, i, sig), VZ_ESIGNER);
		assert_int_equal(vz_agent_fault(h->a), fault);
	}
	close(h->fd);
	h->fd = -1;
	assert_asked_and_signed(h, 1);
}

static void
ask_two(struct held *h)
{
	uint8_t data[VZ_AGENT_REQUEST_MAX], sig[64];

	assert_int_equal(ask(h, 1, sig), VZ_EPENDING);
	assert_int_equal(ask(h, 2, sig), VZ_EPENDING);
	(void)take_question(h, data);
}

static void
a_connection_that_ends_fails_all_that_was_asked(void **state)
{
	struct held *h = *state;

	ask_two(h);
	say(h, "\0\0", 2);
	shutdown(h->fd, SHUT_RDWR);
	assert_fails(h, VZ_AGENT_LOST);
}

static void
a_connection_that_ended_while_nothing_was_asked_is_made_anew(void **state)
{
	struct held *h = *state;
	uint8_t sig[64];

	for (uint8_t i = 1; i <= 3; i++) {
		assert_int_equal(ask(h, i, sig), VZ_EPENDING);
		answer(h);
		assert_int_equal(vz_agent_wait(h->a, 10000), 0);
		close(h->fd);
		h->fd = -1;
		assert_signed(h, i);
	}
}

static void
a_length_of_4_gib_is_refused_at_once_and_nothing_is_held_for_it(void **state)
{
	struct held *h = *state;

	ask_two(h);
	say(h, "\xff\xff\xff\xff", 4);
	assert_fails(h, VZ_AGENT_MALFORMED);
}

static void
an_answer_of_another_form_fails_all_that_was_asked(void **state)
{
	struct held *h = *state;
	struct vz_buf b = list_of(1);

	ask_two(h);
	say_message(h, &b);
	vz_buf_free(&b);
	assert_fails(h, VZ_AGENT_MALFORMED);
}

static void
an_answer_that_nobody_asked_for_ends_the_connection(void **state)
{
	struct held *h = *state;
	struct vz_buf b = signature_of("ssh-ed25519", secret, 64);
	uint8_t sig[64];

	assert_int_equal(ask(h, 1, sig), VZ_EPENDING);
	answer(h);
	say_message(h, &b);
	vz_buf_free(&b);
	assert_int_equal(vz_agent_wait(h->a, 10000), 0);
	assert_signed(h, 1);
	assert_int_equal(vz_agent_fault(h->a), VZ_AGENT_MALFORMED);
	assert_int_equal(recv(h->fd, sig, 1, 0), 0);
	close(h->fd);
	h->fd = -1;
	assert_asked_and_signed(h, 2);
}

static void
a_refusal_fails_one_question_and_the_next_is_asked(void **state)
{
	struct held *h = *state;
	uint8_t sig[64];

	ask_two(h);
	say(h, "\0\0\0\1\5", 5);
	assert_int_equal(vz_agent_wait(h->a, 10000), 0);
	assert_int_equal(ask(h, 1, sig), VZ_ESIGNER);
	assert_int_equal(vz_agent_fault(h->a), VZ_AGENT_REFUSED);
	answer(h);
	assert_int_equal(vz_agent_wait(h->a, 10000), 0);
	assert_signed(h, 2);
}

static void
who_gives_up_gets_no_late_answer(void **state)
{
	struct held *h = *state;
	uint8_t data[VZ_AGENT_REQUEST_MAX], sig[64];

	assert_int_equal(ask(h, 1, sig), VZ_EPENDING);
	(void)take_question(h, data);
	vz_agent_drop(h->a);
	assert_int_equal(recv(h->fd, data, 1, 0), 0);
	close(h->fd);
	h->fd = -1;
	assert_asked_and_signed(h, 2);
}

static void
no_socket_and_nobody_at_it_are_told_apart(void **state)
{
	struct held *h = *state;
	struct vz_agent *none;
	char path[200];

	assert_int_equal(vz_agent_new(&none, NULL), 0);
	assert_int_equal(vz_agent_connect(none), VZ_ESIGNER);
	assert_int_equal(vz_agent_fault(none), VZ_AGENT_NONE);
	vz_agent_free(none);
	assert_int_equal(vz_agent_new(&none, tempdir_path(&h->t, "nothing")), 0);
	assert_int_equal(vz_agent_connect(none), VZ_ESIGNER);
	assert_int_equal(vz_agent_fault(none), VZ_AGENT_AWAY);
	assert_non_null(strstr(vz_agent_words(none), "No such file"));
	vz_agent_free(none);
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(vz_agent_new(&none, path), 0);
	assert_int_equal(vz_agent_connect(none), VZ_ESIGNER);
	assert_int_equal(vz_agent_fault(none), VZ_AGENT_AWAY);
	vz_agent_free(none);
}

static void
on_told(void *arg)
{
	struct held *h = arg;

	h->told++;
	vz_loop_stop(h->loop, 0);
}

static void
on_a_loop_news_is_told_and_never_from_inside_a_question(void **state)
{
	struct held *h = *state;
	uint8_t sig[64];

	assert_int_equal(vz_loop_new(&h->loop), 0);
	assert_int_equal(vz_agent_watch(h->a, h->loop, on_told, h), 0);
	assert_int_equal(ask(h, 1, sig), VZ_EPENDING);
	answer(h);
	assert_int_equal(vz_loop_run(h->loop), 0);
	assert_int_equal(h->told, 1);
	assert_signed(h, 1);
	ask_two(h);
	shutdown(h->fd, SHUT_RDWR);
	assert_int_equal(vz_loop_run(h->loop), 0);
	assert_int_equal(h->told, 2);
	assert_int_equal(ask(h, 1, sig), VZ_ESIGNER);
	assert_int_equal(ask(h, 2, sig), VZ_ESIGNER);
	assert_int_equal(vz_agent_fault(h->a), VZ_AGENT_LOST);
	vz_agent_free(h->a);
	h->a = NULL;
}

static void
an_agent_that_never_answers_fails_all_that_was_asked_and_loses_its_connection(void **state)
{
	struct held *h = *state;
	uint8_t data[VZ_AGENT_REQUEST_MAX], sig[64];

	assert_int_equal(vz_loop_new(&h->loop), 0);
	assert_int_equal(vz_agent_watch(h->a, h->loop, on_told, h), 0);
	vz_agent_set_patience(h->a, 10);
	ask_two(h);
	assert_int_equal(vz_loop_run(h->loop), 0);
	assert_int_equal(ask(h, 1, sig), VZ_ESIGNER);
	assert_int_equal(ask(h, 2, sig), VZ_ESIGNER);
	assert_int_equal(vz_agent_fault(h->a), VZ_AGENT_SLOW);
	assert_int_equal(recv(h->fd, data, 1, 0), 0);
	vz_agent_free(h->a);
	h->a = NULL;
}

int
main(void)
{
	static const uint8_t seed[VZ_SIGN_SEED] = {7};
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_have_the_bytes_of_the_draft),
	    cmocka_unit_test(a_request_that_does_not_fit_leaves_nothing),
	    cmocka_unit_test(the_longest_signed_data_fits_a_request),
	    cmocka_unit_test(a_message_is_whole_only_when_it_is_and_never_too_long),
	    cmocka_unit_test(the_keys_of_a_list_come_with_kind_fingerprint_and_comment),
	    cmocka_unit_test(a_list_cut_anywhere_or_with_more_or_fewer_keys_than_it_says_is_none),
	    cmocka_unit_test(as_many_keys_as_openssh_allows_are_read),
	    cmocka_unit_test(failures_and_answers_to_something_else_are_told_apart),
	    cmocka_unit_test(a_signature_is_64_bytes_of_ed25519_and_nothing_else),
#define WITH_AGENT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	    WITH_AGENT(a_question_is_pending_until_it_is_answered_and_then_forgotten),
	    WITH_AGENT(several_questions_are_asked_one_after_the_other_in_their_order),
	    WITH_AGENT(at_most_256_are_asked_at_a_time_and_answers_nobody_came_for_make_room),
	    WITH_AGENT(a_connection_that_ends_fails_all_that_was_asked),
	    WITH_AGENT(a_connection_that_ended_while_nothing_was_asked_is_made_anew),
	    WITH_AGENT(a_length_of_4_gib_is_refused_at_once_and_nothing_is_held_for_it),
	    WITH_AGENT(an_answer_of_another_form_fails_all_that_was_asked),
	    WITH_AGENT(an_answer_that_nobody_asked_for_ends_the_connection),
	    WITH_AGENT(a_refusal_fails_one_question_and_the_next_is_asked),
	    WITH_AGENT(who_gives_up_gets_no_late_answer),
	    WITH_AGENT(no_socket_and_nobody_at_it_are_told_apart),
	    WITH_AGENT(
		an_agent_that_never_answers_fails_all_that_was_asked_and_loses_its_connection),
	    WITH_AGENT(on_a_loop_news_is_told_and_never_from_inside_a_question),
	};

	if (vz_secret_init() != 0)
		return 1;
	vz_sign_from_seed(seed, public, secret);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
