/*
 * One JSON object a line (RFC 8259), for events and records. Every string goes through vz_escape.
 */
#ifndef VZ_BASE_JSON_H
#define VZ_BASE_JSON_H

#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

/*
 * An object under construction; appends to a buffer that the caller owns and leaves alone until the
 * end. Errors are sticky.
 */
struct vz_json {
	struct vz_buf *out;
	size_t start; /* bytes held by out before the object */
	int err;
	int fields;
};

/* Begins "{"; use the other calls, then vz_json_end. */
void vz_json_begin(struct vz_json *j, struct vz_buf *out);
/* A NULL value is written as null. */
void vz_json_str(struct vz_json *j, const char *name, const char *value);
/* Bytes that may not be UTF-8: what is not becomes \ufffd. */
void vz_json_bytes(struct vz_json *j, const char *name, const void *value, size_t len);
void vz_json_u64(struct vz_json *j, const char *name, uint64_t value);
void vz_json_bool(struct vz_json *j, const char *name, int value);
/* Ends with "}\n". The first error met, and then out is as it was before the object; or 0. */
int vz_json_end(struct vz_json *j);

#endif
