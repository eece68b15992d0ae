#include "cmd/vz-keygen/keygen.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "cmd/common/agent.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

/* The passphrase that opened the file is the one that seals it again. */
struct asked {
	struct passphrase_from from;
	char *passphrase; /* VZ_PASSPHRASE_MAX bytes, guarded */
	size_t len;
	bool was;
};

static int
ask(void *arg, const char *path, char *out, size_t cap, size_t *len)
{
	struct asked *a = arg;
	int err = passphrase_ask(&a->from, path, out, cap, len);

	if (!err) {
		memcpy(a->passphrase, out, *len);
		a->len = *len;
		a->was = true;
	}
	return err;
}

/* The new keys are in `id` only as yet. */
static int
renew(struct vz_identity *id, uint64_t now, struct vz_agent *agent)
{
	uint8_t *random = vz_secret_new(VZ_ROTATED_RANDOM);
	int err = VZ_ENOMEM;

	if (random) {
		randombytes_buf(random, VZ_ROTATED_RANDOM);
		err = vz_identity_rotate_by(id, random, now, agent_sign_patient, agent);
	}
	vz_secret_free(random);
	return err;
}

static int
cannot_renew(const struct keygen *k, const struct vz_identity *id, struct vz_agent *agent, int err)
{
	char shown[1024];

	if (err == VZ_ESIGNER || err == VZ_EAUTH)
		return agent_complain(agent, k->path, err);
	if (err != VZ_EFULL || id->retired_len < VZ_RETIRED_MAX)
		return keygen_cannot_save(k, err);
	diag_error("%s: %u old mail keys are kept already",
	    diag_escape(shown, sizeof(shown), k->path, strlen(k->path)), VZ_RETIRED_MAX);
	diag_hint("each goes 30 days after it was replaced; once a day is often enough");
	return vz_exit_of(err);
}

static void
tell(const struct keygen *k, const struct vz_identity *id)
{
	struct vz_json *event;
	char shown[1024];

	if (diag_is_json()) {
		event = diag_event("rotated");
		vz_json_str(event, "path", k->path);
		vz_json_u64(event, "serial", id->bundle.serial);
		vz_json_u64(event, "kept", id->retired_len);
		diag_event_end(event);
		return;
	}
	diag_verbose(0, "%s: new keys under serial %" PRIu64 "; old mail keys that are kept: %u",
	    diag_escape(shown, sizeof(shown), k->path, strlen(k->path)), id->bundle.serial,
	    id->retired_len);
}

static int
rotate_by(const struct keygen *k, struct asked *a, struct vz_identity *id, struct vz_agent *agent)
{
	time_t now = time(NULL);
	int err = renew(id, now > 1 ? (uint64_t)now : 1, agent);

	if (err)
		return cannot_renew(k, id, agent, err);
	err = vz_keyfile_save(k->path, id, a->was ? a->passphrase : NULL, a->len, false);
	if (err)
		return keygen_cannot_save(k, err);
	tell(k, id);
	return 0;
}

static int
rotate(const struct keygen *k, struct asked *a)
{
	struct vz_agent *agent = NULL;
	struct vz_identity *id;
	int err = vz_keyfile_load(k->path, ask, a, &id), status = 0;

	if (err)
		return keygen_cannot_read(k, err);
	if (id->held_elsewhere)
		status = agent_connect(&agent);
	if (!status && agent)
		status = agent_has(agent, &id->bundle.identity);
	if (!status)
		status = rotate_by(k, a, id, agent);
	vz_agent_free(agent);
	vz_identity_free(id);
	return status;
}

int
keygen_rotate(const struct keygen *k)
{
	struct asked a = {.from = k->from, .passphrase = vz_secret_new(VZ_PASSPHRASE_MAX)};
	int fd, err = a.passphrase ? vz_keyfile_lock(k->path, &fd) : VZ_ENOMEM, status;

	if (err) {
		vz_secret_free(a.passphrase);
		return keygen_cannot_read(k, err);
	}
	status = rotate(k, &a);
	close(fd);
	vz_secret_free(a.passphrase);
	return status;
}
