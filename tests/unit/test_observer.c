#include "virtual_wire.h"
#include "wire/relay_client.h"
#include "wire/relay_serve.h"

/* Who looks on at one side: what it was told, a line each. */
struct onlooker {
	struct vz_observer observer;
	char out[4096], in[4096];
};

static void
note(struct onlooker *o, bool out, const char *words)
{
	char *to = out ? o->out : o->in;

	assert_true(strlen(to) + strlen(words) + 2 < sizeof o->out);
	strcat(to, words);
	strcat(to, "\n");
}

static void
on_handshake(void *arg, bool out, bool to_relay, unsigned message, size_t len)
{
	char words[64];

	snprintf(words, sizeof words, "%s %u %zu", to_relay ? "relay" : "handshake", message, len);
	note(arg, out, words);
}

static void
on_frame(void *arg, bool out, const struct vz_frame *f)
{
	char words[300];

	vz_frame_describe(f, "s", words, sizeof words);
	note(arg, out, words);
}

static void
on_relay(void *arg, bool out, const struct vz_relay_frame *f)
{
	char words[300];

	vz_relay_frame_describe(f, words, sizeof words);
	note(arg, out, words);
}

static const struct vz_observer *
looks_on(struct onlooker *o)
{
	memset(o, 0, sizeof *o);
	o->observer = (struct vz_observer){
	    .handshake = on_handshake, .frame = on_frame, .relay = on_relay, .arg = o};
	return &o->observer;
}

static struct vz_session *
side(bool sender, const struct vz_observer *observer)
{
	struct vz_session_config c = {0};
	struct vz_session *s;

	vz_session_defaults(&c);
	c.channel.initiator = sender;
	c.channel.service = VZ_SERVICE_MESSAGES;
	c.channel.self = wire_ids[sender ? 0 : 1];
	c.channel.responder = wire_ids[1]->bundle.identity;
	memset(c.channel.random, sender ? 5 : 6, sizeof c.channel.random);
	memset(c.stream, 9, sizeof c.stream);
	c.channel.observer = observer;
	assert_int_equal(vz_session_new(&s, &c), 0);
	return s;
}

static void
carry(struct vz_session *from, struct vz_session *to)
{
	const uint8_t *p;
	uint8_t *room;
	size_t n, cap;

	assert_int_equal(vz_session_flush(from, 0), 0);
	while (p = vz_session_out(from, &n), n > 0) {
		room = vz_session_space(to, &cap);
		assert_non_null(room);
		n = n < cap ? n : cap;
		memcpy(room, p, n);
		vz_session_fed(to, n, 0);
		vz_session_sent(from, n, 0);
	}
}

static void
hear(struct vz_session *s)
{
	struct vz_event ev;

	while (vz_session_next(s, &ev) > 0) {
		if (ev.type == VZ_EVENT_PEER)
			assert_int_equal(vz_session_accept(s, 3, 0), 0);
		if (ev.type == VZ_EVENT_DATA)
			assert_int_equal(vz_session_taken(s, ev.number, ev.bytes_len), 0);
		if (ev.type == VZ_EVENT_END || ev.type == VZ_EVENT_WHOLE)
			assert_int_equal(vz_session_done(s, ev.number, 65, "not like this"), 0);
	}
}

static void
who_looks_on_sees_each_message_of_the_handshake_and_each_frame_on_both_sides(void **state)
{
	static const uint8_t bytes[30000];
	struct onlooker a, b;
	struct vz_session *s = side(true, looks_on(&a)), *l = side(false, looks_on(&b));
	uint64_t number;

	(void)state;
	for (int i = 0; i < 3; i++) {
		carry(s, l);
		hear(l);
		carry(l, s);
		hear(s);
	}
	assert_int_equal(vz_session_whole(s, 0, bytes, 5, &number), 0);
	assert_int_equal(vz_session_open(s, 0, 0, "n", 30000, &number), 0);
	assert_int_equal(vz_session_data(s, number, bytes, 30000), 30000);
	assert_int_equal(vz_session_end(s, number), 0);
	for (int i = 0; i < 3; i++) {
		carry(s, l);
		hear(l);
		carry(l, s);
		hear(s);
	}
	assert_int_equal(vz_session_close(s, 0, ""), 0);
	carry(s, l);
	hear(l);
	assert_string_equal(a.out, b.in);
	assert_string_equal(a.in, b.out);
	assert_int_equal(strncmp(a.out,
			     "handshake 1 48\nhandshake 3 242\nstream stream=09090909...\n"
			     "whole s.0 kind=0 bytes=5\nopen s.1 ",
			     90),
	    0);
	assert_non_null(strstr(a.out, "data s.1 offset=0 bytes=30000\nend s.1 length=30000\n"));
	assert_int_equal(strncmp(a.in, "handshake 2 274\nready rights=3", 30), 0);
	assert_non_null(strstr(a.in, "done s.1 status=65 length=30000 text='not like this'\n"));
	vz_session_free(s);
	vz_session_free(l);
}

static void
who_looks_on_at_a_client_of_a_relay_sees_its_frames(void **state)
{
	struct vz_channel_config c = {.initiator = true,
	    .self = wire_ids[0],
	    .responder = wire_ids[1]->bundle.identity,
	    .random = {1}};
	struct vz_relay_limits limits;
	struct vz_relay_client *client;
	struct onlooker a;

	(void)state;
	c.observer = looks_on(&a);
	vz_relay_limits_default(&limits);
	assert_int_equal(vz_relay_client_new(&client, &c, &limits, 0), 0);
	assert_string_equal(a.out, "relay 1 48\n");
	vz_relay_client_free(client);
}

static int
setup(void **state)
{
	(void)state;
	wire_setup();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	wire_teardown();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		who_looks_on_sees_each_message_of_the_handshake_and_each_frame_on_both_sides),
	    cmocka_unit_test(who_looks_on_at_a_client_of_a_relay_sees_its_frames),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
