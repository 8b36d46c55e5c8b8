/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVMEMTOP_H
#define DEVMEMTOP_H

#include <linux/types.h>

/* So many bindings and sockets are counted; beyond that, events are missed */
#define TOP_ENTRIES	65536

/* A binding, with no socket, or a socket's part in it: by address */
struct top_key {
	__u64 binding;
	__u64 sk;
};

/* Since the tool was started */
struct top_counts {
	__u64 allocs;
	__u64 exhausted;
	__u64 gets;
	__u64 puts;
};

#endif /* DEVMEMTOP_H */
