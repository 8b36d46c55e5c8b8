/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What devmemtop knows of two times: how full bindings are, who holds tokens, and what
 * was counted until then.
 */
#ifndef DEVMEM_COLLECT_H
#define DEVMEM_COLLECT_H

#include <stdbool.h>

#include "devmemtop.h"
#include "events.h"
#include "inventory.h"

struct counted {
	struct top_key key;
	struct top_counts counts;
	__u64 before;		/* tokens that were out before we counted */
	__u64 held;		/* that are out now */
};

/* By key */
DEFINE_VEC(snapshot, struct counted);

/* What is to be told */
enum {
	TOP_BINDINGS = 1,	/* what happens to bindings */
	TOP_SOCKETS = 2,	/* who holds tokens, and how many he gets and gives back */
};

struct top {
	struct inventory_bpf *inv_skel;
	struct devmemtop_bpf *skel;	/* NULL: nothing has to be counted, so far */
	unsigned int events;	/* EV_BIT()s that are known */
	const char *reads;	/* by what hand-outs are counted, or NULL: one by one */
	bool kernel_counts;	/* what happens to bindings */
	struct inventory *inv;	/* as it was at the last interval's end */
	bool has_holders;	/* that one has */
	struct snapshot now;
	struct snapshot last;	/* of the interval before; empty at first */
	__u64 now_ns;		/* when @now was read */
	double seconds;		/* from @last to @now; 0: there is no @last */
	unsigned int rounds;	/* how often sockets were looked at since they are counted */
};

/* Both say what is wrong, and return nonzero, on failure. @what: a sum of TOP_*. */
int collect_open(struct top *top, unsigned int what);

/* An interval is over. */
int collect(struct top *top, unsigned int what);

/* Within an interval: what else is to be told from now on */
int collect_also(struct top *top, unsigned int what);

/* Events that were missed */
unsigned long long collect_missed(const struct top *top);

void collect_close(struct top *top);

/* The first of a binding, or where it would be */
const struct counted *snapshot_first(const struct snapshot *snapshot, __u64 binding);

/* In a snapshot; all zero if there is none */
struct counted snapshot_find(const struct snapshot *snapshot, __u64 binding, __u64 sk);

#endif /* DEVMEM_COLLECT_H */
