#include "flow/mover_way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "base/err.h"
#include "flow/mover.h"
#include "net/sockopt.h"

size_t
vz_way_held(const struct vz_way *w)
{
	return w->pipe != NULL ? w->pipe->held : w->len;
}

/* Of a call that does not wait. */
static bool
nothing_now(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

int
vz_way_first(struct vz_way *w, const void *p, size_t n)
{
	if (n == 0)
		return 0;
	if ((w->bytes = malloc(n)) == NULL)
		return VZ_ENOMEM;
	memcpy(w->bytes, p, n);
	w->off = 0;
	w->len = n;
	return 0;
}

/* All of p that goes, MORE when that is all; *n is what is left. */
static enum vz_way_result
put(struct vz_way *w, int to, const uint8_t *p, size_t *n)
{
	while (*n > 0) {
		ssize_t r = send(to, p, *n, MSG_NOSIGNAL);

		if (r < 0)
			return nothing_now() ? VZ_WAY_FULL : VZ_WAY_WRITE_FAILED;
		p += r;
		*n -= (size_t)r;
		w->moved += (size_t)r;
	}
	return VZ_WAY_MORE;
}

static enum vz_way_result
put_held(struct vz_way *w, int to)
{
	size_t left = w->len;
	enum vz_way_result r = put(w, to, w->bytes + w->off, &left);

	w->off += w->len - left;
	w->len = left;
	if (left == 0) {
		free(w->bytes);
		w->bytes = NULL;
	}
	return r;
}

/* An empty pipe goes back at once. */
static enum vz_way_result
put_pipe(struct vz_way *w, int to, struct vz_pipes *pipes)
{
	while (w->pipe->held > 0) {
		ssize_t r = vz_splice(w->pipe->out, to, w->pipe->held);

		if (r < 0)
			return nothing_now() ? VZ_WAY_FULL : VZ_WAY_WRITE_FAILED;
		w->pipe->held -= (size_t)r;
		w->moved += (size_t)r;
	}
	vz_pipes_give_back(pipes, w->pipe);
	w->pipe = NULL; /* moved */
	return VZ_WAY_MORE;
}

/* What read(2) said when it had no bytes. Nothing is held when it is asked, so all is out. */
static enum vz_way_result
no_bytes(struct vz_way *w, ssize_t n, int to)
{
	int saved = errno;

	if (n < 0 && nothing_now())
		return VZ_WAY_EMPTY;
	w->state = VZ_WAY_OVER;
	/* Who is gone already will be met by the other direction. */
	(void)shutdown(to, SHUT_WR);
	errno = saved;
	return n < 0 ? VZ_WAY_READ_FAILED : VZ_WAY_END;
}

static enum vz_way_result
copy(struct vz_way *w, int from, int to, struct vz_pipes *pipes)
{
	enum vz_way_result r;
	size_t size, left;
	uint8_t *buffer = vz_pipes_buffer(pipes, &size);
	ssize_t n = recv(from, buffer, size, 0);

	if (n <= 0)
		return no_bytes(w, n, to);
	left = (size_t)n;
	r = put(w, to, buffer, &left);
	if (r == VZ_WAY_FULL && vz_way_first(w, buffer + ((size_t)n - left), left) != 0)
		return VZ_WAY_NO_MEMORY;
	/* Less than there was room for: the rest has not come yet. */
	return r == VZ_WAY_MORE && (size_t)n < size ? VZ_WAY_EMPTY : r;
}

/* The pipe is empty and goes back, whatever errno says. */
static void
without(struct vz_way *w, struct vz_pipes *pipes)
{
	int saved = errno;

	vz_pipes_give_back(pipes, w->pipe);
	w->pipe = NULL; /* moved */
	errno = saved;
}

static enum vz_way_result
splice_some(struct vz_way *w, int from, int to, struct vz_pipes *pipes)
{
	ssize_t n = vz_splice(from, w->pipe->in, w->pipe->size);

	if (n > 0) {
		w->pipe->held = (size_t)n;
		return put_pipe(w, to, pipes);
	}
	without(w, pipes);
	if (n < 0 && (errno == EINVAL || errno == ENOSYS)) {
		w->copies = true;
		return VZ_WAY_MORE;
	}
	return no_bytes(w, n, to);
}

static enum vz_way_result
drop_some(struct vz_way *w, int from, struct vz_pipes *pipes)
{
	size_t size;
	uint8_t *buffer = vz_pipes_buffer(pipes, &size);
	ssize_t n = recv(from, buffer, size, 0);

	if (n > 0)
		return VZ_WAY_MORE;
	if (n < 0 && nothing_now())
		return VZ_WAY_EMPTY;
	w->state = VZ_WAY_OVER;
	return n < 0 ? VZ_WAY_READ_FAILED : VZ_WAY_END;
}

enum vz_way_result
vz_way_move(struct vz_way *w, int from, int to, struct vz_pipes *pipes)
{
	enum vz_way_result r = VZ_WAY_MORE;

	if (w->pipe != NULL)
		r = put_pipe(w, to, pipes);
	else if (w->len > 0)
		r = put_held(w, to);
	if (r != VZ_WAY_MORE)
		return r;
	if (w->state == VZ_WAY_OVER || w->paused)
		return VZ_WAY_EMPTY;
	if (w->state == VZ_WAY_DROPPING)
		return drop_some(w, from, pipes);
	if (w->moved >= VZ_MOVER_SPLICE && !w->copies)
		w->pipe = vz_pipes_borrow(pipes);
	return w->pipe != NULL ? splice_some(w, from, to, pipes) : copy(w, from, to, pipes);
}

void
vz_way_drop(struct vz_way *w, enum vz_way_state then, struct vz_pipes *pipes)
{
	vz_pipes_give_back(pipes, w->pipe);
	w->pipe = NULL; /* moved */
	free(w->bytes);
	w->bytes = NULL;
	w->len = 0;
	w->state = then;
}
