/* One message that comes from elsewhere: standard input, deposited by the first depositor. */
#ifndef VZ_MAILMAN_PUT_H
#define VZ_MAILMAN_PUT_H

#include "tests/fault/mailman_link.h"

#define PUT_MAX (16 * 1024 * 1024)

static struct {
	struct link link;
	struct vz_key to;
	uint8_t *bytes, content[32];
	size_t size, at;
	int status; /* -1: not answered yet */
} put = {.status = -1};

static void
put_up(struct link *l)
{
	need(vz_relay_client_deposit(l->client, &put.to, put.content, put.size, 0), "deposit");
}

static void
put_event(struct link *l, const struct vz_relay_event *ev)
{
	(void)l;
	if (ev->type == VZ_RELAY_EVENT_DEPOSITED) {
		printf("%s %llu\n", ev->duplicate ? "duplicate" : "deposited",
		    (unsigned long long)ev->number);
		put.status = 0;
	} else if (ev->type == VZ_RELAY_EVENT_REFUSED) {
		printf(
		    "refused %u %.*s\n", ev->status, (int)ev->bytes_len, (const char *)ev->bytes);
		put.status = ev->status;
	}
}

static void
put_down(struct link *l)
{
	(void)l;
	errx(71, "the relay went");
}

static void
put_read(void)
{
	ssize_t n;

	if ((put.bytes = malloc(PUT_MAX + 1)) == NULL)
		err(71, "malloc");
	while ((n = read(STDIN_FILENO, put.bytes + put.size, PUT_MAX + 1 - put.size)) > 0)
		put.size += (size_t)n;
	if (n < 0 || put.size == 0 || put.size > PUT_MAX)
		errx(71, "standard input is no message");
	vz_blake2b_256(NULL, 0, put.bytes, put.size, NULL, 0, put.content);
}

/* Its status is that of the answer. */
static int
do_put(const char *to)
{
	struct link *l = &put.link;

	if (vz_key_parse(to, strlen(to), &put.to) != 0)
		errx(64, "%s: not a key", to);
	put_read();
	*l = (struct link){.fd = -1,
	    .self = person("depositor", 0),
	    .on_up = put_up,
	    .on_event = put_event,
	    .on_down = put_down};
	while (put.status < 0) {
		uint64_t until = now_ms() + 1000;
		struct pollfd p;

		if (l->up && vz_relay_client_missing(l->client) > 0) {
			int64_t n =
			    vz_relay_client_part(l->client, put.bytes + put.at, put.size - put.at);

			need((int)(n < 0 ? n : 0), "part");
			put.at += (size_t)n;
			link_turn(l, 0);
		}
		link_wants(l, &p, &until);
		if (poll(&p, 1, 100) < 0 && errno != EINTR)
			err(71, "poll");
		link_turn(l, p.revents);
	}
	link_free(l);
	free(put.bytes);
	return put.status;
}

#endif
