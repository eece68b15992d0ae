/*
 * Where --ask asks: the terminal that we were started from, whatever standard input and output are.
 * What is written is not waited for, and so never holds anybody up.
 */
#ifndef VZ_LISTEN_ASK_SCREEN_H
#define VZ_LISTEN_ASK_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "id/key.h"

#define ASK_LINE_MAX 400 /* bytes of an answer */

struct ask_screen {
	int fd;      /* -1: there is none */
	pid_t group; /* ours: others have the terminal while it is not in front */
	char line[ASK_LINE_MAX];
	size_t len;
	bool too_long; /* the rest of the line is passed over */
};

/* Before the sandbox closes; also while we are in the background. False: there is no terminal. */
bool ask_screen_open(struct ask_screen *s);
void ask_screen_close(struct ask_screen *s);
/*
 * Who it is, and the prompt; what was typed before is forgotten. remote is ours, path where a yes
 * is remembered, NULL = nowhere.
 */
void ask_screen_question(
    struct ask_screen *s, const struct vz_key *key, const char *remote, const char *path);
void ask_screen_prompt(struct ask_screen *s, bool remembered);
/* Leaves the prompt, which nobody answers any more. */
void ask_screen_newline(struct ask_screen *s);
/* A line of ours, after an answer or instead of one. */
void ask_screen_say(struct ask_screen *s, const char *words);

enum ask_read {
	ASK_READ_MORE,   /* no line yet */
	ASK_READ_LINE,   /* s->line is one, without its end; call again */
	ASK_READ_END,    /* end of file was typed */
	ASK_READ_BEHIND, /* others have the terminal now */
	ASK_READ_GONE,   /* it is gone */
};
enum ask_read ask_screen_read(struct ask_screen *s);

#endif
