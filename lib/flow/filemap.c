#include "flow/filemap.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/err.h"

#ifndef MAP_POPULATE
#define MAP_POPULATE 0
#endif

/* What the signal handler may look at. len is set last and cleared first. */
static struct window {
	uint8_t *volatile base;
	volatile size_t len;
	volatile sig_atomic_t torn;
} windows[VZ_FILEMAP_MAX];

static size_t page;

/*
 * The file lost the page that is being read. Zeros are mapped over it and the rest of the window,
 * so that reading goes on, and the flag makes sure that nobody believes them. mmap(2) is one system
 * call and touches no state of the C library.
 */
static void
on_sigbus(int signo, siginfo_t *info, void *context)
{
	uintptr_t fault = (uintptr_t)info->si_addr;
	int saved = errno;

	(void)context;
	for (size_t i = 0; i < VZ_FILEMAP_MAX; i++) {
		struct window *w = &windows[i];
		uintptr_t base = (uintptr_t)w->base;
		size_t skip;

		if (w->len == 0 || fault < base || fault - base >= w->len)
			continue;
		skip = (size_t)(fault - base) / page * page;
		if (mmap(w->base + skip, w->len - skip, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			break;
		w->torn = 1;
		errno = saved;
		return;
	}
	/* Not ours: the instruction runs again and meets the default action. */
	signal(signo, SIG_DFL);
	errno = saved;
}

/* For each file anew: whoever took the signal since has no use for ours. */
static int
guard(void)
{
	struct sigaction sa;

	page = (size_t)sysconf(_SC_PAGESIZE);
	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = on_sigbus;
	sa.sa_flags = SA_SIGINFO;
	sigemptyset(&sa.sa_mask);
	return sigaction(SIGBUS, &sa, NULL) == 0 ? 0 : VZ_ESYSTEM;
}

static void
unmap(struct vz_filemap *m)
{
	struct window *w;

	if (m->slot < 0 || !m->base)
		return;
	w = &windows[m->slot];
	if (w->torn)
		m->torn = true;
	w->len = 0;
	w->base = NULL;
	w->torn = 0;
	munmap(m->base, m->len);
	m->base = NULL;
	m->len = 0;
}

/* Slides the window so that it begins with the page that holds `offset`. */
static int
slide(struct vz_filemap *m, uint64_t offset)
{
	uint64_t at = m->start + offset, end = m->start + m->length;
	uint64_t from = at / page * page;
	size_t len = end - from < m->window ? (size_t)(end - from) : m->window;
	void *p;

	unmap(m);
	p = mmap(NULL, len, PROT_READ, MAP_SHARED | MAP_POPULATE, m->fd, (off_t)from);
	if (p == MAP_FAILED)
		return VZ_ESYSTEM;
	(void)madvise(p, len, MADV_SEQUENTIAL);
	m->base = p;
	m->len = len;
	m->at = from;
	windows[m->slot].base = p;
	windows[m->slot].len = len;
	return 0;
}

int
vz_filemap_open(struct vz_filemap *m, int fd, uint64_t start, uint64_t length, size_t window)
{
	int err = guard();

	memset(m, 0, sizeof(*m));
	m->slot = -1;
	if (err)
		return err;
	for (int i = 0; i < VZ_FILEMAP_MAX && m->slot < 0; i++)
		if (!windows[i].base)
			m->slot = i;
	if (m->slot < 0)
		return VZ_ELIMIT;
	m->fd = fd;
	m->start = start;
	m->length = length;
	m->window = window;
	err = slide(m, 0);
	if (err)
		m->slot = -1;
	return err;
}

void
vz_filemap_close(struct vz_filemap *m)
{
	unmap(m);
	m->slot = -1;
}

size_t
vz_filemap_peek(struct vz_filemap *m, uint64_t offset, size_t want, const uint8_t **p)
{
	uint64_t at = m->start + offset;
	size_t n;

	*p = NULL;
	if (offset >= m->length || m->slot < 0)
		return 0;
	if (want > m->length - offset)
		want = (size_t)(m->length - offset);
	if (!m->base || at < m->at || at - m->at + want > m->len)
		if (slide(m, offset) != 0)
			return 0;
	n = m->len - (size_t)(at - m->at);
	*p = m->base + (at - m->at);
	return n;
}

bool
vz_filemap_torn(struct vz_filemap *m)
{
	if (m->slot >= 0 && windows[m->slot].torn)
		m->torn = true;
	return m->torn;
}
