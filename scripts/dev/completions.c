/*
 * Prints what is made of the programs' tables of options:
 *
 *	completions rows		for scripts/dev/drift: a line for each option, of
 *					program, letter, long name, argument and words, tabs between
 *	completions check		nothing, and status 0 if the tables keep their own rules
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/vz-keygen/table.h"

extern const struct option_table listen_table, relay_table, send_table;
static const struct option_table *const tables[] = {
    &keygen_table, &listen_table, &relay_table, &send_table, NULL};

static void
print_rows(const struct option_table *t)
{
	struct option_place at = {0};
	const struct option_row *row;

	while ((row = table_next(t, &at)))
		printf("%s\t%.*s\t%s%s\t%s\t%s\n", t->program, row->val < 256 ? 2 : 0,
		    (char[3]){'-', (char)row->val}, row->name ? "--" : "", row->name ? row->name : "",
		    row->arg ? row->arg : "", row->words ? row->words : "");
}

static bool
has_group(const struct option_table *t, const char *group)
{
	for (unsigned i = 0; t->groups[i]; i++)
		if (group && strcmp(t->groups[i], group) == 0)
			return true;
	return false;
}

static unsigned
broken(const struct option_table *t, const struct option_row *row, const char *rule, bool kept)
{
	if (kept)
		return 0;
	fprintf(stderr, "%s: option %s%c: %s\n", t->program, row->name ? row->name : "-",
	    row->val < 256 ? row->val : ' ', rule);
	return 1;
}

/* What the compiler cannot see. */
static unsigned
check(const struct option_table *t)
{
	struct option_place at = {0};
	const struct option_row *row;
	unsigned n = 0, bad = 0;
	bool seen[1024] = {0};

	for (; (row = table_next(t, &at)); n++) {
		bool paired = !row->both || (row[1].val != 0 && row[1].group &&
		    strcmp(row[1].group, row->group) == 0);

		bad += broken(t, row, "its value is taken", row->val < 1024 && !seen[row->val]);
		seen[row->val & 1023] = true;
		bad += broken(t, row, "needs a letter or a name", row->val < 256 || row->name);
		bad += broken(t, row, "has no group of the table", has_group(t, row->group));
		bad += broken(t, row, "has no help", row->help && *row->help);
		bad += broken(t, row, "an argument and no kind, or the other way round",
		    (row->arg != NULL) == (row->kind != KIND_NONE));
		bad += broken(t, row, "words are for a choice of words",
		    (row->words != NULL) == (row->kind == KIND_WORD));
		bad += broken(t, row, "has no next one to share its line with", paired);
	}
	if (n > OPTION_ROWS_MOST) {
		fprintf(stderr, "%s: has more than %d options\n", t->program, OPTION_ROWS_MOST);
		bad++;
	}
	return bad;
}

int
main(int argc, char **argv)
{
	const char *verb = argc == 2 ? argv[1] : "";
	unsigned bad = 0;

	for (unsigned i = 0; tables[i]; i++) {
		if (strcmp(verb, "rows") == 0)
			print_rows(tables[i]);
		else if (strcmp(verb, "check") == 0)
			bad += check(tables[i]);
		else {
			fputs("usage: completions rows|check\n", stderr);
			return 64;
		}
	}
	return bad || fflush(stdout) != 0 ? 1 : 0;
}
