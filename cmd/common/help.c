/*
 * --help in two columns: each group of options is a block of lines, and the blocks are parted
 * between the columns where that makes the fewest lines.
 */
#include <stdbool.h>
#include <string.h>

#include "cmd/common/table.h"

#define WIDTH      39 /* of a column; a blank is between two */
#define INDENT     1
#define NAMES_MOST 20 /* the words begin at the same place in a group, but not further right */
#define LINES_MOST (2 * OPTION_ROWS_MOST)

struct page {
	char line[LINES_MOST][WIDTH + 1];
	unsigned lines;
	unsigned block[OPTION_ROWS_MOST]; /* where each group begins */
	unsigned blocks;
};

static char *
new_line(struct page *p)
{
	char *line = p->line[p->lines < LINES_MOST - 1 ? p->lines++ : p->lines];

	*line = '\0';
	return line;
}

/* Adds " -x, --name ARG" to a line. */
static void
add_names(char *line, const struct option_row *row, bool with_arg)
{
	char names[WIDTH + 1];
	size_t n = strlen(line);

	snprintf(names, sizeof(names), "%.*s%s%s%s%s%s", row->val < 256 ? 2 : 0,
	    (char[3]){'-', (char)row->val}, row->val < 256 && row->name ? ", " : "",
	    row->name ? "--" : "", row->name ? row->name : "", with_arg && row->arg ? " " : "",
	    with_arg && row->arg ? row->arg : "");
	snprintf(line + n, WIDTH + 1 - n, "%s%s", n > INDENT ? ", " : "", names);
}

/* The names that a line begins with; *row moves to the last option that it is about. */
static void
line_of_names(char *line, const struct option_row **row)
{
	const struct option_row *first = *row;

	snprintf(line, WIDTH + 1, "%*s", INDENT, "");
	if (!first->both) {
		add_names(line, first, true);
		return;
	}
	*row = first + 1;
	add_names(line, first, !first->arg || !(*row)->arg || strcmp(first->arg, (*row)->arg) != 0);
	add_names(line, *row, true);
}

/* Where the words of a group begin. */
static unsigned
words_at(const struct option_table *t, const char *group)
{
	struct option_place at = {0};
	const struct option_row *row;
	char line[WIDTH + 1];
	size_t most = 0;

	while ((row = table_next(t, &at))) {
		if (strcmp(row->group, group) != 0)
			continue;
		at.row += row->both != NULL;
		line_of_names(line, &row);
		if (strlen(line) + 2 > most && strlen(line) + 2 <= NAMES_MOST)
			most = strlen(line) + 2;
	}
	return (unsigned)most;
}

/* How many bytes of the words go into `room`: whole words; 0 if not even one does. */
static size_t
fitting(const char *words, size_t room)
{
	size_t n = strlen(words);

	if (n <= room)
		return n;
	for (n = room; n > 0 && words[n] != ' ';)
		n--;
	return n;
}

/* Puts words behind the names, as many to a line as fit; those of further lines below the first. */
static void
add_words(struct page *p, char *line, const char *words, unsigned at)
{
	size_t n = strlen(line), begin = n + 2 > at ? n + 2 : at;

	for (;;) {
		size_t room = begin < WIDTH ? WIDTH - begin : 0, take = fitting(words, room);

		/* What has a whole line and does not fit is cut. */
		if (take == 0 && begin == at)
			take = room;
		if (take > 0)
			snprintf(line + n, WIDTH + 1 - n, "%*s%.*s", (int)(begin - n), "",
			    (int)take, words);
		words += take;
		words += strspn(words, " ");
		if (!*words)
			return;
		line = new_line(p);
		n = 0;
		begin = at;
	}
}

static void
add_group(struct page *p, const struct option_table *t, const char *group)
{
	unsigned begin = words_at(t, group);
	struct option_place at = {0};
	const struct option_row *row;

	p->block[p->blocks++] = p->lines;
	snprintf(new_line(p), WIDTH + 1, "%s:", group);
	while ((row = table_next(t, &at))) {
		const char *words = row->both ? row->both : row->help;
		char *line;

		if (strcmp(row->group, group) != 0)
			continue;
		at.row += row->both != NULL;
		line = new_line(p);
		line_of_names(line, &row);
		add_words(p, line, words, begin);
	}
}

/* How many lines both columns have when the second one begins with block i. */
static unsigned
lines_with(const struct page *p, unsigned i)
{
	unsigned left = p->block[i], right = p->lines - left;

	return left > right ? left : right;
}

void
table_help(const struct option_table *t, FILE *out)
{
	static struct page page;
	struct page *p = &page;
	unsigned best = 0, half;

	p->lines = p->blocks = 0;
	for (unsigned i = 0; t->groups[i]; i++)
		add_group(p, t, t->groups[i]);
	for (unsigned i = 1; i < p->blocks; i++)
		if (lines_with(p, i) < lines_with(p, best))
			best = i;
	half = p->block[best];
	fputs(t->usage, out);
	for (unsigned i = 0; i < lines_with(p, best); i++) {
		const char *left = i < half ? p->line[i] : "";
		const char *right = half + i < p->lines ? p->line[half + i] : "";

		fprintf(out, "%-*s%s%s\n", *right ? WIDTH : 0, left, *right ? " " : "", right);
	}
}
