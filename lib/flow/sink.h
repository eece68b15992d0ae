/*
 * Where whole messages go (DESIGN 2 law 1): a descriptor, one file, or a folder with a file for
 * each.
 *
 * A sink is the place; a drop is one message on its way into it: begun, written piece by piece, and
 * then either finished, which is when the sink has the whole message, or aborted, after which
 * nothing of it remains (except on a descriptor, where what was written cannot be taken back:
 * vz_sink_torn). A sink never waits: it says VZ_SINK_WAIT, and the caller tries the same again when
 * vz_sink_fd can be written.
 */
#ifndef VZ_FLOW_SINK_H
#define VZ_FLOW_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/frame.h"

struct vz_sink;
struct vz_drop;

#define VZ_SINK_WAIT 1 /* of vz_drop_finish; vz_drop_write says it by taking 0 bytes */

/* "STREAM.NUMBER" and a NUL: 32 hexadecimal digits, a dot, at most 20 decimal ones. */
#define VZ_MESSAGE_ID_TEXT (2 * VZ_STREAM_LEN + 1 + 20 + 1)
#define VZ_SINK_NAME_MAX   255  /* of a file made in a folder */
#define VZ_SINK_FILE_MAX   4096 /* bytes of a path, with the NUL */

/* What is known of a message when it begins. The name is the sender's: any bytes, may be empty. */
struct vz_arrival {
	const uint8_t *stream; /* VZ_STREAM_LEN bytes */
	uint64_t number;
	const uint8_t *name;
	size_t name_len;
};

/*
 * Messages one after the other to an inherited descriptor, which stays the caller's. `escape`: for
 * people, by vz_escape (VZ_ESCAPE_BODY). VZ_ESYSTEM, VZ_ENOMEM.
 */
int vz_sink_stream(int fd, bool escape, struct vz_sink **out);
/*
 * Each message replaces the file at path when it is whole (fs_temp): made with `mode`, or with the
 * mode of the regular file that is there. Looks now whether that can work: VZ_EMODE (path is there
 * and no regular file), VZ_ESYSTEM (folder missing or not writable), VZ_ENOMEM.
 */
int vz_sink_file(const char *path, mode_t mode, struct vz_sink **out);
/*
 * A file for each message in the folder dir, named as vz_sink_name_of has it, made with `mode`;
 * never over one that is there (VZ_EEXISTS from finish). With print_fd >= 0 (the caller's) the path
 * and a newline are written there after the rename: a message whose path cannot be printed has
 * failed, and its file is removed again. Errors as above; VZ_EMODE when dir is no folder.
 */
int vz_sink_dir(const char *dir, mode_t mode, int print_fd, struct vz_sink **out);
void vz_sink_free(struct vz_sink *s);

/* True when only one drop may be open at a time. */
bool vz_sink_exclusive(const struct vz_sink *s);
/* The descriptor to watch after VZ_SINK_WAIT; -1 when the sink never says that. */
int vz_sink_fd(const struct vz_sink *s);
/*
 * True when a message broke off after some of its bytes had gone to a descriptor. Nothing may
 * follow them: whoever reads there could not tell.
 */
bool vz_sink_torn(const struct vz_sink *s);
/* True when the descriptor failed: no message will succeed any more. */
bool vz_sink_failed(const struct vz_sink *s);

/* True when the beginning of a message can be made durable (vz_drop_sync). */
bool vz_sink_lasts(const struct vz_sink *s);

/* Begins one. VZ_ESYSTEM (errno), VZ_EMODE, VZ_ENOMEM; VZ_EINVAL when one is open already and may
 * not be. Finish or abort ends it. */
int vz_sink_begin(struct vz_sink *s, const struct vz_arrival *m, struct vz_drop **out);
/*
 * Begins one of which an earlier process left the first `length` bytes, in `file` (vz_drop_file).
 * VZ_ENOTFOUND: they are not there, or not in this sink's folder; VZ_ESYSTEM (EWOULDBLOCK: another
 * process is about it), and as above.
 */
int vz_sink_take_up(struct vz_sink *s, const struct vz_arrival *m, const char *file,
    uint64_t length, struct vz_drop **out);
/*
 * All that was written is durable, in the file that vz_drop_file names, which is left behind when
 * this process is killed. VZ_ESYSTEM; VZ_EINVAL where vz_sink_lasts is false.
 */
int vz_drop_sync(struct vz_drop *d);
/* It ends here, and the file that vz_drop_file names stays: after vz_drop_sync. */
void vz_drop_leave(struct vz_drop *d);
/* The absolute path of the file that holds what has come: no longer than VZ_SINK_FILE_MAX. */
int vz_drop_file(const struct vz_drop *d, char out[static VZ_SINK_FILE_MAX]);
/* How many of n bytes were taken; 0 = wait, then offer the same bytes again. VZ_ESYSTEM. */
ssize_t vz_drop_write(struct vz_drop *d, const uint8_t *p, size_t n);
/*
 * The message's manifest, text_len of the len bytes at p, and its signature, the others: a folder
 * keeps them beside its file, as ID.manifest and ID.manifest.sig (vz_message_id), names that no
 * message there can have, and which are there when that is; all other sinks keep nothing. Before it
 * is placed; said again, it replaces what was said. VZ_ENOMEM.
 */
int vz_drop_prove(struct vz_drop *d, const uint8_t *p, size_t text_len, size_t len);
/*
 * Up to n of the bytes from `at` on that were written, of an earlier process or by this one; 0
 * where there are none. Only where vz_sink_lasts. VZ_ESYSTEM.
 */
ssize_t vz_drop_read(const struct vz_drop *d, uint64_t at, uint8_t *p, size_t n);
/*
 * Whole messages get their places together, durably: results[i] is 0, or what went wrong with
 * drops[i], which then is to be aborted. To be finished after it, which tells of them. Only where
 * vz_sink_lasts.
 */
void vz_sink_place(struct vz_sink *s, struct vz_drop *const *drops, int *results, size_t n);
/*
 * The sink has it all: 0, and d is freed. VZ_SINK_WAIT: call again. On an error (VZ_ESYSTEM,
 * VZ_EEXISTS, VZ_EMODE) d is still there, to be aborted.
 */
int vz_drop_finish(struct vz_drop *d);
/* Nothing of it remains. NULL is nothing. */
void vz_drop_abort(struct vz_drop *d);

/* The message's id as text. */
void vz_message_id(const uint8_t *stream, uint64_t number, char out[static VZ_MESSAGE_ID_TEXT]);
/*
 * The file name for a message: its id, and when it has a name '-' and that name with every byte
 * outside A-Za-z0-9._- as '_', cut so that the whole is at most VZ_SINK_NAME_MAX bytes.
 */
void vz_sink_name_of(const struct vz_arrival *m, char out[static VZ_SINK_NAME_MAX + 1]);

#endif
