/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OBSERVABILITY_PROBE_H
#define OBSERVABILITY_PROBE_H

#include <linux/types.h>

#define PROBE_BINDINGS	64
#define PROBE_WORDS	16384

/* A word, and what bpf_page_pool_iov_from_frag() made of it. */
struct probe_word {
	__u64 word;
	__u64 iov;	/* 0: NULL */
	__u64 since;	/* user_since_ns */
	__u32 binding;
	__u32 idx;
	__u32 state;
	__u32 reserved;
};

/* A binding: its own counters, and what its iovs say when they are walked. */
struct probe_binding {
	__u64 iovs;	/* address of the first */
	__u64 allocs;
	__u64 releases;
	__u64 exhausted;
	__u64 tokens;	/* walked: the sum over all iovs */
	__u32 walked[3];	/* by state */
	__u32 misplaced;	/* walked: not the iov that follows the one before */
	__u32 id;
	__u32 total;
	__u32 free;
	__u32 high_water;
	__s32 user;
	__u32 unbound;
};

/* What the attached programs saw. */
struct probe_seen {
	__u64 tokens;	/* tp_btf: events */
	__u64 tokens_wrong;	/* the tagged argument did not decode to the argument */
	__u64 frags;	/* fentry: tagged words in skb frags */
	__u64 frags_null;	/* of these, not decoded */
	__u64 pages;	/* untagged words in skb frags */
	__u64 pages_iov;	/* of these, taken for an iov */
	__u64 kprobe_decoded;	/* kprobe: zero decoded to something */
	__u64 unbinds;	/* tp_btf: unbinds whose iovs were walked */
	__u64 unbinds_wrong;	/* of these, not num_iovs of them */
};

#endif
