/*
 * Between ledger.c, what is kept, and ledger_open.c, the database that keeps it.
 */
#ifndef VZ_KEEP_LEDGER_IMPL_H
#define VZ_KEEP_LEDGER_IMPL_H

#include "keep/database.h"
#include "keep/ledger.h"

enum ledger_statement {
	LEDGER_BEGIN,
	LEDGER_COMMIT,
	LEDGER_ROLLBACK,
	LEDGER_FIND,
	LEDGER_ENTRIES,
	LEDGER_COUNT_OF_PEER,
	LEDGER_COUNT,
	LEDGER_PUT_STREAM,
	LEDGER_PUT,
	LEDGER_PRUNE,
	LEDGER_DROP,
	LEDGER_FORGET,
	LEDGER_OLD,
	LEDGER_FILES,
	LEDGER_FORGET_ID,
	LEDGER_STATEMENTS
};

struct vz_ledger {
	struct vz_database d;
};

#endif
