#include "cmd/vz-send/closing.h"

#include <string.h>

#include "base/err.h"
#include "base/fsutil.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "crypto/aead.h"
#include "cmd/vz-send/store.h"
#include "net/resolver.h"

#define SHORT_INPUT (1024u * 1024) /* up to here no accelerator is opened */

/* What the process that looks names up is not to know: our secrets, and the randomness that the
 * sessions begin with. */
struct secrets {
	struct self *me;
	struct lane *lanes;
	size_t n_lanes;
	struct link *link; /* of --check */
};

static void
enter_resolver(void *arg)
{
	struct secrets *all = arg;

	for (size_t i = 0; i < all->n_lanes; i++)
		explicit_bzero(&all->lanes[i].link.config, sizeof(all->lanes[i].link.config));
	if (all->link)
		explicit_bzero(&all->link->config, sizeof(all->link->config));
	self_free(all->me);
	sandbox_of_names();
}

/* 0, or the exit status. */
static int
keep_place(struct vz_sandbox *s, const struct vz_endpoint *at, struct secrets *all)
{
	int r = 0;

	if (at->kind != VZ_ADDRESS_TCP)
		return 0;
	sandbox_port(s, at->port);
	if (!at->numeric)
		r = vz_resolver_split(enter_resolver, all);
	if (r == 0)
		return 0;
	diag_error("cannot fork: %s", diag_words(r));
	return VZ_EXIT_OSERR;
}

/* It is read again before each connection: replaced by renaming, it is another file. */
static void
keep_identity(struct vz_sandbox *s, const struct self *me)
{
	sandbox_folder_of(s, me->identity_path, VZ_SANDBOX_READ);
}

/* Made now, for a folder that is not there cannot be kept; whoever needs it says why it cannot be.
 */
static void
keep_state(struct vz_sandbox *s, const struct self *me)
{
	(void)vz_fs_mkdirs(me->state_dir);
	sandbox_path(s, me->state_dir, VZ_SANDBOX_READ | VZ_SANDBOX_WRITE | VZ_SANDBOX_TAKE);
}

/* Where dlopen(3) finds them; without these it is libsodium that does the work. */
static void
keep_libraries(struct vz_sandbox *s)
{
	static const char *const places[] = {
	    "/etc/ld.so.cache", "/usr/lib", "/usr/local/lib", "/lib", "/lib64"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		sandbox_path(s, places[i], VZ_SANDBOX_READ);
}

/* Whether so much may come that an accelerator is opened for it, and it is seen only then. */
static bool
may_accelerate(const struct run *r)
{
	const struct vz_source *first = r->inputs[0].source;

	return r->n_inputs > 1 || !first || vz_source_length(first) > SHORT_INPUT;
}

int
closing(struct run *r)
{
	const struct send_options *o = r->options;
	struct vz_sandbox s = {.filter = VZ_SANDBOX_SEND, .signals = o->command != NULL};
	struct secrets all = {.me = &r->me, .lanes = r->lanes, .n_lanes = r->n_lanes};
	int status = 0;

	if (o->common.sandbox != SANDBOX_OFF) {
		for (size_t i = 0; i < r->n_lanes && !status; i++)
			status = keep_place(&s, &r->lanes[i].link.to.at, &all);
		keep_identity(&s, &r->me);
		keep_state(&s, &r->me);
		for (size_t i = 0; i < o->n_files; i++)
			if (r->inputs[i].path && !r->inputs[i].stdin_fd)
				sandbox_path(&s, r->inputs[i].path, VZ_SANDBOX_READ);
		if (may_accelerate(r)) {
			s.filter = VZ_SANDBOX_SEND_LATE;
			keep_libraries(&s);
		}
	}
	/* After those who look names up were split off, and while folders can be made. */
	if (!status && o->store != STORE_NEVER)
		status = store_open(r);
	if (status) {
		vz_sandbox_free(&s);
		return status;
	}
	return sandbox_close(&o->common, &s, &r->layers);
}

int
closing_check(struct link *k, struct self *me, struct vz_sandbox_state *layers)
{
	const struct common *options = &k->options->common;
	struct vz_sandbox s = {.filter = VZ_SANDBOX_SEND};
	struct secrets all = {.me = me, .link = k};
	int status = 0;

	if (options->sandbox != SANDBOX_OFF) {
		status = keep_place(&s, &k->to.at, &all);
		keep_state(&s, me);
	}
	if (status) {
		vz_sandbox_free(&s);
		return status;
	}
	return sandbox_close(options, &s, layers);
}
