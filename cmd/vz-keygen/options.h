/*
 * The command line of vz-keygen.
 */
#ifndef VZ_KEYGEN_OPTIONS_H
#define VZ_KEYGEN_OPTIONS_H

#include "cmd/vz-keygen/keygen.h"

#define KEYGEN_NAME "vz-keygen"

/*
 * Fills *k from the command line, but for the path, and where a passphrase is asked for; a usage
 * error does not return. Borrows argv.
 */
void keygen_options_parse(struct keygen *k, int argc, char **argv);

#endif
