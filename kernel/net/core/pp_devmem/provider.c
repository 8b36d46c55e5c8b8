// SPDX-License-Identifier: GPL-2.0
/*
 * The page pool's side of the provider: memory_provider_ops over a binding.
 */

#include <net/page_pool/memory_provider.h>
#include <trace/events/devmem.h>
#include <trace/events/page_pool.h>

#include "../page_pool_priv.h"
#include "pp_devmem.h"

/* A driver must take DMA addresses from the pool and nowhere else, so it has
 * to ask for mapping even though an iov is mapped already. The core refuses
 * such a pool too, but the rule is this provider's.
 *
 * Called under rtnl. The binding is alive: the queue still points to it.
 */
static int mp_dmabuf_devmem_init(struct page_pool *pool)
{
	struct net_devmem_dmabuf_binding *binding = pool->mp_priv;

	if (!binding)
		return -EINVAL;
	if (!pool->dma_map)
		return -EOPNOTSUPP;
	if (pool->p.order)
		return -E2BIG;
	if (pool->has_init_callback)
		return -EOPNOTSUPP;

	/* The CPU does not touch this memory: nothing to sync */
	pool->dma_sync = false;
	pool->dma_sync_for_cpu = false;

	net_devmem_dmabuf_binding_get(binding);
	return 0;
}

static noinline_for_stack void
trace_allocs(struct page_pool *pool, const netmem_ref *netmems, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		trace_page_pool_state_hold(pool, netmems[i],
					   pool->pages_state_hold_cnt - n + 1 + i);
		trace_devmem_iov_alloc(pool->mp_priv, pool,
				       netmem_to_page_pool_iov(netmems[i]));
	}
}

/* Called by the pool's one consumer when its cache and ring are empty */
static netmem_ref mp_dmabuf_devmem_alloc_netmems(struct page_pool *pool,
						 gfp_t gfp)
{
	struct net_devmem_dmabuf_binding *binding = pool->mp_priv;
	netmem_ref *cache = pool->alloc.cache;
	u32 i, n;

	n = net_devmem_iovs_alloc(binding, cache, binding->refill);
	if (unlikely(!n)) {
		trace_devmem_exhausted(binding, pool);
		return 0;
	}

	for (i = 0; i < n; i++)
		netmem_set_pp(cache[i], pool);
	pool->pages_state_hold_cnt += n;
	if (trace_devmem_iov_alloc_enabled() ||
	    trace_page_pool_state_hold_enabled())
		trace_allocs(pool, cache, n);

	pool->alloc.count = n - 1;
	return cache[n - 1];
}

static noinline_for_stack void
trace_release(struct page_pool *pool, netmem_ref netmem)
{
	trace_devmem_iov_release(pool->mp_priv, pool,
				 netmem_to_page_pool_iov(netmem));
}

static noinline_for_stack void
iov_lose(struct net_devmem_dmabuf_binding *binding, netmem_ref netmem)
{
	struct page_pool_iov *iov = netmem_to_page_pool_iov(netmem);

	net_err_ratelimited("devmem: iov %u of binding %u came back with %ld references, not used again\n",
			    page_pool_iov_idx(iov), binding->id,
			    page_pool_iov_refcount(iov));
	net_devmem_iov_lose(binding);
}

/* Always false: the pool must not put_page() an iov */
static bool mp_dmabuf_devmem_release_netmem(struct page_pool *pool,
					    netmem_ref netmem)
{
	struct net_devmem_dmabuf_binding *binding = pool->mp_priv;

	if (trace_devmem_iov_release_enabled())
		trace_release(pool, netmem);
	netmem_set_pp(netmem, NULL);

	/* Handed out again, it would be two packets' at once */
	if (likely(atomic_long_read(netmem_get_pp_ref_count_ref(netmem)) == 1))
		net_devmem_iov_free(binding, netmem);
	else
		iov_lose(binding, netmem);

	return false;
}

static void mp_dmabuf_devmem_destroy(struct page_pool *pool)
{
	struct net_devmem_dmabuf_binding *binding = pool->mp_priv;

	trace_devmem_pool_destroy(binding, pool);
	net_devmem_dmabuf_binding_put(binding);
}

const struct memory_provider_ops dmabuf_devmem_ops = {
	.init			= mp_dmabuf_devmem_init,
	.destroy		= mp_dmabuf_devmem_destroy,
	.alloc_netmems		= mp_dmabuf_devmem_alloc_netmems,
	.release_netmem		= mp_dmabuf_devmem_release_netmem,
};
