/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef ALLOCBENCH_H
#define ALLOCBENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define ALLOCBENCH_DEVICE "/dev/allocbench"
#define ALLOCBENCH_NETDEV "allocbench"

/* Instructions in the stretch whose length CALIBRATE measures */
#define ALLOCBENCH_STRETCH 1000

/* Iovs that a round allocates and releases: what the page pool's cache takes at once */
#define ALLOCBENCH_BATCH 64
/* Of those, what a round releases under the clock; one more goes to the pool's ring */
#define ALLOCBENCH_RELEASED (ALLOCBENCH_BATCH - 1)

/**
 * struct allocbench_calibrate - what the clock makes of known code
 * @empty: ticks between two readings with nothing between them
 * @stretch: ticks of ALLOCBENCH_STRETCH instructions, readings included
 */
struct allocbench_calibrate {
	__u64 empty;
	__u64 stretch;
};

/**
 * struct allocbench_sample - one round
 * @alloc: ticks to allocate ALLOCBENCH_BATCH iovs, readings included
 * @release: ticks to release ALLOCBENCH_RELEASED of them to the provider
 * @destroy: ticks to destroy the pool they came from, which has one of them yet
 */
struct allocbench_sample {
	__u64 alloc;
	__u64 release;
	__u64 destroy;
};

/**
 * struct allocbench_run - measure the provider that queue 0 is bound to
 * @samples: user pointer to @rounds of &struct allocbench_sample
 * @rounds: how many
 * @held: iovs to be taken before the first round and given back after the last,
 *	a multiple of ALLOCBENCH_BATCH
 */
struct allocbench_run {
	__u64 samples;
	__u32 rounds;
	__u32 held;
};

/* Failed allocations that EXHAUST measures, one by one */
#define ALLOCBENCH_FAILURES 64

/**
 * struct allocbench_exhaust - take every iov there is, then ask for more
 * @failure: ticks of each allocation that failed, readings included
 */
struct allocbench_exhaust {
	__u64 failure[ALLOCBENCH_FAILURES];
};

#define ALLOCBENCH_CALIBRATE	_IOR('A', 0xb0, struct allocbench_calibrate)
#define ALLOCBENCH_RUN		_IOW('A', 0xb1, struct allocbench_run)
#define ALLOCBENCH_EXHAUST	_IOR('A', 0xb2, struct allocbench_exhaust)

#endif
