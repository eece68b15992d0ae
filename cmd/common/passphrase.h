/*
 * Where passphrases come from (DESIGN 4): --passphrase-fd, else $VZ_ASKPASS, else the terminal.
 */
#ifndef VZ_CMD_PASSPHRASE_H
#define VZ_CMD_PASSPHRASE_H

#include "keep/keyfile.h"

struct passphrase_from {
	int fd;              /* one passphrase a line, in the order needed; -1 for none */
	const char *askpass; /* a program run without a shell, the prompt its one argument: the
				first line that it prints; NULL for none */
};

/*
 * A vz_passphrase_fn; arg is a struct passphrase_from. VZ_ELOCKED when there is nobody to ask or
 * they declined, VZ_ELIMIT when it is longer than cap, VZ_EFORMAT when it holds a NUL.
 */
int passphrase_ask(void *arg, const char *path, char *out, size_t cap, size_t *len);
/*
 * A new passphrase for the file at path; asked twice, except from a descriptor. Also VZ_EINVAL:
 * the two differ.
 */
int passphrase_new(
    const struct passphrase_from *from, const char *path, char *out, size_t cap, size_t *len);

#endif
