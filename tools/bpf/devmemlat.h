/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVMEMLAT_H
#define DEVMEMLAT_H

#include <linux/types.h>

#define LAT_SLOTS	36	/* log2 of microseconds: up to half a day */
#define LAT_HISTS	16384	/* bindings and processes that are told apart */
#define LAT_SLOTTED	64	/* of these, the first few, which cost less */

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

/* A histogram that is found by its place; @name is 0 while it is nobody's */
struct lat_slot {
	__u64 name;
	struct lat_hist hist;
};

static inline __u64 lat_name(const struct lat_key *key)
{
	return 1ULL << 63 | (__u64)key->kind << 32 | key->group;
}

static inline struct lat_key lat_key_of(__u64 name)
{
	return (struct lat_key){ .kind = name >> 32 & 0x7fffffff, .group = name };
}

#endif /* DEVMEMLAT_H */
