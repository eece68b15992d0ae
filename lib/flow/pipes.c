#include "flow/pipes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/err.h"
#include "net/sockopt.h"

/* Borrowers who are sent away unasked after the system had nothing: three calls for each. */
#define REFUSALS 256

struct vz_pipes {
	struct vz_pipe *waiting;
	size_t n_waiting, n_lent, max;
	unsigned refuse;
	uint8_t buffer[VZ_PIPES_BUFFER];
};

int
vz_pipes_new(struct vz_pipes **out, size_t max)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return VZ_ENOMEM;
	(*out)->max = max;
	return 0;
}

static void
destroy(struct vz_pipe *pipe)
{
	close(pipe->out);
	close(pipe->in);
	free(pipe);
}

void
vz_pipes_free(struct vz_pipes *p)
{
	struct vz_pipe *pipe;

	if (p == NULL)
		return;
	while ((pipe = p->waiting) != NULL) {
		p->waiting = pipe->next;
		destroy(pipe);
	}
	free(p);
}

/* Over a user's share a new pipe has a page or two, and cannot be made larger. */
static struct vz_pipe *
make(void)
{
	struct vz_pipe *pipe = calloc(1, sizeof(*pipe));
	int fd[2];

	if (pipe == NULL)
		return NULL;
	if (vz_pipe(fd, O_NONBLOCK) != 0) {
		free(pipe);
		return NULL;
	}
	pipe->out = fd[0];
	pipe->in = fd[1];
	pipe->size = vz_pipe_grow(pipe->in, VZ_PIPE_SIZE);
	if (pipe->size < VZ_PIPE_LEAST) {
		destroy(pipe);
		return NULL;
	}
	return pipe;
}

struct vz_pipe *
vz_pipes_borrow(struct vz_pipes *p)
{
	struct vz_pipe *pipe = p->waiting;

	if (p->n_lent >= p->max)
		return NULL;
	if (pipe != NULL) {
		p->waiting = pipe->next;
		p->n_waiting--;
	} else if (p->refuse > 0) {
		p->refuse--;
		return NULL;
	} else if ((pipe = make()) == NULL) {
		p->refuse = REFUSALS;
		return NULL;
	}
	pipe->next = NULL;
	p->n_lent++;
	return pipe;
}

void
vz_pipes_give_back(struct vz_pipes *p, struct vz_pipe *pipe)
{
	if (pipe == NULL)
		return;
	p->n_lent--;
	if (pipe->held > 0 || p->n_waiting >= VZ_PIPES_KEPT) {
		destroy(pipe);
		return;
	}
	pipe->next = p->waiting;
	p->waiting = pipe;
	p->n_waiting++;
}

uint8_t *
vz_pipes_buffer(struct vz_pipes *p, size_t *size)
{
	*size = sizeof(p->buffer);
	return p->buffer;
}

size_t
vz_pipes_lent(const struct vz_pipes *p)
{
	return p->n_lent;
}

size_t
vz_pipes_waiting(const struct vz_pipes *p)
{
	return p->n_waiting;
}
