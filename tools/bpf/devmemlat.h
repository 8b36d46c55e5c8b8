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

/* What ended in every other interval. The longest is of interval @epoch alone, all else
 * is since the start and only grows.
 */
struct lat_half {
	__u64 slots[LAT_SLOTS];
	__u64 sum_ns;
	__u64 max_ns;
	__u64 epoch;
};

/* One half is in use while the other is read */
struct lat_hist {
	struct lat_half halves[2];
	char comm[16];
};

#endif /* DEVMEMLAT_H */
