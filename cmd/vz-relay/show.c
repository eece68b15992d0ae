#include "cmd/vz-relay/show.h"

#include <stdio.h>

#include "base/text.h"
#include "cmd/common/diag.h"
#include "cmd/vz-relay/relay.h"

/* What is kept, as it was at the last look. */
static void
mail_words(const struct relay *rl, char out[static 64])
{
	char size[16];

	out[0] = '\0';
	if (!rl->mail.box)
		return;
	vz_format_size(rl->mail.stats.bytes, size);
	snprintf(out, 64, ", %llu messages kept with %s",
	    (unsigned long long)rl->mail.stats.messages, size);
}

static void
tell(void *arg)
{
	const struct relay *rl = arg;
	size_t listeners = vz_match_listeners(rl->live.matches);
	size_t waiting = vz_match_count(rl->live.matches);
	struct vz_json *j;
	char size[16], mail[64];

	if (!diag_is_json()) {
		vz_format_size(rl->counts.bytes, size);
		mail_words(rl, mail);
		diag_verbose(-1,
		    "%u connection%s, %zu listener%s, %zu waiting, %u pair%s, %s relayed%s%s",
		    rl->admitted, rl->admitted == 1 ? "" : "s", listeners,
		    listeners == 1 ? "" : "s", waiting, rl->pairs, rl->pairs == 1 ? "" : "s", size,
		    mail, rl->drain.on ? ", stopping" : "");
		return;
	}
	j = diag_event("progress");
	vz_json_u64(j, "connections", rl->admitted);
	vz_json_u64(j, "listeners", listeners);
	vz_json_u64(j, "waiting", waiting);
	vz_json_u64(j, "pairs", rl->pairs);
	vz_json_u64(j, "relayed_bytes", rl->counts.bytes);
	if (rl->mail.box) {
		vz_json_u64(j, "stored_messages", rl->mail.stats.messages);
		vz_json_u64(j, "stored_bytes", rl->mail.stats.bytes);
	}
	vz_json_bool(j, "stopping", rl->drain.on || rl->stopping);
	diag_event_end(j);
}

int
show_start(struct relay *rl)
{
	rl->progress = (struct progress){.loop = rl->loop, .tell = tell, .arg = rl};
	return progress_start(&rl->progress);
}
