/*
 * Files of lines that people write: peers, authorized, revoked. Read whole and judged before the
 * first line is looked at.
 */
#ifndef VZ_BASE_LINES_H
#define VZ_BASE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"

#define VZ_LINES_FILE_MAX (1024 * 1024)
#define VZ_LINE_MAX       4096

struct vz_lines {
	struct vz_buf text;
	size_t at;       /* where the next line begins */
	unsigned number; /* of the line given last, from 1 */
};

/*
 * Reads the file under VZ_FS_TRUSTED. VZ_ENOTFOUND, VZ_EMODE, VZ_ESYSTEM, VZ_ENOMEM; VZ_ELIMIT when
 * it is over 1 MiB or a line over 4 KiB, VZ_EFORMAT when it holds a NUL. l is to be freed in any
 * case; l->number is the offending line, or 0.
 */
int vz_lines_load(struct vz_lines *l, const char *path);
/*
 * The next line that says something, without blanks (CR is one) at its ends; empty lines and those
 * that begin with # are passed over. Borrowed until vz_lines_free. False at the end.
 */
bool vz_lines_next(struct vz_lines *l, const char **line, size_t *len);
void vz_lines_free(struct vz_lines *l);

/* Takes the word at the start of *s (blanks before it skipped) and steps over it; its length, 0 at
 * the end. */
size_t vz_word(const char **s, size_t *len, const char **word);

#endif
