/*
 * A program's options as one table: getopt's lists, --help and the completions of shells are all
 * made from it, and scripts/dev/drift holds it against the manual page.
 */
#ifndef VZ_CMD_TABLE_H
#define VZ_CMD_TABLE_H

#include <getopt.h>
#include <stdio.h>

#define OPTION_ROWS_MOST 64 /* of one program, with those that all have */

/* What an argument or an operand is, for shells to complete it. */
enum option_kind {
	KIND_NONE, /* there is none */
	KIND_TEXT, /* anything */
	KIND_FILE,
	KIND_DIR,
	KIND_KEY,     /* vz1... */
	KIND_DEST,    /* whom to send to: names and @groups of `peers`, commas between them */
	KIND_ADDRESS, /* where to listen: a name of `peers` may be a relay's */
	KIND_USER,
	KIND_TIME,
	KIND_SIZE,
	KIND_NUMBER,
	KIND_WORD, /* one of some */
};

struct option_row {
	int val;          /* the letter, or from 256 on where there is none; 0 ends the rows */
	const char *name; /* the long one; NULL: there is none */
	const char *arg;  /* as --help and the page call its argument; NULL: it takes none */
	enum option_kind kind;
	const char *words; /* KIND_WORD: all there are, a blank between two */
	const char *group; /* one of the table's: the task that it belongs to */
	const char *help;  /* in a few words; --help has lines of 39 columns */
	/* --help shows this option and the next one in one line, and says this of both. */
	const char *both;
};

struct option_table {
	const char *program;
	const char *usage;         /* the first lines of --help */
	const char *const *groups; /* their titles in the order of --help, NULL at the end */
	const struct option_row *const *rows; /* lists of rows, NULL at the end */
	enum option_kind first, rest;         /* the operands */
	const char *command; /* the option that makes what is after the operands' "--" a
				command; "" if none is needed, NULL if there is no command */
};

/* The rows of a table, one after the other: begin with {0}; NULL at the end. */
struct option_place {
	unsigned list, row;
};
const struct option_row *table_next(const struct option_table *t, struct option_place *at);

/* What getopt_long(3) wants: no permutation, and ours are the words about errors. */
struct option_lists {
	struct option longs[OPTION_ROWS_MOST + 1];
	char shorts[2 * OPTION_ROWS_MOST + sizeof("+:")];
};
void table_lists(const struct option_table *t, struct option_lists *out);

/*
 * --help: the usage, and below it the options by task in two columns, at most 79 wide.
 */
void table_help(const struct option_table *t, FILE *out);

/* Titles of groups that several programs have. */
#define GROUP_SELF   "Who we are"
#define GROUP_WAY    "Network and system"
#define GROUP_SAID   "What is said"
#define GROUP_RIGHTS "Who may do what"
#define GROUP_MUCH   "For how long, and how much"

/* Rows that several programs have (their values are in cmd/common/options.h). */
extern const struct option_row rows_of_all[];     /* what is said, help */
extern const struct option_row rows_of_network[]; /* who we are, and how we get there */
/* Of programs that send or receive messages, if need be through a relay. */
extern const struct option_row rows_of_messages[];

#endif
