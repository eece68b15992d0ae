/*
 * A Unix socket to listen on, in the file system.
 */
#ifndef VZ_NET_UNIX_H
#define VZ_NET_UNIX_H

#include <sys/types.h>

/*
 * Makes, binds and listens; the file has exactly this mode from its first moment. A socket file
 * that is there already is replaced when nobody answers on it. *dev and *ino are the file's.
 * VZ_EEXISTS (somebody answers), VZ_EMODE (a file that is no socket), VZ_ELIMIT, VZ_ESYSTEM.
 */
int vz_unix_listen(const char *path, mode_t mode, int *fd, dev_t *dev, ino_t *ino);
/*
 * The same, and a listener that is there loses its name at once, so that there is none in between
 * that nobody answers on. What has come to it stays with it. VZ_EMODE: something that is no socket.
 */
int vz_unix_take_over(const char *path, mode_t mode, int *fd, dev_t *dev, ino_t *ino);
/* Unlinks path if it is still that file. Call before the close: while the socket is open, no other
 * file can have its inode number. */
void vz_unix_unlink(const char *path, dev_t dev, ino_t ino);

#endif
