/*
 * What the files of a client share: client.c (its turns), client_io.c, client_end.c.
 */
#ifndef VZ_RELAY_CLIENT_IMPL_H
#define VZ_RELAY_CLIENT_IMPL_H

#include "cmd/vz-relay/client.h"

/* Read and dropped in silence, at most. */
#define CLIENT_SILENT_MAX 4096

uint64_t client_now(const struct client *c);

/* One read; what there is no use for goes. */
void client_read(struct client *c);
void client_read_and_drop(struct client *c);
/* Writes what there is, and what that makes room for. */
void client_write(struct client *c);

/* It is over, and freed at the end of its turn. */
void client_end(struct client *c, int err);
/* Its last words are said: they are sent, and that is all. */
void client_begin_closing(struct client *c, int err);
/* The protocol failed with err: told to whom has proved a key, kept from others. */
void client_failed(struct client *c, int err);

#endif
