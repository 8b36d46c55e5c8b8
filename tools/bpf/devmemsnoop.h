/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVMEMSNOOP_H
#define DEVMEMSNOOP_H

#include <linux/types.h>

#include "events.h"

#define SNOOP_UNKNOWN	(~0ULL)
#define SNOOP_NO_STACK	(-1)
#define STACK_DEPTH	127

struct snoop_record {
	__u64 ts;		/* monotonic, ns */
	__u64 word;		/* the tagged iov, 0 if there is none */
	__u64 iov;		/* its index, SNOOP_UNKNOWN if there is none */
	__u64 dma;
	__s64 refcount;
	__u64 cookie;		/* 0: no socket, or it has none yet */
	__u64 location;		/* of a drop */
	__u64 inode;		/* of the dma-buf, with the size: in a bind */
	__u64 size;
	__u32 kind;		/* enum devmem_event */
	__u32 binding;
	__u32 queue;
	__u32 pool;
	__u32 token;
	__u32 reason;		/* of a drop */
	__u32 pid;		/* 0: no process did this */
	__s32 stack;
	__u8 has_pool;
	__u8 has_queue;
	char comm[16];
	char ifname[16];
};

#endif /* DEVMEMSNOOP_H */
