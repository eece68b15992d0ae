/*
 * Bounded byte buffers and readers. All length arithmetic of the library that can overflow is here.
 */
#ifndef VZ_BASE_BUF_H
#define VZ_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A growing buffer that never holds more than `max` bytes. Bytes are appended at the end and
 * consumed from the front. Fields are read-only to callers: data + off is the first byte held, len
 * the number held.
 */
struct vz_buf {
	uint8_t *data;
	size_t off, len, cap, max;
};

/* Makes b empty with the given bound; allocates nothing. */
void vz_buf_init(struct vz_buf *b, size_t max);
/* Wipes and frees the storage; b is as after vz_buf_init with the same bound. */
void vz_buf_free(struct vz_buf *b);
/* Forgets all bytes, keeps the storage (not wiped). */
void vz_buf_clear(struct vz_buf *b);
/* First byte held; valid until the next call that appends. */
const uint8_t *vz_buf_ptr(const struct vz_buf *b);
/* Makes room for n more bytes and points *p at it; commit with vz_buf_added. VZ_ELIMIT, VZ_ENOMEM.
 */
int vz_buf_reserve(struct vz_buf *b, size_t n, uint8_t **p);
/* n bytes of the reserved room were filled (n at most what was reserved). */
void vz_buf_added(struct vz_buf *b, size_t n);
/* Drops n bytes from the front; n at most len. */
void vz_buf_consume(struct vz_buf *b, size_t n);
/* Keeps the first len bytes and drops the rest, to take an unfinished append back. */
void vz_buf_truncate(struct vz_buf *b, size_t len);
/* Appends. VZ_ELIMIT, VZ_ENOMEM; on failure nothing is appended. Integers are big-endian. */
int vz_buf_put(struct vz_buf *b, const void *p, size_t n);
int vz_buf_u8(struct vz_buf *b, uint8_t v);
int vz_buf_u16(struct vz_buf *b, uint16_t v);
int vz_buf_u32(struct vz_buf *b, uint32_t v);
int vz_buf_u64(struct vz_buf *b, uint64_t v);
/* Appends a C string without its NUL. */
int vz_buf_str(struct vz_buf *b, const char *s);
/* Appends a u32 length and the bytes: the `string` of RFC 4251 section 5. */
int vz_buf_string(struct vz_buf *b, const void *p, size_t n);

/*
 * A reader over borrowed bytes with a sticky error: after the first short read every further read
 * yields zero and `bad` stays true, so a parser checks once, at its end.
 */
struct vz_rd {
	const uint8_t *p;
	size_t len;
	bool bad;
};

struct vz_rd vz_rd_of(const void *p, size_t len);
uint8_t vz_rd_u8(struct vz_rd *r);
uint16_t vz_rd_u16(struct vz_rd *r);
uint32_t vz_rd_u32(struct vz_rd *r);
uint64_t vz_rd_u64(struct vz_rd *r);
/* The next n bytes in place, or NULL (and bad). */
const uint8_t *vz_rd_bytes(struct vz_rd *r, size_t n);
/* Copies the next n bytes to out; out is zeroed when they are not there. */
void vz_rd_copy(struct vz_rd *r, void *out, size_t n);
/* An RFC 4251 `string`: its bytes in place and its length, or NULL (and bad). */
const uint8_t *vz_rd_string(struct vz_rd *r, size_t *n);
/* True when all was read and nothing was short. */
bool vz_rd_done(const struct vz_rd *r);

/* Big-endian stores and loads at fixed places. */
void vz_store16(uint8_t p[static 2], uint16_t v);
void vz_store32(uint8_t p[static 4], uint32_t v);
void vz_store64(uint8_t p[static 8], uint64_t v);
uint16_t vz_load16(const uint8_t p[static 2]);
uint32_t vz_load32(const uint8_t p[static 4]);
uint64_t vz_load64(const uint8_t p[static 8]);

#endif
