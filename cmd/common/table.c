#include "cmd/common/table.h"

#include <assert.h>

const struct option_row *
table_next(const struct option_table *t, struct option_place *at)
{
	while (t->rows[at->list]) {
		const struct option_row *row = &t->rows[at->list][at->row];

		if (row->val != 0) {
			at->row++;
			return row;
		}
		at->list++;
		at->row = 0;
	}
	return NULL;
}

void
table_lists(const struct option_table *t, struct option_lists *out)
{
	struct option_place at = {0};
	const struct option_row *row;
	struct option *o = out->longs;
	char *c = out->shorts;

	*c++ = '+';
	*c++ = ':';
	for (unsigned n = 0; (row = table_next(t, &at)); n++) {
		assert(n < OPTION_ROWS_MOST);
		if (row->name)
			*o++ = (struct option){
			    row->name, row->arg ? required_argument : no_argument, NULL, row->val};
		if (row->val >= 256)
			continue;
		*c++ = (char)row->val;
		if (row->arg)
			*c++ = ':';
	}
	*c = '\0';
	*o = (struct option){0};
}
