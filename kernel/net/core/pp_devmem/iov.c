// SPDX-License-Identifier: GPL-2.0
/*
 * A binding's iovs: made from the dma-buf's scatterlist, and handed out from a
 * LIFO free list.
 */

#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/overflow.h>
#include <linux/scatterlist.h>
#include <linux/vmalloc.h>
#include <net/netdev_rx_queue.h>

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
			   "dma-buf segment %u of 0x%x bytes, at offset 0x%lx of a page, is not made of whole pages",
			   idx, sg_dma_len(sg),
			   offset_in_page(sg_dma_address(sg)));
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
	if (num_iovs > U32_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "dma-buf of %llu pages is too large, the limit is %u",
				   num_iovs, U32_MAX);
		return -E2BIG;
	}

	binding->num_iovs = num_iovs;
	return 0;
}

/* What the page pool would set each time that it gets an iov, and clear each
 * time that it gives one up, stands in there from the start: all but the pool.
 */
static void iov_init_area(struct page_pool_iov_area *area,
			  const struct scatterlist *sg)
{
	size_t end = area->num_iovs + (sg_dma_len(sg) >> PAGE_SHIFT);

	for (; area->num_iovs < end; area->num_iovs++) {
		struct page_pool_iov *iov = &area->iovs[area->num_iovs];
		netmem_ref netmem = page_pool_iov_to_netmem(iov);

		iov->niov.owner = area;
		netmem_or_pp_magic(netmem, PP_SIGNATURE);
		page_pool_fragment_netmem(netmem, 1);
		page_pool_set_dma_addr_netmem(netmem,
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

/* kvcalloc() ends at 2 GiB, the iovs of 128 GiB */
static void *table_alloc(size_t n, size_t size)
{
	size_t bytes = array_size(n, size);

	if (bytes > INT_MAX)
		return vzalloc(bytes);

	return kvzalloc(bytes, GFP_KERNEL);
}

/* A page pool's cache is not to sit on much of a small binding while another's
 * is empty.
 */
static u32 refill_size(u32 num_iovs)
{
	return clamp(num_iovs / 16, 1, PP_ALLOC_CACHE_REFILL);
}

/* The start of the buffer is on top of the stack and goes out first */
static void free_stack_init(struct net_devmem_dmabuf_binding *binding)
{
	netmem_ref *top = binding->free_stack + binding->num_iovs;
	u32 i;

	for (i = 0; i < binding->num_iovs; i++)
		*--top = page_pool_iov_to_netmem(&binding->iovs[i]);
	binding->num_free = binding->num_iovs;
	spin_lock_init(&binding->lock);
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
	int err;

	err = iov_measure(binding, extack);
	if (err)
		return err;

	binding->areas = table_alloc(binding->num_areas,
				     sizeof(*binding->areas));
	if (!binding->areas)
		return -ENOMEM;

	binding->iovs = table_alloc(binding->num_iovs, sizeof(*binding->iovs));
	if (!binding->iovs) {
		err = -ENOMEM;
		goto err_free_areas;
	}

	binding->free_stack = table_alloc(binding->num_iovs,
					  sizeof(*binding->free_stack));
	if (!binding->free_stack) {
		err = -ENOMEM;
		goto err_free_iovs;
	}

	binding->refill = refill_size(binding->num_iovs);
	iov_init_areas(binding);
	free_stack_init(binding);

	return 0;

err_free_iovs:
	kvfree(binding->iovs);
err_free_areas:
	kvfree(binding->areas);
	return err;
}

/**
 * net_devmem_iovs_destroy() - free a binding's iovs
 * @binding: all its iovs are free or lost, and no RCU reader can find it any
 *	more
 *
 * Context: Process, may sleep.
 */
void net_devmem_iovs_destroy(struct net_devmem_dmabuf_binding *binding)
{
	DEBUG_NET_WARN_ON_ONCE(binding->num_free + binding->lost !=
			       binding->num_iovs);

	kvfree(binding->free_stack);
	kvfree(binding->iovs);
	kvfree(binding->areas);
}

/**
 * net_devmem_iovs_alloc() - take free iovs, as many as there are
 * @binding: where from; the caller has a reference
 * @netmems: filled with the tagged references, the one freed last at the end
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
	bool in_softirq = net_devmem_lock(binding);
	u32 n = min(want, binding->num_free);
	u32 num_free = binding->num_free - n;

	memcpy(netmems, binding->free_stack + num_free, n * sizeof(*netmems));
	WRITE_ONCE(binding->num_free, num_free);
	WRITE_ONCE(binding->allocs, binding->allocs + n);
	if (!n)
		WRITE_ONCE(binding->exhausted, binding->exhausted + 1);
	if (binding->high_water < binding->num_iovs - num_free)
		WRITE_ONCE(binding->high_water, binding->num_iovs - num_free);
	net_devmem_unlock(binding, in_softirq);

	return n;
}

/**
 * net_devmem_iov_lose() - never use an iov again
 * @binding: the iov's
 *
 * For an iov that somebody may still write to.
 *
 * Context: Process or softirq; takes @binding->lock.
 */
void net_devmem_iov_lose(struct net_devmem_dmabuf_binding *binding)
{
	bool in_softirq = net_devmem_lock(binding);

	WRITE_ONCE(binding->lost, binding->lost + 1);
	net_devmem_unlock(binding, in_softirq);
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
