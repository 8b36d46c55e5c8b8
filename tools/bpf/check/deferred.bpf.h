/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Iovs in skbs that were read on one CPU and wait in a list of another, which frees them when
 * it next receives something
 */
#ifndef DEVMEM_CHECK_DEFERRED_BPF_H
#define DEVMEM_CHECK_DEFERRED_BPF_H

#include "kernel.h"
#include "layout.bpf.h"

#define DEFERRED_STEPS	(1 << 17)
#define DEFERRED_FRAGS	17
#define DEFERRED_BINDINGS	256

const volatile __u32 num_cpus = 1;

/* By a binding's address */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DEFERRED_BINDINGS);
	__type(key, u64);
	__type(value, u64);
} deferred SEC(".maps");

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

struct softnet_data {
	struct sk_buff *defer_list;
};

/* "net: use llist for sd->defer_list" and "net: add NUMA awareness to
 * skb_attempt_defer_free()", Linux 6.18
 */
struct llist_head {
	struct sk_buff *first;
};

struct skb_defer_node {
	struct llist_head defer_list;
};

/* The kernel's frags; its first member is the netmem */
struct skb_frag {
	unsigned long netmem;
};

struct net_hotdata {
	struct skb_defer_node *skb_defer_nodes;
};

#pragma clang attribute pop

static volatile struct {
	u64 base;		/* of the first list, without what its CPU adds */
	u64 offsets;		/* what each CPU adds */
	u32 nodes;		/* lists of each CPU */
	u32 list;		/* the next one to look at */
	u64 skb;
	u64 part;
} defer;

static __always_inline u64 kernel_symbol(const char *name, u32 size)
{
	u64 addr = 0;

	bpf_kallsyms_lookup_name(name, size, 0, &addr);
	return addr;
}

#define SYMBOL(name)	kernel_symbol(name, sizeof(name))

static __always_inline bool has_nodes(void)
{
	struct net_hotdata *hot = NULL;

	return bpf_core_field_exists(hot->skb_defer_nodes);
}

/* Where a kernel has the lists. Base 0: it has none, or hides them. */
static __always_inline void find_lists(void)
{
	struct softnet_data *softnet = NULL;
	const struct net_hotdata *hot;
	u32 nodes = 0;

	defer.base = 0;
	defer.nodes = 1;
	defer.list = 0;
	defer.skb = 0;
	defer.part = 0;
	defer.offsets = SYMBOL("__per_cpu_offset");
	if (has_nodes()) {
		hot = (const void *)SYMBOL("net_hotdata");
		defer.base = (u64)BPF_CORE_READ(hot, skb_defer_nodes);
		bpf_probe_read_kernel(&nodes, sizeof(nodes),
				      (const void *)SYMBOL("nr_node_ids"));
		defer.nodes = nodes ?: 1;
	} else if (bpf_core_field_exists(softnet->defer_list)) {
		defer.base = SYMBOL("softnet_data");
	}
}

static __always_inline u64 first_deferred(u32 list)
{
	u32 cpu = list / defer.nodes, node = list % defer.nodes;
	const struct softnet_data *softnet;
	const struct skb_defer_node *nodes;
	u64 at = 0;

	bpf_probe_read_kernel(&at, sizeof(at), (const u64 *)defer.offsets + cpu);
	at += defer.base;
	if (has_nodes()) {
		nodes = (const void *)(at + node * bpf_core_type_size(struct skb_defer_node));
		return (u64)BPF_CORE_READ(nodes, defer_list.first);
	}
	softnet = (const void *)at;
	return (u64)BPF_CORE_READ(softnet, defer_list);
}

static __always_inline void count_deferred(u64 word)
{
	const struct net_iov *iov = iov_untag(word);
	const u64 one = 1;
	u64 binding, *num;

	if (!(word & PP_DEVMEM) || !iov_is_dmabuf(iov))
		return;
	binding = (u64)untyped(iov_run(iov).binding);
	num = bpf_map_lookup_elem(&deferred, &binding);
	if (num)
		*num += 1;
	else
		bpf_map_update_elem(&deferred, &binding, &one, BPF_NOEXIST);
}

static __always_inline const struct skb_shared_info *shared_info(const struct sk_buff *skb)
{
	return (const void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));
}

static __always_inline void count_frags(const struct sk_buff *skb)
{
	const struct skb_shared_info *info = shared_info(skb);
	u32 i, num = BPF_CORE_READ(info, nr_frags);

	if (!BPF_CORE_READ_BITFIELD_PROBED(skb, unreadable))
		return;
	/* (a frag's first member; an index that is no constant is none of CO-RE's) */
	for (i = 0; i < DEFERRED_FRAGS; i++) {
		u64 word = 0;

		if (i >= num)
			break;
		bpf_probe_read_kernel(&word, sizeof(word), (const void *)info +
				      bpf_core_field_offset(info->frags) +
				      i * bpf_core_type_size(struct skb_frag));
		count_deferred(word);
	}
}

static long deferred_step(u32 i, void *unused)
{
	const struct sk_buff *skb = (const void *)defer.skb, *part = (const void *)defer.part;

	if (part) {
		count_frags(part);
		defer.part = (u64)BPF_CORE_READ(part, next);
		return 0;
	}
	if (skb) {
		count_frags(skb);
		defer.part = (u64)BPF_CORE_READ(shared_info(skb), frag_list);
		defer.skb = (u64)BPF_CORE_READ(skb, next);
		return 0;
	}
	if (defer.list >= num_cpus * defer.nodes)
		return 1;
	defer.skb = first_deferred(defer.list);
	defer.list++;
	return 0;
}

SEC("syscall")
int read_deferred(void *ctx)
{
	find_lists();
	if (!defer.base || !defer.offsets)
		return 0;
	bpf_rcu_read_lock();
	bpf_loop(DEFERRED_STEPS, deferred_step, NULL, 0);
	bpf_rcu_read_unlock();
	return 0;
}

#endif /* DEVMEM_CHECK_DEFERRED_BPF_H */
