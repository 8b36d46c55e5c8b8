/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What takes a look at every open file and every token: who holds iovs and for how
 * long. That is done now and then in the background, and scrapes get the last result.
 */
#ifndef DEVMEM_WALK_H
#define DEVMEM_WALK_H

#include <pthread.h>

#include "probe.h"

struct walk_binding {
	__u32 id;
	__u64 total;
	__u64 free;
	__u64 user;
	__u64 tokens;
	__u64 holders;
	__u64 oldest_ns;	/* 0: nothing is held. REC_UNKNOWN: not known */
	__u64 before;		/* tokens that were handed out before we came */
	__u64 returned;		/* that did not come back by a close, where nobody sees them */
};

DEFINE_VEC(walk_bindings, struct walk_binding);

struct walk {
	bool begun;			/* one has succeeded */

	pthread_mutex_t lock;		/* of all that follows */
	bool done;			/* the last one succeeded */
	struct walk_bindings bindings;
	__u64 took_ns;
	double ended;			/* seconds since 1970 */
	__u64 failures;
};

/* Walks, and replaces the last result. Returns how long it took, in ns. */
__u64 walk_run(struct walk *walk, struct probe *probe);

/* What the last walk found of a binding; false if nothing. Under the lock. */
bool walk_find(const struct walk *walk, __u32 id, struct walk_binding *found);

#endif /* DEVMEM_WALK_H */
