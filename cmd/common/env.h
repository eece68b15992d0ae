/*
 * What a program takes from its surroundings before anything else: the standard descriptors and
 * the environment.
 */
#ifndef VZ_CMD_ENV_H
#define VZ_CMD_ENV_H

#include <stdbool.h>
#include "keep/paths.h"

/*
 * First thing in main. A closed descriptor 0, 1 or 2 would be taken by the next file opened, which
 * would then be read or written as if it were the terminal: closed ones are filled so that reading
 * 0 and writing 1 fail with EBADF. Exits with 71 when that is impossible.
 */
void env_open_std(void);
/* True when standard output was closed at the start. */
bool env_stdout_closed(void);

/* The variables that name files, read once; empty counts as unset. Valid while the program runs. */
const struct vz_paths_env *env_paths(void);
/* $LOGNAME, or NULL: who one says to be, for names that people read. */
const char *env_user(void);
/* $VZ_ASKPASS, or NULL. */
const char *env_askpass(void);
/* $SSH_AUTH_SOCK, or NULL. */
const char *env_agent(void);
/* Where the agent is that holds our key is no affair of those who are started from here on. */
void env_hide_agent(void);
/* $TERM, or NULL. */
const char *env_term(void);
/* $NO_COLOR is set, to whatever. */
bool env_no_color(void);

#endif
