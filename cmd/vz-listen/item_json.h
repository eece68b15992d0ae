/*
 * A message as one JSON object on a line (vz-listen(1), --json).
 */
#ifndef VZ_LISTEN_ITEM_JSON_H
#define VZ_LISTEN_ITEM_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct item_json {
	const char *peer, *peer_name, *id; /* peer_name: NULL or empty = it has none */
	const uint8_t *name;
	size_t name_len;
	const uint8_t *body;
	size_t len;
	bool is_signed;
};

/*
 * Appends it: peer, peer_name where there is one, name, id, size, "signed" where it is, and body:
 * text, or where it is not UTF-8 base64, and then "base64" is true. VZ_ELIMIT, VZ_ENOMEM; then
 * nothing is appended.
 */
int item_json_put(struct vz_buf *out, const struct item_json *m);

#endif
