#include "cmd/vz-listen/item_json.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"

static void
put_base64(struct vz_json *j, const struct item_json *m)
{
	size_t cap = sodium_base64_encoded_len(m->len, sodium_base64_VARIANT_ORIGINAL);
	char *text = malloc(cap);

	if (!text) {
		j->err = VZ_ENOMEM;
		return;
	}
	sodium_bin2base64(text, cap, m->body, m->len, sodium_base64_VARIANT_ORIGINAL);
	vz_json_str(j, "body", text);
	free(text);
}

int
item_json_put(struct vz_buf *out, const struct item_json *m)
{
	bool text = vz_utf8_ok(m->body, m->len);
	struct vz_json j;

	vz_json_begin(&j, out);
	vz_json_str(&j, "peer", m->peer);
	if (m->peer_name && *m->peer_name)
		vz_json_str(&j, "peer_name", m->peer_name);
	vz_json_bytes(&j, "name", m->name, m->name_len);
	vz_json_str(&j, "id", m->id);
	vz_json_u64(&j, "size", m->len);
	if (m->is_signed)
		vz_json_bool(&j, "signed", true);
	vz_json_bool(&j, "base64", !text);
	if (text)
		vz_json_bytes(&j, "body", m->body, m->len);
	else
		put_base64(&j, m);
	return vz_json_end(&j);
}
