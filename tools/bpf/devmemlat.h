/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVMEMLAT_H
#define DEVMEMLAT_H

#include <linux/types.h>

#define LAT_SLOTS	36	/* log2 of microseconds: up to half a day */
#define LAT_HISTS	16384	/* bindings and processes that are told apart */

enum lat_kind {
	LAT_HOLD,		/* from a token's hand-out until it comes back */
	LAT_RECYCLE,		/* from an iov's allocation to its release */
};

struct lat_key {
	__u32 kind;		/* enum lat_kind */
	__u32 group;		/* binding id or pid */
};

/* The longest time of an interval. There are two, so that one can be read while the
 * other is in use; @epoch says of which interval it is.
 */
struct lat_max {
	__u64 ns;
	__u64 epoch;
};

/* All but the longest is since the start, and only grows */
struct lat_hist {
	__u64 slots[LAT_SLOTS];
	__u64 sum_ns;
	struct lat_max max[2];
	char comm[16];
};

#endif /* DEVMEMLAT_H */
