/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the inventory's BPF programs hand to user space, in batches: a request
 * says where to go on, a reply how much there is and whether that was all.
 *
 * A request has numbers and names, never an address to read at: whoever runs the
 * programs learns of device memory what they tell, and nothing else of the kernel.
 */
#ifndef DEVMEM_RECORDS_H
#define DEVMEM_RECORDS_H

#include <linux/types.h>

#define REC_BATCH_BINDINGS	256
#define REC_BATCH_POOLS		256
#define REC_BATCH_QUEUES	1024
#define REC_BATCH_RUNS		2048
#define REC_BATCH_TOKENS	8192
#define REC_BATCH_FRAGS		8192
#define REC_BATCH_FILES		256
#define REC_BATCH_IFQS		64
#define REC_BATCH_IOVS		8192

/* One program run looks at this many entries at most: well below what would
 * keep a CPU in the kernel for long.
 */
#define REC_MAX_STEPS		(1 << 18)

#define REC_UNKNOWN		(~0ULL)

/* Sockets that were found and can be asked for: more than fit in the buffer in which
 * the kernel hands out what an iterator writes, with pages of 64 KiB as well.
 */
#define REC_SOCKETS		8192

/* Files that others are behind, and that can be asked for */
#define REC_CONTAINERS		8192

struct rec_request {
	__u64 from;		/* entry or index to go on at */
	__u64 to;		/* first index not to look at */
	__u64 binding;		/* rec_binding's addr: what is there must be this one */
	__u64 cookie;		/* the socket in @slot must still have this one */
	__u32 id;		/* of the binding or the page pool */
	__u32 slot;		/* of a socket, a container, or a run of the last batch */
	__u32 kind;		/* enum devmem_kind of what @binding is */
	__u32 area;		/* its index, if it is an area */
};

struct rec_reply {
	__u64 next;
	__u32 num;		/* records filled in */
	__u8 more;		/* there is more, from @next on */
	__u8 gone;		/* what was asked for is not there, or not any more */
	__u8 cut;		/* there may be more, but it could not be followed */
};

/* A binding, or an area of an io_uring's interface queue */
struct rec_binding {
	__u64 addr;
	__u64 ifq;		/* the area's, or 0 */
	__u64 inode;
	__u64 size;
	__u64 iovs;		/* address of the one array of iovs, 0 if runs */
	__u64 total;
	__u64 free;
	__u64 user;
	__u64 allocs;
	__u64 releases;
	__u64 exhausted;
	__u64 high_water;
	__u64 token_gets;
	__u64 token_puts;
	__u64 token_closes;
	__u32 id;
	__u32 netns;
	__s32 ifindex;
	__u32 iov_shift;
	__u32 queue;		/* the area's interface queue's */
	__u32 area;		/* index among those of the interface queue */
	__u32 pool;		/* page pool by which the area was found */
	__u8 kind;		/* enum devmem_kind */
	__u8 unbound;
	char ifname[16];
	char exporter[32];
};

/* A page pool that takes its memory from a binding, or an interface queue */
struct rec_pool {
	__u64 binding;
	__u32 id;
	__u32 queue;
	__u32 kind;		/* enum devmem_kind */
};

/* A run of iovs that are contiguous in memory and in the dma-buf */
struct rec_run {
	__u64 iovs;
	__u64 num;
	__u64 avail;		/* free ones */
	__u64 base_virtual;
	__u64 bits;		/* address of a gen_pool_chunk's bitmap, or 0 */
	__u64 refs;		/* address of an area's user_refs, or 0 */
};

/* What user space has of an area */
struct rec_refs {
	__u64 refs;
	__u64 iovs;		/* different ones */
};

struct rec_iov {
	__u64 addr;
	__u64 dma;
	__s64 refcount;
	__u64 tokens;		/* REC_UNKNOWN if the kernel does not count */
	__u64 since_ns;		/* REC_UNKNOWN as well */
	__u32 pool;
	__u32 has_pool;
};

/* A token of a socket */
struct rec_token {
	__u64 word;		/* the tagged iov */
	__u64 since_ns;		/* the iov's, REC_UNKNOWN if not known */
	__u64 token;
	__u64 on_iov;		/* tokens on it, over all sockets; REC_UNKNOWN as well */
};

/* A frag that a socket has not read */
struct rec_frag {
	__u64 word;
	__u64 len;
};

enum rec_file_type {
	FILE_SOCKET,		/* TCP, with device memory */
	FILE_LISTENER,		/* TCP, with connections that nobody accepted */
	FILE_UNIX,		/* with files that were sent and not received */
	FILE_UNIX_LISTENER,	/* with connections that nobody accepted */
	FILE_RING,		/* an io_uring with fixed files or interface queues */
};

/* A file that is a socket with device memory, or a container: one that others are behind.
 * A process has it open, if @pid is not 0, or it is behind a container.
 */
struct rec_file {
	__u64 sk;		/* or the ring's context */
	__u64 cookie;		/* 0 if nobody ever asked for it */
	__u32 slot;		/* for requests; a socket's until REC_SOCKETS more were found */
	__u32 pid;
	__u32 fd;
	__u32 netns;
	__u32 idle_jiffies;	/* since the last data came */
	__u8 type;		/* enum rec_file_type */
	__u8 has_tokens;
	__u8 has_unread;	/* device memory in one of its receive queues */
	__u8 has_sent;		/* and in one of those for sending */
	__u16 family;
	__u16 local_port;
	__u16 remote_port;
	__u8 local_addr[16];
	__u8 remote_addr[16];
	char comm[16];
};

#endif /* DEVMEM_RECORDS_H */
