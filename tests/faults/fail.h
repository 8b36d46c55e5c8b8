/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FAULTS_FAIL_H
#define FAULTS_FAIL_H

#include <linux/types.h>

#define FAIL_FAULTS	2	/* allocations that can be made to fail at once */
#define FAIL_DEPTH	40	/* functions that are looked at, from the allocator up */
#define FAIL_SPARED	48
#define FAIL_BINDINGS	8

/* A function: from its first byte to before the next one's. */
struct fail_range {
	__u64 start;
	__u64 end;
};

/* Which allocations fail. */
struct fail_plan {
	__u32 armed;
	__u32 tid;	/* of this task only; 0: of any, also in softirq */
	struct fail_range within;	/* below this function only, unless end is 0 */
	__u32 nth[FAIL_FAULTS];	/* the nth since it was armed, from 1; 0: none */
	__u32 nofail;	/* bit of allocations that cannot fail */
	__u32 num_spared;
	struct fail_range spared[FAIL_SPARED];	/* nothing below these counts */
};

/* What came of it. */
struct fail_result {
	__u32 count;	/* allocations that could have failed */
	__u32 failed;
	__u64 stack[FAIL_FAULTS][FAIL_DEPTH];
};

/* A binding: its own counters, and what its iovs say when they are walked. */
struct fail_binding {
	__u32 id;
	__u32 unbound;
	__u32 total;
	__u32 free;
	__s32 user;
	__u32 walked[3];	/* by state: free, pool, user */
	__u64 tokens;	/* walked: the sum over all iovs */
};

#endif
