/*
 * The one error vocabulary of the library (DESIGN law 5).
 *
 * A library function returns 0 (or a count) on success and one of these negative codes on failure.
 * It never prints and never exits; cmd/common turns codes into words and exit statuses.
 */
#ifndef VZ_BASE_ERR_H
#define VZ_BASE_ERR_H

enum vz_err {
	VZ_OK = 0,
	VZ_ENOMEM = -1,     /* out of memory */
	VZ_ESYSTEM = -2,    /* a system call failed; errno says why */
	VZ_EINVAL = -3,     /* the caller broke the function's contract: a bug */
	VZ_EFORMAT = -4,    /* malformed text or bytes */
	VZ_ELIMIT = -5,     /* over a documented limit */
	VZ_EAUTH = -6,      /* a tag, signature or public point does not verify */
	VZ_EPROTO = -7,     /* a well-formed frame that is illegal in this state */
	VZ_EMODE = -8,      /* file or folder permissions or type unsafe */
	VZ_ENOTFOUND = -9,  /* no such file, name or entry */
	VZ_EEXISTS = -10,   /* it is there already */
	VZ_ELOCKED = -11,   /* a passphrase is needed, or is wrong */
	VZ_EREVOKED = -12,  /* the key is on the revoked list */
	VZ_EDENIED = -13,   /* the key is not authorised for this */
	VZ_EEXPIRED = -14,  /* past its not-after */
	VZ_EROLLBACK = -15, /* an older serial than one already seen */
	VZ_ECLASH = -16,    /* the same serial with other bytes: two hosts share an identity */
	VZ_EFULL = -17,     /* a bounded table is full */
	VZ_ETIMEOUT = -18,  /* a bounded wait is over */
	VZ_ECLOSED = -19,   /* the other side ended the session */
	VZ_ECUT = -20,      /* the connection ended without an authenticated end */
	VZ_EMISMATCH = -21, /* another key than the one called */
	VZ_ECHANGED = -22,  /* a file changed while it was used */
	VZ_EPENDING = -23,  /* asked, and not answered yet: ask again when told to */
	VZ_ESIGNER = -24,   /* whoever holds the identity's key did not sign */
};

/* The words for a code: lower case, no full stop, static storage. Unknown codes get a generic text.
 */
const char *vz_strerror(int code);

#endif
