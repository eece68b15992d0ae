#include "cmd/serve/sockets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fsutil.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"
#include "id/typo.h"
#include "net/notify.h"

/* After what is waited for comes the farewell. */
#define FAREWELL_MS 5000

static const char *
shown(const char *text)
{
	static char buf[512];

	return diag_escape(buf, sizeof(buf), text, strlen(text));
}

_Noreturn static void
no_socket(const char *address, int err)
{
	int status = err == VZ_ENOTFOUND           ? VZ_EXIT_NOHOST
	    : err == VZ_EMODE || err == VZ_EEXISTS ? VZ_EXIT_CANTCREAT
	    : err == VZ_ELIMIT                     ? VZ_EXIT_USAGE
						   : VZ_EXIT_OSERR;
	bool foreign = false;

	switch (err) {
	case VZ_ENOTFOUND: diag_error("cannot listen on %s: no such host", address); break;
	case VZ_EEXISTS: diag_error("cannot listen on %s: somebody answers there", address); break;
	case VZ_EMODE:
		diag_error("cannot listen on %s: a file that is not a socket", address);
		break;
	case VZ_ELIMIT:
		diag_error("cannot listen on %s: more than %d sockets", address, VZ_LISTEN_MAX);
		break;
	default:
		foreign = err == VZ_ESYSTEM && errno == EADDRNOTAVAIL;
		diag_error("cannot listen on %s: %s", address, diag_words(err));
		break;
	}
	if (foreign)
		diag_hint(
		    "no address of this host; a relay's has its key before it: vz1KEY@HOST:PORT");
	exit(status);
}

static void
check_relay(const struct sockets *s, const char *text, const struct vz_listen_address *a)
{
	if (a->relay && !s->relays)
		diag_usage("cannot listen at a relay: '%s'", shown(text));
}

_Noreturn static void
bad_address(const char *text, struct vz_peers *peers, const char *why)
{
	char typo[VZ_TYPO_WORDS];

	vz_address_typo(text, strlen(text), peers ? vz_peers_lookup : NULL, peers, typo);
	diag_usage("not an address to listen on: '%s'%s%s%s%s", shown(text), why ? ": " : "",
	    why ? why : "", *typo ? ": " : "", typo);
}

static void
parse_address(const struct sockets *s, const char *text, struct vz_listen_address *out)
{
	const char *why = NULL;

	if (text[0] == '-')
		diag_usage("options come before addresses: '%s'", shown(text));
	if (vz_listen_address_parse(text, NULL, NULL, out, &why) < 0)
		bad_address(text, NULL, why);
	check_relay(s, text, out);
}

static bool
is_name(const struct sockets *s, const char *text)
{
	return s->relays && vz_peer_name_ok(text, strlen(text));
}

static void
parse_name(const char *text, struct vz_peers *peers, struct vz_listen_address *out)
{
	const char *why = NULL;
	int r = vz_listen_address_parse(text, vz_peers_lookup, peers, out, &why);

	if (r == VZ_ENOTFOUND) {
		diag_error("%s: no such name in peers", shown(text));
		diag_hint("to listen here use PORT, *:PORT, HOST:PORT or /PATH, and at a relay "
			  "vz1KEY@HOST:PORT");
		exit(VZ_EXIT_NOHOST);
	}
	if (r < 0)
		bad_address(text, peers, why);
}

/* At one relay a listener would take its own place, again and again. */
static void
check_once(const struct sockets *s, const struct serve_options *o)
{
	const struct vz_listen_address *a = s->addresses;

	for (int i = 1; i < o->n_addresses; i++)
		for (int j = 0; j < i; j++)
			if (a[i].relay && a[j].relay &&
			    vz_key_equal(&a[i].relay_key, &a[j].relay_key))
				diag_usage("the same relay twice: '%s'", shown(o->addresses[i]));
}

void
sockets_names(struct sockets *s, const struct serve_options *o, const struct self *me)
{
	struct vz_peers *peers = NULL;

	for (int i = 0; i < o->n_addresses; i++) {
		if (!is_name(s, o->addresses[i]))
			continue;
		if (!peers)
			peers = self_peers(me);
		parse_name(o->addresses[i], peers, &s->addresses[i]);
	}
	vz_peers_free(peers);
	check_once(s, o);
}

void
sockets_parse(struct sockets *s, const struct serve_options *o)
{
	if (o->n_addresses == 0 && !getenv("LISTEN_FDS"))
		diag_usage("no address to listen on");
	s->addresses = calloc((size_t)o->n_addresses + 1, sizeof(*s->addresses));
	if (!s->addresses) {
		diag_error("%s", diag_words(VZ_ENOMEM));
		exit(VZ_EXIT_OSERR);
	}
	for (int i = 0; i < o->n_addresses; i++)
		if (!is_name(s, o->addresses[i]))
			parse_address(s, o->addresses[i], &s->addresses[i]);
}

void
sockets_open(struct sockets *s, const struct serve_options *o, int family)
{
	int r = vz_listen_inherit(
	    getenv("LISTEN_PID"), getenv("LISTEN_FDS"), s->listeners, &s->n_listeners);

	if (r < 0) {
		diag_error("the sockets passed in LISTEN_FDS: %s", diag_words(r));
		exit(r == VZ_ESYSTEM ? VZ_EXIT_OSERR : VZ_EXIT_CONFIG);
	}
	if (s->n_listeners == 0 && o->n_addresses == 0)
		diag_usage("no address to listen on");
	for (int i = 0; i < o->n_addresses; i++) {
		if (s->addresses[i].relay)
			continue;
		r = (o->reuse_port ? vz_listen_open_shared : vz_listen_open)(
		    &s->addresses[i], family, o->socket_mode, s->listeners, &s->n_listeners);
		if (r < 0) {
			int saved = errno;

			sockets_close(s);
			errno = saved;
			no_socket(shown(o->addresses[i]), r);
		}
	}
}

int
sockets_relayed(const struct vz_listen_address *a, const struct vz_key *self, char *out, size_t cap)
{
	struct vz_address whole = {
	    .key = *self, .at = a->at, .relayed = true, .relay_key = a->relay_key};

	return vz_address_format(&whole, out, cap);
}

static int
put_line(struct vz_buf *lines, const char *line)
{
	int r = vz_buf_put(lines, line, strlen(line));

	return r == 0 ? vz_buf_put(lines, "\n", 1) : r;
}

/* All of them by one write: who reads the first address only, and is gone then, has what it wanted.
 */
static int
tell_ready(const struct sockets *s, const struct serve_options *o, const struct vz_key *self)
{
	char key[VZ_KEY_TEXT], line[VZ_ADDRESS_TEXT_MAX];
	struct vz_buf lines;
	int r = 0, fd = o->ready_fd;

	vz_buf_init(&lines, ((size_t)o->n_addresses + VZ_LISTEN_MAX) * sizeof(line));
	vz_key_format(self, key);
	for (size_t i = 0; i < s->n_listeners && r == 0; i++) {
		snprintf(line, sizeof(line), "%s@%s", key, s->listeners[i].text);
		r = put_line(&lines, line);
	}
	for (int i = 0; i < o->n_addresses && r == 0; i++)
		if (s->addresses[i].relay) {
			r = sockets_relayed(&s->addresses[i], self, line, sizeof(line));
			r = r == 0 ? put_line(&lines, line) : r;
		}
	if (r == 0)
		r = vz_fs_write_all(fd, vz_buf_ptr(&lines), lines.len);
	if (r == 0 && close(fd) < 0)
		r = VZ_ESYSTEM;
	vz_buf_free(&lines);
	return r;
}

int
sockets_tell(const struct sockets *s, const struct serve_options *o, const struct vz_key *self)
{
	int r = o->ready_fd >= 0 ? tell_ready(s, o, self) : 0;

	if (r < 0) {
		diag_error("--ready-fd %d: %s", o->ready_fd, diag_words(r));
		return VZ_EXIT_IOERR;
	}
	r = vz_notify(getenv("NOTIFY_SOCKET"), VZ_NOTIFY_READY);
	if (r < 0)
		diag_verbose(0, "the service manager cannot be told: %s", diag_words(r));
	return 0;
}

void
sockets_notify_end(uint64_t ms)
{
	static bool notified;
	char words[128];

	if (notified)
		return;
	notified = true;
	snprintf(words, sizeof(words), VZ_NOTIFY_STOPPING "\nEXTEND_TIMEOUT_USEC=%" PRIu64,
	    (ms + FAREWELL_MS) * 1000);
	(void)vz_notify(getenv("NOTIFY_SOCKET"), words);
}

void
sockets_close(struct sockets *s)
{
	vz_listen_close(s->listeners, s->n_listeners);
	s->n_listeners = 0;
}

void
sockets_keep(const struct sockets *s, const struct serve_options *o, struct vz_sandbox *box)
{
	for (int i = 0; i < o->n_addresses; i++)
		if (!s->addresses[i].relay && s->addresses[i].at.kind == VZ_ADDRESS_UNIX)
			sandbox_folder_of(
			    box, s->addresses[i].at.path, VZ_SANDBOX_LIST | VZ_SANDBOX_TAKE);
}
