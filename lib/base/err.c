#include "base/err.h"

const char *
vz_strerror(int code)
{
	/* No default label: the compiler names a code that has no words. */
	switch ((enum vz_err)code) {
	case VZ_OK: return "all is well";
	case VZ_ENOMEM: return "out of memory";
	case VZ_ESYSTEM: return "the system refused";
	case VZ_EINVAL: return "a bug in this program: wrong use of its library";
	case VZ_EFORMAT: return "not in the expected form";
	case VZ_ELIMIT: return "over the limit";
	case VZ_EAUTH: return "does not verify: damaged, forged, or another key";
	case VZ_EPROTO: return "the other side broke the protocol";
	case VZ_EMODE: return "unsafe owner, permissions or kind of file";
	case VZ_ENOTFOUND: return "not found";
	case VZ_EEXISTS: return "exists already";
	case VZ_ELOCKED: return "passphrase missing or wrong";
	case VZ_EREVOKED: return "the key is revoked";
	case VZ_EDENIED: return "the key is not authorised";
	case VZ_EEXPIRED: return "expired";
	case VZ_EROLLBACK: return "older than what was seen before";
	case VZ_ECLASH: return "two hosts seem to share this identity";
	case VZ_EFULL: return "no room left in a table";
	case VZ_ETIMEOUT: return "timed out";
	case VZ_ECLOSED: return "the other side ended the session";
	case VZ_ECUT: return "the connection was cut";
	case VZ_EMISMATCH: return "answered by another key than the one called";
	case VZ_ECHANGED: return "the file changed while it was used";
	case VZ_EPENDING: return "not answered yet";
	case VZ_ESIGNER: return "not signed by whoever holds the identity's key";
	}
	return "unknown error";
}
