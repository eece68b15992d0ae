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

struct vz_sink_kind {
	int (*begin)(struct vz_sink *s, const struct vz_arrival *m, struct vz_drop **out);
	ssize_t (*write)(struct vz_drop *d, const uint8_t *p, size_t n);
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
};

/* A file under way: used by both kinds that make files. */
struct vz_spill {
	struct vz_fs_temp temp;
	uint64_t written, flushed;
};

ssize_t vz_spill_write(struct vz_spill *f, const uint8_t *p, size_t n);
/* VZ_EMODE or VZ_ESYSTEM unless `path` is a folder that can be written to. */
int vz_spill_folder_ok(const char *path);

#endif
