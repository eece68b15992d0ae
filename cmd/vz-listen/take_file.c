#include "cmd/vz-listen/take_file.h"

#include "base/err.h"
#include "cmd/common/exit.h"
#include "cmd/vz-listen/deliver.h"
#include "cmd/vz-listen/recall.h"

/* Whole ones of all sessions that get their places together. */
#define PLACE_MAX 64
/* How much may be there that is not durable: little where the sender has to hold it (DESIGN 5). */
#define SYNC_BYTES        (4u * 1024 * 1024)
#define SYNC_MS           1000
#define SYNC_REREAD_BYTES (64u * 1024 * 1024)
#define SYNC_REREAD_MS    10000

static int
make_durable(struct visit *v, struct incoming *in)
{
	char file[VZ_SINK_FILE_MAX];
	int r = vz_drop_sync(in->own);

	in->synced_at = vz_loop_now(v->srv->loop);
	if (r == 0)
		r = vz_drop_file(in->own, file);
	if (r == 0 && !recall_durable(in, in->bytes, file))
		r = VZ_ESYSTEM;
	if (r < 0)
		return r;
	in->durable = in->bytes;
	visit_durable(v, in->number, in->durable);
	return 0;
}

static bool
is_due(const struct incoming *in, uint64_t now)
{
	uint64_t n = in->bytes - in->durable;

	/* A letter comes again from its beginning. */
	if (n == 0 || in->placing || !in->visit->srv->ledger || in->visit->letter ||
	    in->visit->srv->options->resume_ms == 0)
		return false;
	return in->one_pass ? n >= SYNC_BYTES || now - in->synced_at >= SYNC_MS
			    : n >= SYNC_REREAD_BYTES || now - in->synced_at >= SYNC_REREAD_MS;
}

bool
take_file_moved(struct visit *v, struct incoming *in)
{
	int r;

	if (!in->own || !is_due(in, vz_loop_now(v->srv->loop)))
		return true;
	r = make_durable(v, in);
	if (r < 0)
		take_sink_failed(v, in, r, VZ_EXIT_IOERR);
	else
		visit_kick(v);
	return r == 0;
}

bool
take_file_leave(struct visit *v, struct incoming *in)
{
	if (!in->own || in->placing || !v->srv->ledger ||
	    (in->bytes > in->durable && make_durable(v, in) < 0) || in->durable == 0)
		return false;
	vz_drop_leave(in->own);
	in->own = NULL; /* gone */
	return true;
}

/* Those in the list may end while others are told of: it is asked anew each time. */
static void
tell(struct server *srv)
{
	struct incoming *in;

	while ((in = TAILQ_FIRST(&srv->placed)) != NULL) {
		struct visit *v = in->visit;
		int r;

		progress_clear(); /* a path is printed */
		r = in->place_err == 0 ? vz_drop_finish(in->own) : in->place_err;
		if (r == VZ_SINK_WAIT) {
			server_watch_output(srv);
			return;
		}
		if (r < 0) {
			take_sink_failed(
			    v, in, r, r == VZ_ESYSTEM ? VZ_EXIT_IOERR : VZ_EXIT_CANTCREAT);
			continue;
		}
		TAILQ_REMOVE(&srv->placed, in, queue);
		in->own = NULL; /* moved */
		in->noted = in->placing = false;
		deliver_done(v, in);
		visit_kick(v);
	}
}

static void
place(struct server *srv)
{
	struct incoming *in[PLACE_MAX];
	struct vz_drop *drops[PLACE_MAX];
	int results[PLACE_MAX];
	size_t n = 0;

	while (n < PLACE_MAX && (in[n] = TAILQ_FIRST(&srv->whole)) != NULL) {
		TAILQ_REMOVE(&srv->whole, in[n], queue);
		srv->n_whole--;
		drops[n] = in[n]->own;
		n++;
	}
	if (n == 0)
		return;
	vz_sink_place(srv->sink, drops, results, n);
	recall_placed(srv, in, results, n);
	for (size_t i = 0; i < n; i++) {
		in[i]->placed = true;
		in[i]->place_err = results[i];
		TAILQ_INSERT_TAIL(&srv->placed, in[i], queue);
	}
}

void
take_file_settle(struct server *srv)
{
	if (TAILQ_EMPTY(&srv->whole) && TAILQ_EMPTY(&srv->placed))
		return;
	place(srv);
	tell(srv);
	server_wake(srv);
}

void
take_file_whole(struct visit *v, struct incoming *in)
{
	struct server *srv = v->srv;

	in->placing = true;
	TAILQ_INSERT_TAIL(&srv->whole, in, queue);
	if (++srv->n_whole == PLACE_MAX)
		take_file_settle(srv);
}

bool
take_file_unsaid(const struct visit *v)
{
	const struct incoming *in;

	LIST_FOREACH(in, &v->incoming, list)
	if (in->placing)
		return true;
	return false;
}

void
take_file_drop(struct visit *v, struct incoming *in)
{
	struct server *srv = v->srv;

	if (in->placing)
		TAILQ_REMOVE(in->placed ? &srv->placed : &srv->whole, in, queue);
	srv->n_whole -= in->placing && !in->placed;
	if (in->own && (in->noted || in->durable > 0))
		recall_drop(in);
}
