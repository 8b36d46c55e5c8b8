/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the exporter has in the kernel: programs that count events, and two
 * inventories, one for scrapes and one for the walk, which go on at the same time.
 */
#ifndef DEVMEM_PROBE_H
#define DEVMEM_PROBE_H

#include <stdbool.h>

#include "devmem_exporter.h"
#include "events.h"
#include "inventory.h"

DEFINE_VEC(held_keys, struct held_key);

struct probe {
	enum devmem_layout layout;
	struct inventory_bpf *listing;	/* for the thread that answers scrapes */
	struct inventory_bpf *walking;	/* for the one that walks */
	struct devmem_exporter_bpf *skel;	/* NULL: nothing is attached */
	unsigned int events;		/* EV_BIT()s that are seen */
	const char *reads;		/* by what hand-outs are counted, or NULL: by the
					 * kernel, or one by one
					 */
	bool each_token;		/* is looked at */
	__u64 entered;			/* hand-outs that were entered from here */
	__u64 forgotten;		/* and that were taken out */
	__u64 kept;			/* that were left then */
	unsigned int num_cpus;
	__u64 frees_taken;	/* ends of bindings that were looked for */
	__u64 attached_ns;		/* monotonic */
};

/* Events that the exporter wants to see. Where the kernel keeps counters of its
 * own, that leaves out those that they tell.
 */
unsigned int probe_wanted(const struct probe *probe);

/* Loads everything, and attaches with @attach. Says what is wrong on failure. Later
 * calls need no capability. @each_token: look at each token for the histograms, which
 * is also done where hand-outs cannot be counted by read.
 */
int probe_open(struct probe *probe, bool attach, bool each_token);
void probe_close(struct probe *probe);

static inline bool probe_sees(const struct probe *probe, enum devmem_event event)
{
	return probe->events & EV_BIT(event);
}

/* The kernel itself counts allocations, iovs by state and tokens */
static inline bool probe_kernel_counts(const struct probe *probe)
{
	return probe->layout == LAYOUT_PPDEVMEM;
}

/* By which program @event is seen; NULL if it is not */
const char *probe_way(const struct probe *probe, enum devmem_event event);

/* What was counted for a binding, over all CPUs */
void probe_counts(const struct probe *probe, __u32 binding, struct exp_counts *sum);

/* What a binding had counted when it ended */
struct probe_gone {
	__u32 id;
	char ifname[IFNAME_LEN];	/* empty if its bind was not seen */
	__u64 exhausted;
	__u64 gets;
};

DEFINE_VEC(probe_gones, struct probe_gone);

/* Takes those that ended since the last time */
void probe_take_gone(struct probe *probe, struct probe_gones *gone);

/* Forgets bindings that are not in @inv, which was read after probe_known(): the
 * event of their end was missed.
 */
void probe_known(const struct probe *probe, struct vec_u32 *ids);
void probe_forget(const struct probe *probe, const struct vec_u32 *ids,
		  const struct inventory *inv);

/* When a token was handed out; REC_UNKNOWN if it was given back by now, or if
 * there was no room to remember it
 */
__u64 probe_handout(const struct probe *probe, __u64 sk, __u64 token);

/* Whether so many hand-outs are remembered that those should be forgotten whose tokens
 * came back, by probe_forget_handouts(). @out are those that are out, sorted by
 * held_cmp(); what was handed out after @since is kept. One that is handed out just now
 * may be forgotten, so this is not done more often than it must.
 */
bool probe_remembers_many(const struct probe *probe);
void probe_forget_handouts(struct probe *probe, const struct held_keys *out, __u64 since);

/* Enters a token that is found in a socket and whose hand-out was not seen: it was
 * before we came. If it was given back just now, that does no harm: the entry is
 * replaced when the socket hands out this token again.
 */
void probe_handed_out_before(struct probe *probe, __u64 sk, __u64 token);

struct probe_drop {
	__u32 reason;
	__u64 num;
};

DEFINE_VEC(probe_drops, struct probe_drop);

void probe_read_drops(const struct probe *probe, struct probe_drops *drops);

/* Of all bindings together */
struct probe_totals {
	__u64 binds;
	__u64 unbinds;
	__u64 frees;
	__u64 no_room;		/* events that no table had room for */
	__u64 missed;		/* programs that could not run */
};

void probe_read_totals(const struct probe *probe, struct probe_totals *totals);

#endif /* DEVMEM_PROBE_H */
