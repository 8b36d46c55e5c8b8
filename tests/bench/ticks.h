/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_TICKS_H
#define BENCH_TICKS_H

#include <stdint.h>
#include <x86intrin.h>

/*
 * The time stamp counter, which counts instructions in a guest started for
 * that. Fenced, so that what is measured stays between two readings.
 */
static inline uint64_t ticks(void)
{
	uint64_t now;

	_mm_lfence();
	now = __rdtsc();
	_mm_lfence();
	return now;
}

/* Instructions in the stretch that ticks_of_stretch() runs. */
#define TICKS_STRETCH 1000

/* Ticks between two readings with nothing between them. */
static inline uint64_t ticks_of_nothing(void)
{
	uint64_t start = ticks();

	return ticks() - start;
}

static inline uint64_t ticks_of_stretch(void)
{
	uint64_t start = ticks();

	asm volatile(".rept %c0\n\tnop\n\t.endr" : : "i" (TICKS_STRETCH));
	return ticks() - start;
}

#endif
