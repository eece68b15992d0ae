/*
 * nats serve PORT: answers on the subject "q" of the nats-server there with the question.
 * nats ask DEPTH SECONDS PORT [now]: asks it; prints answers a second.
 *
 * The library gathers what is published and sends it a millisecond later; with `now` both sides
 * send each message at once, which is better while few are under way.
 */
#include <signal.h>
#include <nats/nats.h>
#include "tests/bench/messages_flood.h"

static void
must(natsStatus s)
{
	if (s != NATS_OK)
		errx(1, "%s", natsStatus_GetText(s));
}

static natsConnection *
dial(const char *port, bool now)
{
	natsConnection *c = NULL;
	natsOptions *o = NULL;
	char at[64];

	snprintf(at, sizeof(at), "nats://127.0.0.1:%s", port);
	must(natsOptions_Create(&o));
	must(natsOptions_SetURL(o, at));
	must(natsOptions_SetSendAsap(o, now));
	must(natsOptions_SetMaxPendingMsgs(o, 1000000));
	must(natsConnection_Connect(&c, o));
	return c;
}

/* A subject for each kind of asker, as a connection cannot change its mind. */
static void
answer(natsConnection *c, natsSubscription *s, natsMsg *m, void *arg)
{
	(void)s;
	(void)arg;
	must(natsConnection_Publish(
	    c, natsMsg_GetReply(m), natsMsg_GetData(m), natsMsg_GetDataLength(m)));
	natsMsg_Destroy(m);
}

_Noreturn static void
serve(const char *port)
{
	natsSubscription *s[2];

	must(natsConnection_Subscribe(&s[0], dial(port, false), "q.later", answer, NULL));
	must(natsConnection_Subscribe(&s[1], dial(port, true), "q.now", answer, NULL));
	for (;;)
		pause();
}

static int
ask(uint64_t depth, double seconds, const char *port, bool at_once)
{
	struct flood_block b = flood_block_new("", "");
	natsConnection *c = dial(port, at_once);
	const char *subject = at_once ? "q.now" : "q.later";
	natsInbox *inbox = NULL;
	natsSubscription *s = NULL;
	uint64_t sent = 0, got = 0, first = 0;
	double began = flood_now(), start = 0, now;
	natsMsg *m;

	must(natsInbox_Create(&inbox));
	must(natsConnection_SubscribeSync(&s, c, inbox));
	alarm((unsigned)seconds + FLOOD_PATIENCE);
	for (;;) {
		for (; sent < got + depth; sent++)
			must(natsConnection_PublishRequest(
			    c, subject, inbox, b.bytes + sent % FLOOD_BLOCK * b.len, FLOOD_BODY));
		must(natsSubscription_NextMsg(&m, s, 5000));
		if (natsMsg_GetDataLength(m) != FLOOD_BODY)
			errx(1, "an answer of %d bytes", natsMsg_GetDataLength(m));
		flood_check(&b, got++ * b.len, (const uint8_t *)natsMsg_GetData(m), FLOOD_BODY);
		natsMsg_Destroy(m);
		now = flood_now();
		if (start <= 0 && now - began >= FLOOD_WARM) {
			start = now;
			first = got;
		} else if (start > 0 && now - start >= seconds) {
			return printf("%.0f\n", (double)(got - first) / (now - start)) < 0;
		}
	}
}

int
main(int argc, char **argv)
{
	signal(SIGALRM, SIG_DFL);
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve(argv[2]);
	if (argc >= 5 && strcmp(argv[1], "ask") == 0)
		return ask(flood_depth(argv[2]), flood_seconds(argv[3]), argv[4], argc == 6);
	errx(64, "usage: nats serve PORT | ask DEPTH SECONDS PORT [now]");
}
