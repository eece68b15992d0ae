/*
 * What a program gives up once it has opened what it needs (vz.7, SANDBOX): core dumps, new
 * privileges, files (Landlock), system calls (seccomp). Each layer is there or not by kernel and
 * build; what is missing is told, and the caller decides. Nothing here can be undone.
 */
#ifndef VZ_GUARD_SANDBOX_H
#define VZ_GUARD_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which system calls are left (scripts/dev/filters.c). */
enum vz_sandbox_filter {
	VZ_SANDBOX_SEND,      /* connects, and ends a command that runs already */
	VZ_SANDBOX_SEND_LATE, /* the same, and may still map a library (dlopen(3)) */
	VZ_SANDBOX_LISTEN,    /* accepts, and neither connects, forks nor signals */
	VZ_SANDBOX_LISTEN_AT, /* the same at a relay: connects */
	VZ_SANDBOX_RELAY,     /* accepts, and begins threads, but no processes */
	VZ_SANDBOX_NAMES,     /* getaddrinfo(3) in children: opens for reading only */
};

/* What a path, and all below it when it is a folder, is left for. */
#define VZ_SANDBOX_READ  1u
#define VZ_SANDBOX_WRITE 2u /* writing, and making files and folders */
#define VZ_SANDBOX_TAKE  4u /* removing and renaming files */
#define VZ_SANDBOX_LIST  8u /* opening folders themselves */

struct vz_sandbox_path {
	char *path;
	unsigned access;
};

/* Zero it, then add. */
struct vz_sandbox {
	enum vz_sandbox_filter filter;
	bool signals;  /* processes started before the close may be signalled */
	bool abstract; /* Unix sockets without a file may be connected to */
	struct vz_sandbox_path *paths;
	size_t n_paths, cap_paths;
	uint16_t *ports; /* the only ones that TCP may connect to; it may bind none */
	size_t n_ports;
};

/*
 * Leaves a path. One that does not exist then is not left, also
 * when it comes into being later: leave its folder. VZ_ENOMEM.
 */
int vz_sandbox_path(struct vz_sandbox *s, const char *path, unsigned access);
/* Leaves a TCP port to connect to. VZ_ENOMEM. */
int vz_sandbox_port(struct vz_sandbox *s, uint16_t port);
/*
 * For a process that looks names up and does nothing else (VZ_SANDBOX_NAMES): leaves what the
 * system's resolver may read, which is its configuration and its modules, and DNS over TCP. Home
 * folders and state are not among it. VZ_ENOMEM.
 */
int vz_sandbox_names(struct vz_sandbox *s);
void vz_sandbox_free(struct vz_sandbox *s);

enum vz_sandbox_layer {
	VZ_LAYER_CORE,       /* no core dumps, no tracing by our own user */
	VZ_LAYER_PRIVILEGES, /* no_new_privs */
	VZ_LAYER_LANDLOCK,
	VZ_LAYER_SECCOMP,
	VZ_LAYERS,
};

/* What is in force; NULL = it is, else static words why it is not. */
struct vz_sandbox_state {
	const char *missing[VZ_LAYERS];
	int landlock;    /* the version of its interface, 0 = none: 2 files, 4 TCP, 6 signals */
	bool signals;    /* Landlock keeps us from signalling others */
	unsigned filter; /* instructions of the seccomp filter */
};

/* First, before any secret is read: no core dumps. All other layers count as missing. */
void vz_sandbox_begin(struct vz_sandbox_state *state);
/*
 * Last, with one thread: all the other layers, each as far as it is there. What descriptors are
 * open stay usable.
 */
void vz_sandbox_close(const struct vz_sandbox *s, struct vz_sandbox_state *state);
/*
 * For a process that has to start ordinary commands, to which all of the above would be handed on:
 * nobody of our own user traces or dumps it; what it executes is free of that.
 */
void vz_sandbox_hide(void);

#endif
