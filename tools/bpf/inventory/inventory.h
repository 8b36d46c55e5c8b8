/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is of device memory now: bindings, how full they are, and the
 * sockets and processes that hold tokens. A snapshot, read from outside while
 * the kernel goes on: parts of it can be some milliseconds apart.
 */
#ifndef DEVMEM_INVENTORY_H
#define DEVMEM_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "found.h"
#include "layout.h"
#include "records.h"
#include "vec.h"

DEFINE_VEC(rec_tokens, struct rec_token);

/* A socket with tokens on the iovs of one binding, or with such iovs unread or, where the
 * binding is for sending, not acknowledged. Or the rings that have an area.
 */
struct inv_holder {
	struct rec_file sock;	/* all zero for a ring */
	bool ring;
	struct inv_tasks tasks;	/* none: nobody can reach it */
	__u64 tokens;		/* or frags to be sent, or references of an io_uring's user */
	__u64 iovs;		/* different ones */
	__u64 sent_bytes;	/* that are not acknowledged */
	__u64 since_ns;		/* of the oldest; REC_UNKNOWN if not known */
	struct rec_tokens token_list;	/* with INV_TOKENS, by iov */
	__u64 unread_iovs;	/* with INV_UNREAD */
	__u64 unread_bytes;
	__u64 idle_ns;		/* since the last data came */
	bool truncated;		/* there may be more unread */
};

DEFINE_VEC(inv_holders, struct inv_holder);

struct inv_run {
	struct rec_run k;
	__u64 pos;		/* in the kernel's list */
};

DEFINE_VEC(inv_runs, struct inv_run);
DEFINE_VEC(vec_u32, __u32);
DEFINE_VEC(vec_u64, __u64);

struct inv_binding {
	struct rec_binding k;
	struct vec_u32 queues;
	struct inv_runs runs;
	bool truncated;		/* it has more iovs than those, which cannot be told */
	struct inv_holders holders;		/* most tokens first */
	struct vec_u64 user_words;	/* iovs with tokens, where nobody counts them */
};

DEFINE_VEC(inv_bindings, struct inv_binding);

struct inventory {
	enum devmem_layout layout;
	__u32 iov_bytes;	/* size of the kernel's struct */
	struct inv_bindings bindings;	/* by id, then areas by device and queue */
};

/* What a tagged word stands for */
struct inv_iov {
	const struct inv_binding *binding;
	__u64 index;		/* in the binding */
	__u64 offset;		/* in the dma-buf, bytes */
	struct rec_iov k;
};

struct inventory_bpf;

/* Loads the programs. On failure it has said what is missing, and returns
 * NULL.
 */
struct inventory_bpf *inventory_open(void);
void inventory_close(struct inventory_bpf *skel);

/* What to read apart from the bindings. Each costs a look at every open file. */
enum {
	INV_HOLDERS = 1,	/* sockets with tokens, rings, and their processes */
	INV_TOKENS = 2,		/* keep each token */
	INV_UNREAD = 4,		/* sockets with device memory left unread */
};

/* Not only what is received into dma-bufs: with areas of io_uring's zero-copy receive, which
 * have no id, and with sockets that send from a binding
 */
#define INV_KINDS	16

/* Instead of holders: leave out how full a binding is if the kernel does not
 * count, so that the cost does not grow with the segments of dma-bufs
 */
#define INV_QUICK	8

/* @what: a sum of INV_*. On failure it has said why, and returns NULL. */
struct inventory *inventory_read(struct inventory_bpf *skel, unsigned int what);
void inventory_free(struct inventory *inv);

/* Finds the iov at a word's address among the bindings; nothing is read at an
 * address that no binding has. 0, or -ENOENT.
 */
int inventory_decode(struct inventory_bpf *skel, const struct inventory *inv,
		     __u64 word, struct inv_iov *iov);

/* Calls @fn for each iov of @binding in order, until it returns nonzero. -ESTALE: the
 * binding went away meanwhile.
 */
int inventory_each_iov(struct inventory_bpf *skel, const struct inv_binding *binding,
		       int (*fn)(const struct inv_iov *iov, void *arg),
		       void *arg);

enum devmem_iov_state inventory_iov_state(const struct inventory *inv,
					  const struct inv_iov *iov);

/* "rx", "tx" or "io_uring" */
const char *inventory_kind(enum devmem_kind kind);

/* Iovs that are with a page pool; REC_UNKNOWN if that is not known */
__u64 inventory_pool_iovs(const struct inv_binding *binding);

/* Bytes of memory, or of data to be sent, that a holder keeps */
__u64 inventory_held_bytes(const struct inv_binding *binding,
			   const struct inv_holder *holder);

const char *layout_name(enum devmem_layout layout);

/* Nanoseconds from @since_ns until now; REC_UNKNOWN stays */
__u64 inventory_age(__u64 since_ns);

#endif /* DEVMEM_INVENTORY_H */
