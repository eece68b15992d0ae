/*
 * vz-keygen: what the options ask for, and the function for each mode. Each reports its own
 * failures and returns the exit status.
 */
#ifndef VZ_KEYGEN_H
#define VZ_KEYGEN_H

#include <stdbool.h>
#include "cmd/common/options.h"
#include "cmd/common/passphrase.h"
#include "crypto/sign.h"
#include "id/openssh_key.h"

enum keygen_mode {
	KEYGEN_MAKE,
	KEYGEN_SHOW,
	KEYGEN_FINGERPRINT,
	KEYGEN_PASSPHRASE,
	KEYGEN_PSK,
	KEYGEN_ROTATE,
	KEYGEN_OPEN,
	KEYGEN_AUDIT,
	KEYGEN_IMPORT,
	KEYGEN_HELD,
	KEYGEN_SIGN,
	KEYGEN_VERIFY,
	KEYGEN_CHECK,
	KEYGEN_FIND,
};

struct vz_agent;

/* Whose the key of a new identity is. */
struct keygen_of {
	const uint8_t *seed;    /* that of a key that there is; or */
	struct vz_agent *agent; /* who holds it */
	struct vz_key key;      /* ... and which one it is */
};

/* What -Y is told, in the letters of ssh-keygen; NULL is what was not given. */
struct keygen_signature {
	const char *ns;        /* -n */
	const char *principal; /* -I */
	const char *file;      /* -s */
	const char *revoked;   /* -r */
	int64_t at;            /* -O verify-time, Unix seconds; 0 = now */
	bool print_key;        /* -O print-pubkey */
};

struct keygen {
	struct common common;
	enum keygen_mode mode;
	char path[4096];      /* the identity file; with --psk the output, "" = stdout; with
				 --verify-audit the one that signed, "" = any; with -Y but sign the
				 allowed signers */
	const char *comment;  /* -C, or "" */
	bool force;           /* --force */
	bool want_passphrase; /* --passphrase or --passphrase-fd */
	bool ssh;             /* --ssh */
	const char *audit;    /* --verify-audit, or NULL */
	char *const *more;    /* the operands: audit files after that, or what is to be signed */
	const char *sealed;   /* --open, or NULL */
	const char *imported; /* --import-ssh, or NULL */
	const char *held;     /* --agent, or NULL */
	struct keygen_signature signature;
	const char *head; /* --head in lower case, or NULL */
	struct passphrase_from from;
};

/* Makes an identity, saves it, prints its vz1... key. */
int keygen_make(const struct keygen *k);
/* --import-ssh: the same of the key in an OpenSSH private key file. */
int keygen_import(const struct keygen *k);
/* --agent: the same of a key that an ssh-agent holds, and keeps. */
int keygen_make_held(const struct keygen *k);
/* -y: prints the public key. */
int keygen_show(const struct keygen *k);
/* -l: prints the fingerprint as ssh-keygen -l does, and with -v the random art. */
int keygen_fingerprint(const struct keygen *k);
/* -p: changes, adds or removes the passphrase. */
int keygen_passphrase(const struct keygen *k);
/* --psk: makes a pre-shared key. */
int keygen_psk(const struct keygen *k);
/* --rotate: replaces the keys that are not the identity itself. */
int keygen_rotate(const struct keygen *k);
/* --open: prints the body of a sealed message. */
int keygen_open(const struct keygen *k);
/* --verify-audit: prints the number of lines and the hash of the last. */
int keygen_verify_audit(const struct keygen *k);

/* -Y sign: signs files or standard input. */
int keygen_sign(const struct keygen *k);
/* -Y verify and -Y check-novalidate: verify a signature of standard input. */
int keygen_verify(const struct keygen *k);
/* -Y find-principals: prints who may have made a signature. */
int keygen_find(const struct keygen *k);

/*
 * signature.c: the signature file of -s, read but not proved. 0, or the exit status of what was
 * reported.
 */
int keygen_read_signature(const struct keygen *k, struct vz_sshsig *out);
/* The hash of all that can be read from fd (64 bytes, hash_bits / 8 used). A VZ_E... code. */
int keygen_digest(int fd, int hash_bits, uint8_t digest[static 64]);
/* Why the allowed signers or revoked keys at path cannot be used; the exit status. */
int keygen_cannot_use(const char *path, int err, unsigned line);
/* What is to be told of a line of the allowed signers (vz_allowed_report_fn; arg is a keygen). */
void keygen_tell_line(void *arg, unsigned line, const char *why);
/* Prints a key for -O print-pubkey. */
void keygen_print_key(const struct vz_key *key);

/* report.c: says that reading k->path failed; the exit status. */
int keygen_cannot_read(const struct keygen *k, int err);
/* Says that writing it failed; the exit status. */
int keygen_cannot_save(const struct keygen *k, int err);
/* Says that `what` is in k->path now. */
void keygen_saved(const struct keygen *k, const char *what);
/* What one does with a new key, ready to be pasted: for who made it by hand, at a terminal. */
void keygen_tell_next(const struct keygen *k, const char *key);
/* Without --force an existing k->path is reported; 0 or the exit status. */
int keygen_check_free(const struct keygen *k);

/* Makes an identity of that key (NULL: a new one), asks for a passphrase if one is wanted, saves it
 * and prints its key. */
int keygen_make_of(const struct keygen *k, const struct keygen_of *of, const char *comment);
/*
 * import.c: reads the OpenSSH private key file at path, and says what is wrong with it. 0 and *out,
 * to be freed by vz_secret_free, or the exit status.
 */
int keygen_read_openssh(const char *path, struct vz_openssh_key **out);

/*
 * A new passphrase into out, which takes VZ_PASSPHRASE_MAX bytes of guarded memory. 0, or the exit
 * status of what was reported.
 */
int keygen_ask_new(const struct keygen *k, bool may_be_empty, char *out, size_t *len);

#endif
