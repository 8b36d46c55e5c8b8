/* SPDX-License-Identifier: GPL-2.0 */
/* What no uAPI tells of devices and page pools */
#ifndef DEVMEM_CHECK_DEVICES_BPF_H
#define DEVMEM_CHECK_DEVICES_BPF_H

#include "../devmemcheck.h"
#include "kernel.h"
#include "xarray.bpf.h"

/* From include/net/page_pool/types.h */
#define PP_FLAG_ALLOW_UNREADABLE_NETMEM	8
/* From include/linux/ethtool.h */
#define ETHTOOL_RING_USE_TCP_DATA_SPLIT	32
#define IFF_LOOPBACK			8

#define MAX_STEPS	(1 << 18)

struct check_device devices[CHECK_DEVICES];
struct check_pool pools[CHECK_POOLS];
__u32 num_devices;
__u32 num_pools;

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

struct net___devices {
	struct list_head dev_base_head;
};

struct ethtool_ops {
	u32 supported_ring_params;
};

struct bpf_xdp_entity {
	struct bpf_prog *prog;
};

struct net_device___check {
	struct list_head dev_list;
	const struct netdev_queue_mgmt_ops *queue_mgmt_ops;
	const struct ethtool_ops *ethtool_ops;
	struct bpf_xdp_entity xdp_state[3];
	struct bpf_prog *xdp_prog;
	u32 real_num_rx_queues;
	u32 flags;
};

struct nsproxy {
	struct net *net_ns;
};

struct task_struct___netns {
	struct nsproxy *nsproxy;
};

struct ptr_ring {
	int producer;
	int consumer_head;
	int size;
	void **queue;
};

struct pp_alloc_cache {
	u32 count;
};

struct page_pool_params {
	u32 pool_size;
};

struct page_pool___check {
	struct page_pool_params p;
	struct pp_alloc_cache alloc;
	struct ptr_ring ring;
};

struct page_pool_params_slow___flags {
	u32 flags;
};

#pragma clang attribute pop

static volatile struct {
	u64 at;
	u64 end;
} list;

static struct xa_cursor cursor;
static u64 pools_xa;

static __always_inline bool has_xdp(const struct net_device___check *dev)
{
	const struct bpf_prog *prog = BPF_CORE_READ(dev, xdp_prog);
	u32 i;

#pragma unroll
	for (i = 0; i < 3; i++)
		prog = prog ?: BPF_CORE_READ(dev, xdp_state[i].prog);
	return prog;
}

static __always_inline void fill_device(struct check_device *rec, const void *ptr)
{
	const struct net_device___check *dev = ptr;
	const struct net_device *named = ptr;

	rec->ifindex = BPF_CORE_READ(named, ifindex);
	BPF_CORE_READ_STR_INTO(&rec->name, named, name);
	rec->num_rxqs = BPF_CORE_READ(dev, real_num_rx_queues);
	rec->queue_mgmt = !!BPF_CORE_READ(dev, queue_mgmt_ops);
	rec->header_split = !!(BPF_CORE_READ(dev, ethtool_ops, supported_ring_params) &
			       ETHTOOL_RING_USE_TCP_DATA_SPLIT);
	rec->loopback = !!(BPF_CORE_READ(dev, flags) & IFF_LOOPBACK);
	rec->xdp = has_xdp(dev);
}

static long device_step(u32 i, void *unused)
{
	const struct net_device___check *dev = NULL;
	const struct list_head *entry = (const void *)list.at;
	u32 n = num_devices;

	if (!entry || list.at == list.end || n >= CHECK_DEVICES)
		return 1;
	fill_device(&devices[n], (const void *)entry - bpf_core_field_offset(dev->dev_list));
	num_devices = n + 1;
	list.at = (u64)BPF_CORE_READ(entry, next);
	return 0;
}

/* The devices of the caller's network namespace */
SEC("syscall")
int read_devices(void *ctx)
{
	const struct task_struct___netns *task = (const void *)bpf_get_current_task();
	const struct net___devices *net = (const void *)BPF_CORE_READ(task, nsproxy, net_ns);

	num_devices = 0;
	bpf_rcu_read_lock();
	list.end = (u64)&net->dev_base_head;
	list.at = (u64)BPF_CORE_READ(net, dev_base_head.next);
	bpf_loop(CHECK_DEVICES + 1, device_step, NULL, 0);
	bpf_rcu_read_unlock();
	return 0;
}

/* What lies in a pool and can be handed out again at once */
static __always_inline u32 pool_cached(const struct page_pool___check *pool)
{
	u32 size = BPF_CORE_READ(pool, ring.size);
	u32 producer = BPF_CORE_READ(pool, ring.producer);
	u32 consumer = BPF_CORE_READ(pool, ring.consumer_head);
	void **queue = BPF_CORE_READ(pool, ring.queue);
	u32 in_ring = producer >= consumer ? producer - consumer : producer + size - consumer;
	void *slot = NULL;

	bpf_probe_read_kernel(&slot, sizeof(slot), &queue[producer]);
	if (slot)
		in_ring = size;
	return BPF_CORE_READ(pool, alloc.count) + in_ring;
}

static __always_inline void fill_pool(struct check_pool *rec, const void *ptr)
{
	const struct page_pool___check *inner = ptr;
	const struct page_pool *pool = ptr;
	const struct page_pool_params_slow___flags *slow;

	slow = ptr + bpf_core_field_offset(pool->slow);
	rec->binding = (u64)BPF_CORE_READ(pool, mp_priv);
	rec->id = BPF_CORE_READ(pool, user.id);
	rec->ifindex = BPF_CORE_READ(pool, slow.netdev, ifindex);
	rec->queue = BPF_CORE_READ(pool, slow.queue_idx);
	rec->size = BPF_CORE_READ(inner, p.pool_size);
	rec->cached = pool_cached(inner);
	rec->unreadable = !!(BPF_CORE_READ(slow, flags) & PP_FLAG_ALLOW_UNREADABLE_NETMEM);
}

static long pool_step(u32 i, void *unused)
{
	u32 n = num_pools;
	struct xa_found found;

	if (cursor.done || n >= CHECK_POOLS)
		return 1;
	found = xa_step(&cursor);
	if (!found.entry)
		return 0;
	fill_pool(&pools[n], (const void *)found.entry);
	num_pools = n + 1;
	return 0;
}

/* Every page pool of the host */
SEC("syscall")
int read_pools(void *ctx)
{
	int err;

	num_pools = 0;
	if (!pools_xa) {
		err = bpf_kallsyms_lookup_name("page_pools", sizeof("page_pools"), 0, &pools_xa);
		if (err)
			return -err;
	}
	bpf_rcu_read_lock();
	xa_start(&cursor, (const void *)pools_xa, 0);
	bpf_loop(MAX_STEPS, pool_step, NULL, 0);
	bpf_rcu_read_unlock();
	return 0;
}

#endif /* DEVMEM_CHECK_DEVICES_BPF_H */
