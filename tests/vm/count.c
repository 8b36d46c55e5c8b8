// SPDX-License-Identifier: GPL-2.0-or-later
/* Print what a fixed amount of work costs by the time stamp counter, which
 * under scripts/vm --icount counts instructions.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <x86intrin.h>

#define TURNS 1000000

static uint64_t work(void)
{
	volatile uint64_t sum = 0;
	uint64_t begin = __rdtsc();

	for (int i = 0; i < TURNS; i++)
		sum += i;
	return __rdtsc() - begin;
}

int main(void)
{
	uint64_t best = UINT64_MAX;

	/* The least of several is the one that no interrupt was part of. */
	for (int i = 0; i < 9; i++) {
		uint64_t cost = work();

		if (cost < best)
			best = cost;
	}
	printf("%" PRIu64 "\n", best);
	return 0;
}
