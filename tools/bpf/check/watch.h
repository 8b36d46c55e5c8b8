/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the check sees while it watches: two inventories, and what was counted in between */
#ifndef DEVMEM_CHECK_WATCH_H
#define DEVMEM_CHECK_WATCH_H

#include <stdbool.h>

#include "devmemcheck.h"
#include "inventory.h"
#include "vec.h"
#include "nl.h"

/* A binding over the time of the watch */
struct occupancy {
	__u64 addr;		/* of the binding */
	__u64 looks;
	__u64 dry_looks;	/* with nothing free */
	__u64 sum_user;
	__u64 max_user;
	__u64 min_nameless;	/* iovs that nothing known accounts for */
	__u64 min_deferred;	/* that wait to be freed */
};

struct counted {
	struct check_key key;
	struct check_counts counts;
};

struct drop {
	__u32 reason;
	__u64 num;
};

/* Packets that a NIC dropped by itself */
struct queue_drops {
	int ifindex;
	__u32 queue;
	__u64 num;
};

DEFINE_VEC(queue_drops_vec, struct queue_drops);
DEFINE_VEC(occupancies, struct occupancy);
DEFINE_VEC(counted_vec, struct counted);
DEFINE_VEC(drop_vec, struct drop);
DEFINE_VEC(check_devices, struct check_device);
DEFINE_VEC(check_pools, struct check_pool);

struct devmemcheck_bpf;

struct watch {
	struct nl nl;
	struct nl_family ethtool;
	struct inventory_bpf *inv_skel;
	struct devmemcheck_bpf *skel;
	struct inventory *first;
	struct inventory *last;
	__u64 attached_ns;
	__u64 start_ns;		/* when the first was begun */
	__u64 look_ns;		/* when the last was begun */
	double seconds;		/* between those */
	double counted_seconds;	/* for how long there are counts */
	bool exhausted_seen;	/* this kernel tells when a binding gives nothing */
	bool drops_seen;
	__u64 missed;		/* events that were not counted */
	bool gets_missed;	/* a token may have been handed out unseen */
	struct occupancies occupancies;
	struct counted_vec counted;
	struct drop_vec drops;
	struct queue_drops_vec queue_drops;	/* of devices in this network namespace */
	struct check_pools pools;	/* at the end */
};

/* Each says what is wrong, and returns nonzero, on failure */
int watch_open(struct watch *watch);
int watch_for(struct watch *watch, unsigned int seconds);
void watch_close(struct watch *watch);

/* What there is now */
int watch_devices(struct watch *watch, struct check_devices *devices);
int watch_pools(struct watch *watch, struct check_pools *pools);

/* Of a binding, NULL if it was never looked at */
const struct occupancy *watch_occupancy(const struct watch *watch,
					const struct inv_binding *binding);

/* The same binding or holder at the begin, NULL if it was not there */
const struct inv_binding *watch_before(const struct watch *watch,
				       const struct inv_binding *binding);
const struct inv_holder *watch_holder_before(const struct watch *watch,
					     const struct inv_binding *binding,
					     const struct inv_holder *holder);

/* What was counted of a binding; @sk 0: all its sockets */
struct check_counts watch_counts(const struct watch *watch, __u32 binding, __u64 sk);

/* Whether it was out all the time for sure, the same hand-out */
bool watch_held_through(const struct watch *watch, const struct inv_holder *before,
			const struct inv_holder *holder, const struct rec_token *token);

/* iovs that page pools took and gave nobody, as far as the inventory counts them */
__u64 pool_iovs(const struct inv_binding *binding);
__u64 unread_iovs(const struct inv_binding *binding);

#endif /* DEVMEM_CHECK_WATCH_H */
