/*
 * What every program that others connect to says on standard error: words, or with --log-json
 * events. Whatever came from a peer is escaped here.
 */
#ifndef VZ_SERVE_REPORT_H
#define VZ_SERVE_REPORT_H

#include "base/json.h"
#include "cmd/common/self.h"
#include "cmd/serve/caller.h"
#include "net/listen.h"

/* Who it is, for words: the name in the authorised file where there is one. Valid until the next
 * call. */
const char *report_peer(const struct caller *c);
/* Begins an event about it (diag_event). */
struct vz_json *report_event(const char *name, const struct caller *c);
/* Ends an event with what came of it. */
void report_verdict(struct vz_json *j, int status, const void *text, size_t len);

void report_listening(const struct self *me, const struct vz_listener *l);
void report_starved(int sys_errno);
void report_accepted(const struct caller *c);
void report_pushed_out(const struct caller *c);
/* Its source failed so often that it has only so many places left. */
void report_penalised(const struct caller *c, unsigned places);
void report_limited(const struct caller *c, const char *words);
void report_authenticated(const struct caller *c);
void report_refused(const struct caller *c, int status, const char *words);
/* Serials could not be remembered in state_dir. */
void report_memory_failed(const struct caller *c, const char *state_dir, int err);
void report_goodbye(const struct caller *c, int status, const uint8_t *text, size_t len);

#endif
