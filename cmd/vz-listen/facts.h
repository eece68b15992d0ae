/*
 * What a command is told of its message (DESIGN 8; flow/handler_env.h).
 */
#ifndef VZ_LISTEN_FACTS_H
#define VZ_LISTEN_FACTS_H

#include "cmd/vz-listen/visit.h"

/* The environment for a run of the command on `in`; free *out. VZ_ENOMEM. */
int facts_env(const struct incoming *in, char ***out);

#endif
