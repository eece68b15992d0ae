#include "cmd/common/exit.h"

#include <stddef.h>
#include "base/err.h"

static const struct row {
	int err;
	unsigned char own, peer;
} table[] = {
    {VZ_OK, VZ_EXIT_OK, VZ_EXIT_OK},
    {VZ_ENOMEM, VZ_EXIT_OSERR, VZ_EXIT_OSERR},
    {VZ_ESYSTEM, VZ_EXIT_OSERR, VZ_EXIT_OSERR},
    {VZ_EINVAL, VZ_EXIT_SOFTWARE, VZ_EXIT_SOFTWARE},
    {VZ_EFORMAT, VZ_EXIT_CONFIG, VZ_EXIT_PROTOCOL},
    {VZ_ELIMIT, VZ_EXIT_CONFIG, VZ_EXIT_PROTOCOL},
    {VZ_EAUTH, VZ_EXIT_CONFIG, VZ_EXIT_PROTOCOL},
    {VZ_EPROTO, VZ_EXIT_PROTOCOL, VZ_EXIT_PROTOCOL},
    {VZ_EMODE, VZ_EXIT_CONFIG, VZ_EXIT_CONFIG},
    {VZ_ENOTFOUND, VZ_EXIT_CONFIG, VZ_EXIT_NOHOST},
    {VZ_EEXISTS, VZ_EXIT_CANTCREAT, VZ_EXIT_CANTCREAT},
    {VZ_ELOCKED, VZ_EXIT_CONFIG, VZ_EXIT_CONFIG},
    {VZ_EREVOKED, VZ_EXIT_REFUSED, VZ_EXIT_REFUSED},
    {VZ_EDENIED, VZ_EXIT_REFUSED, VZ_EXIT_REFUSED},
    {VZ_EEXPIRED, VZ_EXIT_REFUSED, VZ_EXIT_REFUSED},
    {VZ_EROLLBACK, VZ_EXIT_REFUSED, VZ_EXIT_REFUSED},
    {VZ_ECLASH, VZ_EXIT_REFUSED, VZ_EXIT_REFUSED},
    {VZ_EFULL, VZ_EXIT_TEMPFAIL, VZ_EXIT_TEMPFAIL},
    {VZ_ETIMEOUT, VZ_EXIT_TEMPFAIL, VZ_EXIT_TEMPFAIL},
    {VZ_ECLOSED, VZ_EXIT_UNAVAILABLE, VZ_EXIT_UNAVAILABLE},
    {VZ_ECUT, VZ_EXIT_DATA, VZ_EXIT_DATA},
    {VZ_EMISMATCH, VZ_EXIT_PROTOCOL, VZ_EXIT_PROTOCOL},
    {VZ_ECHANGED, VZ_EXIT_NOINPUT, VZ_EXIT_NOINPUT},
    {VZ_EPENDING, VZ_EXIT_TEMPFAIL, VZ_EXIT_TEMPFAIL},
    {VZ_ESIGNER, VZ_EXIT_CONFIG, VZ_EXIT_CONFIG},
};

static const struct row *
row_of(int err)
{
	static const struct row bug = {VZ_EINVAL, VZ_EXIT_SOFTWARE, VZ_EXIT_SOFTWARE};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].err == err)
			return &table[i];
	return &bug;
}

int
vz_exit_of(int err)
{
	return row_of(err)->own;
}

int
vz_exit_of_peer(int err)
{
	return row_of(err)->peer;
}
