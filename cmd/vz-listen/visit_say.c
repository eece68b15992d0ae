/*
 * What is said of a message: a session passes it on to the sender; a letter, whose sender is not
 * there, goes by the verdict alone.
 */
#include "cmd/vz-listen/letter.h"
#include "cmd/vz-listen/visit.h"

bool
visit_hears(const struct visit *v)
{
	return v->letter || visit_session(v);
}

void
visit_taken(struct visit *v, uint64_t number, size_t n)
{
	if (!v->letter)
		(void)vz_session_taken(visit_session(v), number, n);
}

void
visit_durable(struct visit *v, uint64_t number, uint64_t n)
{
	if (!v->letter)
		(void)vz_session_durable(visit_session(v), number, n);
}

void
visit_have(struct visit *v, uint64_t number, uint64_t n)
{
	if (!v->letter)
		(void)vz_session_have(visit_session(v), number, n);
}

void
visit_done(struct visit *v, uint64_t number, uint8_t status, const char *words)
{
	/* Without memory for the verdict the session is about to end, and the sender has none. */
	if (v->letter)
		letter_judged(v->letter, status, words);
	else
		(void)vz_session_done(visit_session(v), number, status, words);
}
