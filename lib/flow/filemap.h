/*
 * A regular file seen through a sliding window of mapped memory, which survives the file being cut
 * under it: the one place with a SIGBUS handler (DESIGN 10 item 9).
 */
#ifndef VZ_FLOW_FILEMAP_H
#define VZ_FLOW_FILEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VZ_FILEMAP_MAX 4 /* windows at one time in a process */

struct vz_filemap {
	int fd;          /* borrowed */
	uint64_t start;  /* place in the file of byte 0 */
	uint64_t length; /* bytes from there */
	size_t window;   /* at most so much is mapped */
	uint64_t at;     /* offset of the window's first byte, below 0 by what a page needs */
	uint8_t *base;
	size_t len;
	int slot; /* -1 = no window */
	bool torn;
};

/*
 * Maps the first window, to see whether that can be done. VZ_ESYSTEM (the file system cannot), or
 * VZ_ELIMIT (VZ_FILEMAP_MAX windows are in use). length at least 1; window a multiple of the page.
 */
int vz_filemap_open(struct vz_filemap *m, int fd, uint64_t start, uint64_t length, size_t window);
void vz_filemap_close(struct vz_filemap *m);
/*
 * Contiguous bytes from `offset` on, at least `want` of them unless the file ends before: how many,
 * at *p, until the next call. 0 past the end, or when mapping failed (errno).
 */
size_t vz_filemap_peek(struct vz_filemap *m, uint64_t offset, size_t want, const uint8_t **p);
/* True once a page could not be read and zeros stood in for it: nothing of this file counts. */
bool vz_filemap_torn(struct vz_filemap *m);

#endif
