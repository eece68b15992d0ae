/*
 * The options of vz-keygen, and the values of those that have no letter.
 */
#ifndef VZ_KEYGEN_TABLE_H
#define VZ_KEYGEN_TABLE_H

#include "cmd/common/options.h"

enum keygen_long {
	OPT_AGENT = OPT_PROGRAM,
	OPT_FORCE,
	OPT_HEAD,
	OPT_IMPORT_SSH,
	OPT_OPEN,
	OPT_PASSPHRASE,
	OPT_PSK,
	OPT_ROTATE,
	OPT_SSH,
	OPT_VERIFY_AUDIT,
};

extern const struct option_table keygen_table;

#endif
