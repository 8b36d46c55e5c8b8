/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVMEMCHECK_H
#define DEVMEMCHECK_H

#include <linux/types.h>

#include "events/held.h"

/* So many sockets and queues are counted; beyond that, events are missed */
#define CHECK_ENTRIES	16384

#define CHECK_DEVICES	512
#define CHECK_POOLS	1024
#define CHECK_REASONS	1024

/* A socket's part in what a queue of a binding hands out. No socket: the queue itself. */
struct check_key {
	__u64 sk;		/* address */
	__u32 binding;		/* id */
	__u32 queue;
};

/* Since the programs were attached */
struct check_counts {
	__u64 gets;		/* tokens that were handed out */
	__u64 exhausted;	/* the pool asked the binding and got nothing */
};

/* The last time that a token was handed out */
struct check_get {
	__u64 ts;
};

struct check_slot {
	struct held_key key;
	struct check_get get;
};

/* A network device of the namespace in which the programs were run */
struct check_device {
	__s32 ifindex;
	__u32 num_rxqs;		/* in use */
	__u8 queue_mgmt;	/* the driver can restart one queue */
	__u8 header_split;	/* ... says that header split can be set */
	__u8 loopback;
	__u8 xdp;		/* a program is attached, generic or native */
	char name[16];
};

/* A page pool that takes its memory from a provider, or could */
struct check_pool {
	__u64 binding;		/* address of what the provider has; 0: ordinary memory */
	__u32 id;
	__s32 ifindex;
	__u32 queue;
	__u32 size;		/* what the driver asked for: its ring, mostly */
	__u32 cached;		/* that lie in the pool's cache and ring */
	__u8 unreadable;	/* the driver can use memory that nobody can read */
};

#endif /* DEVMEMCHECK_H */
