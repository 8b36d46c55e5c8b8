/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The dma-buf provider's own: the binding, and what its parts call in each
 * other and the core calls in them. Stands in for the definitions in
 * net/core/devmem.h, which includes it.
 */
#ifndef _NET_CORE_PP_DEVMEM_H
#define _NET_CORE_PP_DEVMEM_H

#include <linux/preempt.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/page_pool/iov.h>

#include "token.h"

struct dma_buf;
struct dma_buf_attachment;
struct memory_provider_ops;
struct net_device;
struct netlink_ext_ack;
struct sg_table;

/**
 * struct net_devmem_dmabuf_binding - a dma-buf attached to a device's queues
 * @dmabuf: the buffer; we hold a reference
 * @attachment: of @dmabuf to @dma_dev, NULL once that is gone
 * @sgt: @attachment mapped for @dma_dev, from device to memory
 * @dev: the device, NULL once it is gone. Written under rtnl; the device it
 *	points to may be looked at under rcu_read_lock()
 * @dma_dev: the device that does DMA, @dev's parent; we hold a reference for as
 *	long as there is an @attachment
 * @ifindex: of @dev when it was bound, still known when @dev is gone
 * @ref: one for the netlink socket that bound it, one for each page pool.
 *	When the last is dropped the binding becomes invisible and is freed
 *	from a work item, an RCU grace period later
 * @list: entry in the netlink socket's list of its bindings, under rtnl
 * @bound_rxqs: queue index -> struct netdev_rx_queue, under rtnl
 * @id: names the binding to user space; not reused soon
 * @unbound: user space let go of it, page pools may still hold it
 * @attached: entry in the list of those whose @dmabuf is mapped
 * @iovs: all iovs in the order of their offset in @dmabuf
 * @num_iovs: their number
 * @areas: the runs of @iovs with contiguous DMA addresses, in the same order
 * @num_areas: their number
 * @refill: iovs that a page pool gets at once
 * @lock: for what follows. Taken with BH off; readers who need no consistent
 *	picture use READ_ONCE()
 * @num_free: iovs in state free
 * @high_water: the most iovs that were ever not free at once
 * @allocs: iovs handed to page pools since the bind
 * @releases: iovs that came back from page pools since the bind
 * @exhausted: refills that found no free iov
 * @lost: iovs that came back with references on them, and are not used again
 * @free_stack: the free ones, last freed last
 * @num_user: iovs in state user
 * @token_gets: tokens made since the bind
 * @token_puts: tokens that were given back since the bind, or that the read which
 *	made them could not tell of. For a moment one may be counted here and in
 *	@token_gets not yet
 * @token_closes: tokens that came back with their socket, since the bind
 * @free_work: frees the binding
 */
struct net_devmem_dmabuf_binding {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attachment;
	struct sg_table *sgt;
	struct net_device *dev;
	struct device *dma_dev;
	int ifindex;
	refcount_t ref;
	struct list_head list;
	struct xarray bound_rxqs;
	struct list_head attached;
	u32 id;
	bool unbound;

	struct page_pool_iov *iovs;
	u32 num_iovs;
	struct page_pool_iov_area *areas;
	u32 num_areas;
	u32 refill;

	spinlock_t lock ____cacheline_aligned_in_smp;
	u32 num_free;
	u32 high_water;
	u64 allocs;
	u64 releases;
	u64 exhausted;
	u64 lost;
	netmem_ref *free_stack;

	atomic_t num_user ____cacheline_aligned_in_smp;
	atomic64_t token_gets;
	atomic64_t token_puts;
	atomic64_t token_closes;

	struct rcu_work free_work;
};

/* binding.c: what the core calls, under rtnl */
struct net_devmem_dmabuf_binding *
net_devmem_bind_dmabuf(struct net_device *dev, unsigned int dmabuf_fd,
		       struct netlink_ext_ack *extack);
void net_devmem_unbind_dmabuf(struct net_devmem_dmabuf_binding *binding);
int net_devmem_bind_dmabuf_to_queue(struct net_device *dev, u32 rxq_idx,
				    struct net_devmem_dmabuf_binding *binding,
				    struct netlink_ext_ack *extack);
void dev_dmabuf_uninstall(struct net_device *dev);

void net_devmem_dmabuf_binding_put(struct net_devmem_dmabuf_binding *binding);
struct net_devmem_dmabuf_binding *net_devmem_binding_next(unsigned long *id);
struct page_pool_iov *net_devmem_iov_lookup(unsigned long addr);

static inline void
net_devmem_dmabuf_binding_get(struct net_devmem_dmabuf_binding *binding)
{
	refcount_inc(&binding->ref);
}

/* iov.c */
int net_devmem_iovs_create(struct net_devmem_dmabuf_binding *binding,
			   struct netlink_ext_ack *extack);
void net_devmem_iovs_destroy(struct net_devmem_dmabuf_binding *binding);
u32 net_devmem_iovs_alloc(struct net_devmem_dmabuf_binding *binding,
			  netmem_ref *netmems, u32 want);
void net_devmem_iov_lose(struct net_devmem_dmabuf_binding *binding);

/* Whoever is in a softirq, as NAPI is, need not turn it off */
static inline bool net_devmem_lock(struct net_devmem_dmabuf_binding *binding)
	__acquires(&binding->lock)
{
	bool in_softirq = in_softirq();

	if (in_softirq)
		spin_lock(&binding->lock);
	else
		spin_lock_bh(&binding->lock);

	return in_softirq;
}

static inline void net_devmem_unlock(struct net_devmem_dmabuf_binding *binding,
				     bool in_softirq)
	__releases(&binding->lock)
{
	if (in_softirq)
		spin_unlock(&binding->lock);
	else
		spin_unlock_bh(&binding->lock);
}

/**
 * net_devmem_iov_free() - give an iov back to its binding
 * @binding: the iov's
 * @netmem: the iov; the caller owns it, and its page pool is forgotten
 *
 * Page pools come here for each iov, so it is worth being inlined.
 *
 * Context: Process or softirq; takes @binding->lock.
 */
static inline void
net_devmem_iov_free(struct net_devmem_dmabuf_binding *binding,
		    netmem_ref netmem)
{
	bool in_softirq = net_devmem_lock(binding);

	binding->free_stack[binding->num_free] = netmem;
	/* Aligned words, so each is one store; WRITE_ONCE() would be more code */
	binding->num_free++;
	binding->releases++;
	net_devmem_unlock(binding, in_softirq);
}

/* provider.c */
extern const struct memory_provider_ops dmabuf_devmem_ops;

/* What net/ipv4/tcp.c asks of a frag */
static inline unsigned long net_iov_virtual_addr(const struct net_iov *niov)
{
	return page_pool_iov_virtual_addr((const struct page_pool_iov *)niov);
}

static inline u32 net_iov_binding_id(const struct net_iov *niov)
{
	return niov->owner->binding->id;
}

#endif /* _NET_CORE_PP_DEVMEM_H */
