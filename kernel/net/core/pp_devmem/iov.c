// SPDX-License-Identifier: GPL-2.0
/*
 * A binding's iovs: made from the dma-buf's scatterlist, handed out from a
 * LIFO free list, and counted while user space holds tokens on them.
 */

#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/scatterlist.h>
#include <linux/timekeeping.h>
#include <net/sock.h>
#include <trace/events/devmem.h>

#include "../page_pool_priv.h"
#include "pp_devmem.h"

/* Two segments of the scatterlist make one area if the device sees no gap */
static bool iov_area_continues(const struct page_pool_iov_area *area,
			       dma_addr_t dma_addr)
{
	return area->base_dma_addr + (area->num_iovs << PAGE_SHIFT) == dma_addr;
}

static int iov_check_segment(const struct scatterlist *sg, unsigned int idx,
			     struct netlink_ext_ack *extack)
{
	if (PAGE_ALIGNED(sg_dma_address(sg)) && PAGE_ALIGNED(sg_dma_len(sg)))
		return 0;

	NL_SET_ERR_MSG_FMT(extack,
			   "dma-buf segment %u is not made of whole pages: 0x%llx+0x%x",
			   idx, (u64)sg_dma_address(sg), sg_dma_len(sg));
	return -EINVAL;
}

/* Find how many iovs and areas the scatterlist makes, refuse what cannot be
 * cut into iovs.
 */
static int iov_measure(struct net_devmem_dmabuf_binding *binding,
		       struct netlink_ext_ack *extack)
{
	struct page_pool_iov_area last = {};
	struct scatterlist *sg;
	u64 num_iovs = 0;
	unsigned int i;
	int err;

	for_each_sgtable_dma_sg(binding->sgt, sg, i) {
		err = iov_check_segment(sg, i, extack);
		if (err)
			return err;

		if (!last.num_iovs ||
		    !iov_area_continues(&last, sg_dma_address(sg))) {
			last.base_dma_addr = sg_dma_address(sg);
			last.num_iovs = 0;
			binding->num_areas++;
		}
		last.num_iovs += sg_dma_len(sg) >> PAGE_SHIFT;
		num_iovs += sg_dma_len(sg) >> PAGE_SHIFT;
	}

	if (!num_iovs) {
		NL_SET_ERR_MSG(extack, "dma-buf has no memory for the device");
		return -EINVAL;
	}
	if (num_iovs > INT_MAX / sizeof(*binding->iovs)) {
		NL_SET_ERR_MSG_FMT(extack, "dma-buf of %llu pages is too large, the limit is %zu",
				   num_iovs, INT_MAX / sizeof(*binding->iovs));
		return -E2BIG;
	}

	binding->num_iovs = num_iovs;
	return 0;
}

static void iov_init_area(struct page_pool_iov_area *area,
			  const struct scatterlist *sg)
{
	size_t end = area->num_iovs + (sg_dma_len(sg) >> PAGE_SHIFT);

	for (; area->num_iovs < end; area->num_iovs++) {
		struct page_pool_iov *iov = &area->iovs[area->num_iovs];

		iov->niov.owner = area;
		page_pool_set_dma_addr_netmem(page_pool_iov_to_netmem(iov),
					      area->base_dma_addr +
					      (area->num_iovs << PAGE_SHIFT));
	}
}

static void iov_init_areas(struct net_devmem_dmabuf_binding *binding)
{
	struct page_pool_iov_area *area = NULL, *next = binding->areas;
	struct page_pool_iov *iov = binding->iovs;
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(binding->sgt, sg, i) {
		if (!area || !iov_area_continues(area, sg_dma_address(sg))) {
			area = next++;
			area->kind = PP_IOV_KIND_DMABUF;
			area->binding = binding;
			area->base_dma_addr = sg_dma_address(sg);
			area->base_virtual = (iov - binding->iovs) << PAGE_SHIFT;
			area->iovs = iov;
		}
		iov_init_area(area, sg);
		iov = area->iovs + area->num_iovs;
	}
}

/**
 * net_devmem_iovs_create() - cut a binding's memory into iovs, all free
 * @binding: has its @sgt, and nothing of iovs yet
 * @extack: told which segment is refused, and why
 *
 * Context: Process, may sleep.
 * Return: 0, or -EINVAL for a segment that is not made of whole pages, -E2BIG
 *	for too many, -ENOMEM. On error nothing is left behind.
 */
int net_devmem_iovs_create(struct net_devmem_dmabuf_binding *binding,
			   struct netlink_ext_ack *extack)
{
	u32 i;
	int err;

	err = iov_measure(binding, extack);
	if (err)
		return err;

	binding->areas = kvcalloc(binding->num_areas, sizeof(*binding->areas),
				  GFP_KERNEL);
	if (!binding->areas)
		return -ENOMEM;

	binding->iovs = kvcalloc(binding->num_iovs, sizeof(*binding->iovs),
				 GFP_KERNEL);
	if (!binding->iovs) {
		err = -ENOMEM;
		goto err_free_areas;
	}

	binding->free_stack = kvmalloc_array(binding->num_iovs,
					     sizeof(*binding->free_stack),
					     GFP_KERNEL);
	if (!binding->free_stack) {
		err = -ENOMEM;
		goto err_free_iovs;
	}

	iov_init_areas(binding);

	/* The start of the buffer is on top of the stack and goes out first */
	for (i = 0; i < binding->num_iovs; i++)
		binding->free_stack[i] = binding->num_iovs - 1 - i;
	binding->num_free = binding->num_iovs;
	spin_lock_init(&binding->lock);

	return 0;

err_free_iovs:
	kvfree(binding->iovs);
err_free_areas:
	kvfree(binding->areas);
	return err;
}

/**
 * net_devmem_iovs_destroy() - free a binding's iovs
 * @binding: all its iovs are free, and no RCU reader can find it any more
 *
 * Context: Process, may sleep.
 */
void net_devmem_iovs_destroy(struct net_devmem_dmabuf_binding *binding)
{
	DEBUG_NET_WARN_ON_ONCE(binding->num_free != binding->num_iovs);

	kvfree(binding->free_stack);
	kvfree(binding->iovs);
	kvfree(binding->areas);
}

/**
 * net_devmem_iovs_alloc() - take free iovs, as many as there are
 * @binding: where from; the caller has a reference
 * @netmems: filled with the tagged references
 * @want: how many at most
 *
 * The cost of one iov depends neither on the size of the binding nor on how
 * full it is.
 *
 * Context: Process or softirq; takes @binding->lock.
 * Return: how many it gave. The caller owns them.
 */
u32 net_devmem_iovs_alloc(struct net_devmem_dmabuf_binding *binding,
			  netmem_ref *netmems, u32 want)
{
	u32 i, n, *top;

	spin_lock_bh(&binding->lock);
	n = min(want, binding->num_free);
	top = &binding->free_stack[binding->num_free];
	for (i = 0; i < n; i++)
		netmems[i] = page_pool_iov_to_netmem(&binding->iovs[*--top]);
	WRITE_ONCE(binding->num_free, binding->num_free - n);
	WRITE_ONCE(binding->allocs, binding->allocs + n);
	if (!n)
		WRITE_ONCE(binding->exhausted, binding->exhausted + 1);
	if (binding->high_water < binding->num_iovs - binding->num_free)
		WRITE_ONCE(binding->high_water,
			   binding->num_iovs - binding->num_free);
	spin_unlock_bh(&binding->lock);

	return n;
}

/**
 * net_devmem_iov_free() - give an iov back to its binding
 * @iov: the caller owns it, and has cleared what the page pool put in it
 *
 * Context: Process or softirq; takes the binding's lock.
 */
void net_devmem_iov_free(struct page_pool_iov *iov)
{
	struct net_devmem_dmabuf_binding *binding = page_pool_iov_binding(iov);

	spin_lock_bh(&binding->lock);
	binding->free_stack[binding->num_free] = iov - binding->iovs;
	WRITE_ONCE(binding->num_free, binding->num_free + 1);
	WRITE_ONCE(binding->releases, binding->releases + 1);
	spin_unlock_bh(&binding->lock);
}

/**
 * page_pool_iov_put_many() - give references back
 * @iov: an iov on which the caller has at least @count references
 * @count: how many
 *
 * With the last one the iov goes back to its page pool, and the caller may not
 * look at it any more.
 *
 * Context: Process or softirq, as for page_pool_put_page().
 */
void page_pool_iov_put_many(struct page_pool_iov *iov, unsigned int count)
{
	netmem_ref netmem = page_pool_iov_to_netmem(iov);
	struct page_pool *pool = iov->niov.pp;

	if (page_pool_unref_netmem(netmem, count))
		return;

	page_pool_put_unrefed_netmem(pool, netmem, -1, false);
}
EXPORT_SYMBOL_GPL(page_pool_iov_put_many);

/**
 * net_devmem_token_get() - a token is handed to a reader
 * @sk: the socket that it belongs to
 * @netmem: the iov that it stands for; the token's reference is already taken
 * @token: its number in @sk's sk_user_frags
 *
 * Context: Process, under the socket's lock.
 */
void net_devmem_token_get(const struct sock *sk, netmem_ref netmem, u32 token)
{
	struct page_pool_iov *iov = netmem_to_page_pool_iov(netmem);

	if (atomic_inc_return(&iov->user_tokens) == 1) {
		WRITE_ONCE(iov->user_since_ns, ktime_get_coarse_ns());
		atomic_inc(&page_pool_iov_binding(iov)->num_user);
	}
	trace_devmem_token_get(sk, iov, token);
}

/**
 * net_devmem_token_put() - a token comes back
 * @sk: the socket that it belonged to
 * @netmem: the iov that it stands for; the token's reference is dropped after
 *	this
 * @token: its number in @sk's sk_user_frags
 * @reason: who gave it back
 *
 * Context: Process or softirq; the xarray's lock may be held.
 */
void net_devmem_token_put(const struct sock *sk, netmem_ref netmem, u32 token,
			  enum devmem_put_reason reason)
{
	struct page_pool_iov *iov = netmem_to_page_pool_iov(netmem);

	trace_devmem_token_put(sk, iov, token, reason);
	if (atomic_dec_and_test(&iov->user_tokens))
		atomic_dec(&page_pool_iov_binding(iov)->num_user);
}
