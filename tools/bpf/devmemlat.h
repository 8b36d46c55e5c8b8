/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVMEMLAT_H
#define DEVMEMLAT_H

#include <linux/types.h>

#define LAT_SLOTS	36	/* log2 of microseconds: up to half a day */

enum lat_kind {
	LAT_HOLD,		/* from a token's hand-out until it comes back */
	LAT_RECYCLE,		/* from an iov's allocation to its release */
};

struct lat_key {
	__u32 kind;		/* enum lat_kind */
	__u32 group;		/* binding id or pid */
};

struct lat_hist {
	__u64 slots[LAT_SLOTS];
	__u64 count;
	__u64 sum_ns;
	__u64 max_ns;
	char comm[16];
};

#endif /* DEVMEMLAT_H */
