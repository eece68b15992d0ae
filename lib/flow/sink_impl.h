/*
 * Between the kinds of sinks and sink.c.
 */
#ifndef VZ_FLOW_SINK_IMPL_H
#define VZ_FLOW_SINK_IMPL_H

#include "base/fsutil.h"
#include "flow/outfd.h"
#include "flow/sink.h"

/* A drop begins with its sink, and a kind adds its own fields after it. */
struct vz_drop {
	struct vz_sink *sink;
};

/* The beginning of a message in a file, by its name in the sink's folder. */
struct vz_left {
	const char *name;
	uint64_t length;
};

struct vz_sink_kind {
	/* `left`: what an earlier process left of it, else NULL; for kinds with files only. */
	int (*begin)(struct vz_sink *s, const struct vz_arrival *m, const struct vz_left *left,
	    struct vz_drop **out);
	ssize_t (*write)(struct vz_drop *d, const uint8_t *p, size_t n);
	/* Where something lies beside a message: NULL elsewhere. */
	int (*prove)(struct vz_drop *d, const uint8_t *p, size_t text_len, size_t len);
	/* Kinds with files: it gets its name, which is not durable yet. */
	int (*place)(struct vz_drop *d);
	/* Frees nothing: sink.c calls `end` after success and after abort. */
	int (*finish)(struct vz_drop *d);
	void (*end)(struct vz_drop *d, bool whole);
	void (*free)(struct vz_sink *s);
};

struct vz_sink {
	const struct vz_sink_kind *kind;
	bool exclusive, torn, failed;
	int fd; /* to watch, or -1 */
	size_t open;
	char *folder; /* absolute, of kinds with files; else NULL */
};

/* As vz_sink_begin, with what is left. */
int vz_sink_open(struct vz_sink *s, const struct vz_arrival *m, const struct vz_left *left,
    struct vz_drop **out);

/* A file under way: what a drop of both kinds that make files begins with. */
struct vz_spill {
	struct vz_drop drop;
	struct vz_fs_temp temp;
	uint64_t written, flushed;
	bool placed;              /* it has its name */
	struct vz_beside *beside; /* sink_beside.c; NULL: nothing */
};

/* The temporary for what will be at path, with what is left of it. Errors of vz_fs_temp_*. */
int vz_spill_open(struct vz_spill *f, const char *path, mode_t mode, const struct vz_left *left);

/* What lies beside a message's file: its manifest and the signature of that. */
struct vz_beside;

/* They will be at `path` with .manifest and .manifest.sig behind it. VZ_ENOMEM. */
int vz_beside_new(struct vz_beside **out, const char *path, mode_t mode, const uint8_t *p,
    size_t text_len, size_t len);
/* Without their names: aborted, and if they have them and `remove`, removed. NULL is nothing. */
void vz_beside_free(struct vz_beside *b, bool remove);
/* In this order: written, flushed where nobody does it for all, given their names. Errors of
 * vz_fs_temp_*; 0 where b is NULL. */
int vz_beside_write(struct vz_beside *b);
int vz_beside_flush(struct vz_beside *b);
int vz_beside_place(struct vz_beside *b);

ssize_t vz_spill_write(struct vz_drop *f, const uint8_t *p, size_t n);
/* It gets its place, if it has not. */
int vz_spill_place(struct vz_spill *f);
/* Makes `path` the sink's folder: VZ_EMODE or VZ_ESYSTEM unless it is one that can be written to.
 */
int vz_spill_folder(struct vz_sink *s, const char *path);

#endif
