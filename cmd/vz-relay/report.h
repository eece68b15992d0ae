/*
 * What vz-relay says on standard error beside what all do (cmd/serve/report.h): words, or with
 * --log-json events (vz-relay(1) EVENTS); and what it records with --audit.
 */
#ifndef VZ_RELAY_REPORT_H
#define VZ_RELAY_REPORT_H

#include "cmd/serve/report.h"
#include "cmd/vz-relay/client.h"

void report_draining(const struct relay *rl);
void report_drained(const struct relay *rl, bool complete);
/* It is in. */
void report_in(const struct client *c);
/* It is refused, and hears so. */
void report_denied(const struct client *c, int status, const char *words);
/* Its right is gone. */
void report_out(const struct client *c, const char *words);
/* A request of its mailbox was answered. */
void report_mail(const struct client *c, const struct vz_relay_event *ev, uint8_t status,
    const char *words, uint64_t number);
void report_registered(const struct client *c);
/* It is gone. */
void report_gone(const struct client *c);
/* Two are joined in a match, and are so no more. */
void report_joined(const struct client *sender, const struct client *listener);
void report_parted(const struct client *sender, const struct client *listener, uint64_t there,
    uint64_t back, int err);

#endif
