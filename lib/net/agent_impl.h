/*
 * Between agent.c, the connection, and agent_ask.c, the questions.
 */
#ifndef VZ_NET_AGENT_IMPL_H
#define VZ_NET_AGENT_IMPL_H

#include <sys/queue.h>
#include "net/agent.h"

enum vz_agent_state {
	VZ_AGENT_QUEUED,
	VZ_AGENT_ASKED, /* the one that is on the wire */
	VZ_AGENT_DONE,
};

struct vz_agent_question {
	TAILQ_ENTRY(vz_agent_question) all;
	enum vz_agent_state state;
	uint8_t public[VZ_SIGN_PUBLIC];
	uint8_t data[VZ_SSHSIG_DATA_MAX];
	size_t len;
	int err; /* once it is done */
	enum vz_agent_fault fault;
	uint8_t sig[VZ_SIGN_LEN];
};

TAILQ_HEAD(vz_agent_questions, vz_agent_question);

struct vz_agent {
	char *path;
	int fd;
	struct vz_buf in, out;
	struct vz_agent_questions questions; /* in their order */
	unsigned count;
	bool listing; /* the list is on the wire */
	bool news;    /* a question was done since somebody looked */
	enum vz_agent_fault fault;
	int sys; /* errno of VZ_AGENT_AWAY */
	/* On a loop: */
	struct vz_loop *loop;
	vz_agent_fn *fn;
	void *arg;
	struct vz_watch watch;
	struct vz_timer tell, patience;
	unsigned patience_ms;
};

/* agent.c: the connection is over, and with it all that was asked. */
void vz_agent_fail(struct vz_agent *a, enum vz_agent_fault fault);
/* Writes what can be written now. */
void vz_agent_write(struct vz_agent *a);

/* agent_ask.c: why nothing comes of it: VZ_ESIGNER. */
int vz_agent_refuse(struct vz_agent *a, enum vz_agent_fault fault, int sys);
/* Each question that is not done fails. */
void vz_agent_fail_questions(struct vz_agent *a, enum vz_agent_fault fault);
/* Forgets all of them. */
void vz_agent_forget_questions(struct vz_agent *a);
/* A message came: the body of the answer to the one that is asked, or nobody's. */
void vz_agent_answered(struct vz_agent *a, const uint8_t *p, size_t len);

#endif
