/* SPDX-License-Identifier: GPL-2.0 */
/* What the exporter's BPF programs count, for each binding and CPU */
#ifndef DEVMEM_EXPORTER_H
#define DEVMEM_EXPORTER_H

#include <linux/types.h>

#include "events/held.h"

#define HOLD_BOUNDS	11
#define REF_BOUNDS	7

#define MAX_BINDINGS	1024	/* that are counted at once */
#define MAX_TOKENS	(1 << 20)	/* whose hand-out is remembered at once */
#define MAX_REASONS	256	/* for a drop */

/* Upper bounds of the histograms' buckets; one more bucket is for the rest */
static const __u64 hold_bounds_ms[HOLD_BOUNDS] = {
	1, 5, 25, 100, 500, 1000, 5000, 10000, 30000, 60000, 300000,
};

static const __u64 ref_bounds[REF_BOUNDS] = { 1, 2, 4, 8, 16, 32, 64 };

struct exp_counts {
	__u64 allocs;
	__u64 releases;
	__u64 exhausted;
	__u64 gets;
	__u64 puts;
	__u64 closes;
	__u64 hold[HOLD_BOUNDS + 1];
	__u64 hold_ns;
	__u64 refs[REF_BOUNDS + 1];
	__u64 refs_sum;

	/* At the end of the binding: the kernel's own counters go with it */
	__u64 freed;
	__u64 last_exhausted;
	__u64 last_gets;
};

#define IFNAME_LEN	16

/* Of a token that is out, or was, on kernels that do not keep the time of its hand-out */
struct exp_handout {
	__u64 ns;		/* monotonic; if @before, when we came */
	__u64 before;		/* it was handed out before we came */
};

/*
 * Most of them have a slot, see held_index(). A tag names the token and its socket,
 * of whose address only these bits differ. Those that find another one in their slot, or
 * have no tag, are in a table.
 */
struct exp_slot {
	__u64 tag;		/* 0: free */
	__u64 ns;
};

#define TAG_TOKEN_BITS	23
#define TAG_ALIGN_BITS	6

static inline __u64 exp_tag(const struct held_key *key)
{
	if (key->what >> TAG_TOKEN_BITS || key->who & ((1 << TAG_ALIGN_BITS) - 1))
		return 0;
	return key->who >> TAG_ALIGN_BITS << TAG_TOKEN_BITS | key->what;
}

#endif /* DEVMEM_EXPORTER_H */
