/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's types and functions, as far as these programs look at them. Only
 * names count: libbpf finds each member in the running kernel's BTF, so that
 * nothing here needs a kernel to be built.
 */
#ifndef OBSERVABILITY_TYPES_H
#define OBSERVABILITY_TYPES_H

#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

enum page_pool_iov_tag {
	PP_DEVMEM = 0x01UL,
};

enum page_pool_iov_state {
	PP_IOV_FREE,
	PP_IOV_POOL,
	PP_IOV_USER,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct counter {
	int counter;
};

struct seq_file;
struct sock;
struct page_pool;

struct page_pool_iov;

struct net_devmem_dmabuf_binding {
	int ifindex;
	__u32 id;
	bool unbound;
	struct page_pool_iov *iovs;
	__u32 num_iovs;
	struct counter num_user;
	__u32 num_free;
	__u32 high_water;
	__u64 allocs;
	__u64 releases;
	__u64 exhausted;
};

struct page_pool_iov_area {
	unsigned long base_virtual;
	struct page_pool_iov *iovs;
	struct net_devmem_dmabuf_binding *binding;
};

struct net_iov {
	struct page_pool *pp;
	const struct page_pool_iov_area *owner;
};

struct page_pool_iov {
	struct net_iov niov;
	struct counter user_tokens;
	__u64 user_since_ns;
};

struct skb_frag {
	unsigned long netmem;
};

struct skb_shared_info {
	__u8 nr_frags;
	struct skb_frag frags[17];
};

struct sk_buff {
	unsigned char *head;
	unsigned int end;
};

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 seq_num;
};

struct bpf_iter__page_pool_iov {
	struct bpf_iter_meta *meta;
	struct net_devmem_dmabuf_binding *binding;
	struct page_pool_iov *iov;
};

#pragma clang attribute pop

struct bpf_iter_devmem_binding {
	__u64 opaque[1];
} __attribute__((aligned(8)));

struct bpf_iter_page_pool_iov {
	__u64 opaque[2];
} __attribute__((aligned(8)));

extern void bpf_rcu_read_lock(void)
	__ksym;
extern void bpf_rcu_read_unlock(void)
	__ksym;

extern struct page_pool_iov *bpf_page_pool_iov_from_frag(__u64 frag) __ksym;

extern int bpf_iter_devmem_binding_new(struct bpf_iter_devmem_binding *it) __ksym;
extern struct net_devmem_dmabuf_binding *
bpf_iter_devmem_binding_next(struct bpf_iter_devmem_binding *it) __ksym;
extern void bpf_iter_devmem_binding_destroy(struct bpf_iter_devmem_binding *it) __ksym;

extern int bpf_iter_page_pool_iov_new(struct bpf_iter_page_pool_iov *it,
				      struct net_devmem_dmabuf_binding *binding) __ksym;
extern struct page_pool_iov *
bpf_iter_page_pool_iov_next(struct bpf_iter_page_pool_iov *it) __ksym;
extern void bpf_iter_page_pool_iov_destroy(struct bpf_iter_page_pool_iov *it) __ksym;

#endif
