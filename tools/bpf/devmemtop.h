/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVMEMTOP_H
#define DEVMEMTOP_H

#include <linux/types.h>

/* So many bindings and sockets are counted; beyond that, events are missed */
#define TOP_ENTRIES	65536

/* A socket's part in a binding. With no socket: the binding, for what is no socket's. */
struct top_key {
	__u64 binding;		/* id */
	__u64 sk;		/* address */
};

/* Since the tool was started */
struct top_counts {
	__u64 allocs;
	__u64 exhausted;
	__u64 gets;
	__u64 puts;		/* where tokens are looked at one by one */
};

#endif /* DEVMEMTOP_H */
