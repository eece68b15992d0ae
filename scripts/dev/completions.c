/*
 * Prints what is made of the programs' tables of options:
 *
 *	completions bash|fish PROGRAM	what completions/vz.bash or vz.fish goes below
 *	completions zsh			the same for vz.zsh, of all programs
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

/* What the shells' parts call each kind. */
static const char *const kinds[] = {
    [KIND_NONE] = "none",
    [KIND_TEXT] = "text",
    [KIND_FILE] = "file",
    [KIND_DIR] = "dir",
    [KIND_KEY] = "key",
    [KIND_DEST] = "dest",
    [KIND_ADDRESS] = "address",
    [KIND_USER] = "user",
    [KIND_TIME] = "time",
    [KIND_SIZE] = "size",
    [KIND_NUMBER] = "number",
    [KIND_WORD] = "word",
};

/* In single quotes, for a shell that knows no escapes there (bash, zsh) or some (fish). */
static void
quoted(const char *text, bool fish)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'')
			fputs(fish ? "\\'" : "'\\''", stdout);
		else if (*text == '\\' && fish)
			fputs("\\\\", stdout);
		else
			putchar(*text);
	}
	putchar('\'');
}

/* -x and --name, with this between two. */
static void
print_names(const struct option_row *row, const char *between)
{
	if (row->val < 256)
		printf("-%c%s", row->val, row->name ? between : "");
	if (row->name)
		printf("--%s", row->name);
}

static void
print_rows(const struct option_table *t)
{
	struct option_place at = {0};
	const struct option_row *row;

	while ((row = table_next(t, &at)))
		printf("%s\t%.*s\t%s%s\t%s\t%s\n", t->program, row->val < 256 ? 2 : 0,
		    (char[3]){'-', (char)row->val}, row->name ? "--" : "",
		    row->name ? row->name : "", row->arg ? row->arg : "",
		    row->words ? row->words : "");
}

/* A function that says what an option takes, what the operands are, and which options there are. */
static void
print_bash(const struct option_table *t)
{
	struct option_place at = {0};
	const struct option_row *row;

	printf("# Completion of %s for bash, made from its table of options.\n", t->program);
	printf("complete -F _vz %s\n", t->program);
	printf("_vz_table_%.*s_%s() {\n\tcase $1 in\n", 2, t->program, t->program + 3);
	while ((row = table_next(t, &at))) {
		if (!row->arg)
			continue;
		putchar('\t');
		print_names(row, " | ");
		printf(
		    ") kind=%s choices='%s' ;;\n", kinds[row->kind], row->words ? row->words : "");
	}
	printf("\t*) kind='' choices='' ;;\n\tesac\n");
	printf("\tfirst=%s rest=%s command=%s\n\toptions='", kinds[t->first], kinds[t->rest],
	    !t->command       ? "none"
		: *t->command ? t->command
			      : "after");
	for (at = (struct option_place){0}; (row = table_next(t, &at));) {
		print_names(row, " ");
		putchar(' ');
	}
	printf("'\n}\n\n");
}

/* One of _arguments' words: '*--name=[help]:ARG:action'; each may be given again. */
static void
print_spec(const struct option_row *row, const char *name, const char *ends)
{
	static const char *const actions[] = {
	    [KIND_FILE] = "_files",
	    [KIND_DIR] = "_files -/",
	    [KIND_DEST] = "_vz_dest",
	    [KIND_ADDRESS] = "_vz_address",
	    [KIND_USER] = "_users",
	    [KIND_WORD] = NULL,
	};
	char spec[512];
	int n = snprintf(spec, sizeof(spec), "*%s%s[%s]", name, row->arg ? ends : "", row->help);

	if (row->words)
		snprintf(spec + n, sizeof(spec) - (size_t)n, ":%s:(%s)", row->arg, row->words);
	else if (row->arg)
		snprintf(spec + n, sizeof(spec) - (size_t)n, ":%s:%s", row->arg,
		    row->kind < sizeof(actions) / sizeof(actions[0]) && actions[row->kind]
			? actions[row->kind]
			: " ");
	printf("\n\t\t");
	quoted(spec, false);
}

static void
print_zsh(const struct option_table *t)
{
	struct option_place at = {0};
	const struct option_row *row;
	char name[64];

	printf("_vz_table_%s() {\n\tfirst=%s rest=%s command=%s\n\tspecs=(", t->program,
	    kinds[t->first], kinds[t->rest],
	    !t->command       ? "none"
		: *t->command ? t->command
			      : "after");
	while ((row = table_next(t, &at))) {
		if (row->val < 256) {
			snprintf(name, sizeof(name), "-%c", row->val);
			print_spec(row, name, "+");
		}
		if (row->name) {
			snprintf(name, sizeof(name), "--%s", row->name);
			print_spec(row, name, "=");
		}
	}
	printf("\n\t)\n}\n\n");
}

static void
print_fish(const struct option_table *t)
{
	static const char *const from[] = {
	    [KIND_FILE] = "-F",
	    [KIND_DIR] = "-f -a '(__fish_complete_directories (commandline -ct))'",
	    [KIND_DEST] = "-f -a '(__vz_dests)'",
	    [KIND_ADDRESS] = "-f -a '(__vz_names)'",
	    [KIND_USER] = "-f -a '(__fish_complete_users)'",
	    [KIND_WORD] = NULL,
	};
	struct option_place at = {0};
	const struct option_row *row;

	printf("# Completion of %s for fish, made from its table of options.\n", t->program);
	printf("function __vz_table_%s\n\tset -g __vz_first %s\n\tset -g __vz_rest %s\n"
	       "\tset -g __vz_command %s\n\tset -g __vz_takes",
	    t->program, kinds[t->first], kinds[t->rest],
	    !t->command       ? "none"
		: *t->command ? t->command
			      : "after");
	while ((row = table_next(t, &at)))
		if (row->arg) {
			putchar(' ');
			print_names(row, " ");
		}
	printf("\nend\n");
	for (at = (struct option_place){0}; (row = table_next(t, &at));) {
		printf("complete -c %s -n '__vz_is option'", t->program);
		if (row->val < 256)
			printf(" -s %c", row->val);
		if (row->name)
			printf(" -l %s", row->name);
		if (row->words)
			printf(" -r -f -a '%s'", row->words);
		else if (row->arg)
			printf(" -r %s",
			    row->kind < sizeof(from) / sizeof(from[0]) && from[row->kind]
				? from[row->kind]
				: "-f");
		printf(" -d ");
		quoted(row->help, true);
		putchar('\n');
	}
	printf("complete -c %s -f\n", t->program);
	printf("complete -c %s -n '__vz_is dest' -a '(__vz_dests)'\n", t->program);
	printf("complete -c %s -n '__vz_is address' -a '(__vz_names)'\n", t->program);
	printf("complete -c %s -n '__vz_is file' -F\n", t->program);
	printf("complete -c %s -n '__vz_is command' -a '(__vz_subcommand)'\n\n", t->program);
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
		bool paired = !row->both ||
		    (row[1].val != 0 && row[1].group && strcmp(row[1].group, row->group) == 0);

		bad += broken(t, row, "its value is taken",
		    row->val > 0 && row->val < 1024 && !seen[row->val]);
		seen[row->val & 1023] = true;
		bad += broken(t, row, "needs a letter or a name", row->val < 256 || row->name);
		bad += broken(t, row, "has no group of the table", has_group(t, row->group));
		bad += broken(t, row, "has no help, or what zsh would trip over",
		    row->help && *row->help && !strpbrk(row->help, "[]\\"));
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

static void
each(void (*print)(const struct option_table *t), const char *only)
{
	for (unsigned i = 0; tables[i]; i++)
		if (!only || strcmp(tables[i]->program, only) == 0)
			print(tables[i]);
}

int
main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "", *only = argc > 2 ? argv[2] : NULL;
	unsigned bad = 0;

	if (strcmp(verb, "bash") == 0 && only)
		each(print_bash, only);
	else if (strcmp(verb, "fish") == 0 && only)
		each(print_fish, only);
	else if (strcmp(verb, "zsh") == 0) {
		printf("#compdef");
		for (unsigned i = 0; tables[i]; i++)
			printf(" %s", tables[i]->program);
		printf("\n# Completion for zsh, made from the programs' tables of options.\n\n");
		each(print_zsh, NULL);
	} else if (strcmp(verb, "rows") == 0)
		each(print_rows, only);
	else if (strcmp(verb, "check") == 0)
		for (unsigned i = 0; tables[i]; i++)
			bad += check(tables[i]);
	else {
		fputs("usage: completions bash|fish PROGRAM | zsh | rows | check\n", stderr);
		return 64;
	}
	return bad || fflush(stdout) != 0 ? 1 : 0;
}
