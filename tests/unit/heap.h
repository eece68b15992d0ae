/*
 * How much of the heap is in use, where libc can tell.
 */
#ifndef VZ_TESTS_HEAP_H
#define VZ_TESTS_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>
#define HEAP_TELLS true
static inline size_t
heap_used(void)
{
	return mallinfo2().uordblks;
}
#else
#define HEAP_TELLS false
static inline size_t
heap_used(void)
{
	return 0;
}
#endif

#endif
