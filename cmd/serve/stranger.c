#include "cmd/serve/stranger.h"

#include <string.h>

#include "cmd/common/diag.h"
#include "cmd/serve/rights.h"

/* Whether this one may be told of now; then it was. */
static bool
is_new(struct strangers *s, const struct vz_key *key, uint64_t now)
{
	for (size_t i = 0; i < STRANGERS_KEPT; i++)
		if (now < s->told[i].until && vz_key_equal(&s->told[i].key, key))
			return false;
	if (!s->limited)
		vz_bucket_init(&s->words, 1, STRANGER_S * STRANGER_BURST);
	s->limited = true;
	if (vz_bucket_take(&s->words, STRANGER_S, now) != 0)
		return false;
	s->told[s->next].key = *key;
	s->told[s->next].until = now + STRANGER_MS;
	s->next = (s->next + 1) % STRANGERS_KEPT;
	return true;
}

void
stranger_hint(struct rights *r, const struct vz_key *key, uint64_t now)
{
	char path[RIGHTS_PATH_MAX], shown[1024], text[VZ_KEY_TEXT];

	if (!is_new(&r->strangers, key, now))
		return;
	vz_key_format(key, text);
	if (!rights_authorized_path(r, path)) {
		diag_hint("to let it in, start this with --allow %s too", text);
		return;
	}
	diag_escape(shown, sizeof(shown), path, strlen(path));
	if (r->relay)
		diag_hint("to let it in, add a line to %s with what it may do of register, connect "
			  "and deposit: connect %s",
		    shown, text);
	else
		diag_hint("to let it in, add this line to %s: %s", shown, text);
}
