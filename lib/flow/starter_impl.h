/*
 * What the two sides of flow/starter say to each other. Private to them.
 */
#ifndef VZ_FLOW_STARTER_IMPL_H
#define VZ_FLOW_STARTER_IMPL_H

#include "flow/starter.h"

#define VZ_STARTER_TEXT_MAX (4u * 1024 * 1024) /* argv and envp together */

enum vz_starter_what {
	VZ_STARTER_START, /* + text: argc strings, then the environment's; an answer follows */
	VZ_STARTER_SIGNAL,
	VZ_STARTER_FINISH,
	VZ_STARTER_FORGET,
};

/* From us, on the socket. */
struct vz_starter_request {
	uint32_t what, id;
	int32_t signo;
	uint32_t wants, argc, envc, text;
};

/* To us: on the socket the answer to a start (and once at the beginning), with the descriptors. */
struct vz_starter_answer {
	int32_t err; /* errno, or 0 */
};

/* To us, on the pipe. */
struct vz_starter_end {
	uint32_t id;
	int32_t status;
};

/* The small process: serves until `sock` ends and all is dealt with. */
_Noreturn void vz_starter_serve(int sock, int ends, const struct vz_starter_config *config);

#endif
