/*
 * Who looks on at a conversation: told of each handshake message that is made or was verified, and
 * of each frame that is made or has come, before it is judged. For people who look for a fault. A
 * frame's bytes are contents, and are nobody's business who only looks on; what a frame says in
 * words, vz_frame_describe and vz_relay_frame_describe escape.
 */
#ifndef VZ_WIRE_OBSERVER_H
#define VZ_WIRE_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>

struct vz_frame;
struct vz_relay_frame;

struct vz_observer {
	/* Message 1, 2 or 3, of so many bytes; to_relay: of a connection to a relay itself. */
	void (*handshake)(void *arg, bool out, bool to_relay, unsigned message, size_t len);
	void (*frame)(void *arg, bool out, const struct vz_frame *f);
	void (*relay)(void *arg, bool out, const struct vz_relay_frame *f);
	void *arg;
};

#endif
