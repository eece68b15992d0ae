/*
 * The descriptor under an audit file: opened and judged, its end found, a line appended whole or
 * not at all.
 */
#ifndef VZ_GUARD_AUDIT_FILE_H
#define VZ_GUARD_AUDIT_FILE_H

#include <stdint.h>
#include "guard/audit_line.h"

/* Opens, or makes, and locks. Errors as for vz_audit_open. The caller closes *fd. */
int vz_audit_file_open(const char *path, int *fd);
/*
 * The last whole line (seq 0: there is none) and its hash, and the number of unfinished bytes after
 * it. VZ_EFORMAT, VZ_ESYSTEM, VZ_ENOMEM.
 */
int vz_audit_file_end(
    int fd, struct vz_audit_line *last, char hash[static VZ_AUDIT_HASH], uint64_t *torn);
/* Cuts n bytes off. VZ_ESYSTEM. */
int vz_audit_file_cut(int fd, uint64_t n);
/*
 * One write(2). *torn is set to the bytes that are there of a line that does not fit, else 0.
 * VZ_ESYSTEM, with ENOSPC in errno when it was torn.
 */
int vz_audit_file_append(int fd, const void *line, size_t len, uint64_t *torn);

#endif
