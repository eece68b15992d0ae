#include "cmd/vz-keygen/keygen.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>
#include "base/err.h"
#include "base/fsutil.h"
#include "base/secret.h"
#include "cmd/common/diag.h"
#include "cmd/common/exit.h"

struct psk {
	uint8_t bytes[VZ_PSK_LEN];
	char line[VZ_PSK_TEXT + 1];
};

static int
save(const struct keygen *k, const char *line, size_t len)
{
	int err = vz_fs_replace(k->path, 0600, !k->force, line, len);

	if (err)
		return keygen_cannot_save(k, err);
	keygen_saved(k, "pre-shared key");
	return 0;
}

/* Past stdio, whose buffer nobody wipes. */
static int
print(const char *line, size_t len)
{
	if (vz_fs_write_all(STDOUT_FILENO, line, len) == 0)
		return 0;
	diag_error("standard output: %s", diag_words(VZ_ESYSTEM));
	return VZ_EXIT_IOERR;
}

int
keygen_psk(const struct keygen *k)
{
	struct psk *psk = vz_secret_new(sizeof(*psk));
	size_t len;
	int err, status;

	if (!psk)
		return keygen_cannot_save(k, VZ_ENOMEM);
	randombytes_buf(psk->bytes, sizeof(psk->bytes));
	err = vz_psk_format(psk->bytes, psk->line, VZ_PSK_TEXT);
	len = strlen(psk->line);
	psk->line[len++] = '\n';
	if (err)
		status = vz_exit_of(err);
	else
		status = k->path[0] ? save(k, psk->line, len) : print(psk->line, len);
	vz_secret_free(psk);
	return status;
}
