/* SPDX-License-Identifier: GPL-2.0 */
/*
 * page_pool_iov: memory of a page pool that has no struct page
 */
#ifndef _NET_PAGE_POOL_IOV_H
#define _NET_PAGE_POOL_IOV_H

/**
 * DOC: page_pool_iov contract
 *
 * A page pool whose memory comes from a device hands out I/O vectors ("iovs")
 * instead of pages. An iov's address travels through the pool, skb frags and
 * sockets where a struct page pointer would, with its lowest bit, %PP_DEVMEM,
 * set. The bit says "this is not a page" and nothing else; what kind of memory
 * it is stands in the iov's area.
 *
 * Iovs are created with a binding and live exactly as long as the binding's
 * memory, plus an RCU grace period: whoever finds an iov by look-up (rather
 * than by owning a reference to it) must be inside rcu_read_lock() for as long
 * as it looks at it. Such a reader can find the iov in any state.
 *
 * An iov is in one state at any time, see &enum page_pool_iov_state. It is
 * derived from the iov's own fields, so reading it takes no lock:
 *
 *   free -> pool   the page pool's cache is refilled (NAPI or process context)
 *   pool -> user   the first token on it is handed to a reader
 *   user -> pool   the last token is given back, or its socket is closed
 *   pool -> free   the pool's ring is full, or the pool is destroyed
 */

#include <net/page_pool/helpers.h>

/**
 * enum page_pool_iov_tag - what marks a frag's memory as not being a page
 * @PP_DEVMEM: set in the lowest bit of a struct page pointer or netmem_ref
 *	that is a struct page_pool_iov. The same bit as NET_IOV; an enumerator
 *	so that debuggers find it in BTF and DWARF.
 */
enum page_pool_iov_tag {
	PP_DEVMEM = 0x01UL,
};

static_assert(PP_DEVMEM == NET_IOV);

/**
 * enum page_pool_iov_kind - what memory stands behind an area of iovs
 * @PP_IOV_KIND_DMABUF: a segment of a dma-buf
 */
enum page_pool_iov_kind {
	PP_IOV_KIND_DMABUF = 1,
};

/**
 * enum page_pool_iov_state - who has an iov
 * @PP_IOV_FREE: nobody; it is in its binding's free list
 * @PP_IOV_POOL: a page pool: in its cache or ring, posted to hardware or in an
 *	skb
 * @PP_IOV_USER: a socket's reader, who holds at least one token on it
 */
enum page_pool_iov_state {
	PP_IOV_FREE,
	PP_IOV_POOL,
	PP_IOV_USER,
};

struct net_devmem_dmabuf_binding;
struct page_pool_iov;

/**
 * struct page_pool_iov_area - a run of iovs over contiguous DMA addresses
 * @base_virtual: offset of the first iov in the binding's memory, in bytes
 * @base_dma_addr: DMA address of the first iov, for the binding's device
 * @iovs: the iovs, a part of the binding's one array
 * @num_iovs: their number
 * @binding: what they belong to
 * @kind: what memory this is
 *
 * Does not change between the binding's publication and its end.
 */
struct page_pool_iov_area {
	unsigned long base_virtual;
	dma_addr_t base_dma_addr;
	struct page_pool_iov *iovs;
	size_t num_iovs;
	struct net_devmem_dmabuf_binding *binding;
	enum page_pool_iov_kind kind;
};

/**
 * struct page_pool_iov - a page pool's unit of memory that is not a page
 * @niov: what the core knows of it; the first member, so that a pointer to one
 *	is a pointer to the other
 * @user_tokens: tokens on this iov that user space holds, over all sockets
 * @user_since_ns: when @user_tokens last left zero (coarse monotonic clock,
 *	ns); says nothing while @user_tokens is zero
 *
 * One cache line.
 */
struct page_pool_iov {
	struct net_iov niov;
	atomic_t user_tokens;
	u64 user_since_ns;
};

static_assert(offsetof(struct page_pool_iov, niov) == 0);
static_assert(sizeof(struct page_pool_iov) == 64);

/**
 * page_is_page_pool_iov() - is this pointer out of a frag an iov?
 * @page: the pointer as it stands in the frag; never dereferenced
 *
 * Context: Any.
 * Return: true for an iov, false for a page.
 */
static inline bool page_is_page_pool_iov(const struct page *page)
{
	return (unsigned long)page & PP_DEVMEM;
}

/**
 * netmem_to_page_pool_iov() - the iov that a netmem_ref is
 * @netmem: memory of a page pool
 *
 * Context: Any. The caller's reference on @netmem keeps the iov.
 * Return: the iov, NULL (and a warning under CONFIG_DEBUG_NET) for a page.
 */
static inline struct page_pool_iov *netmem_to_page_pool_iov(netmem_ref netmem)
{
	return (struct page_pool_iov *)netmem_to_net_iov(netmem);
}

/**
 * page_to_page_pool_iov() - the iov that a frag's page pointer is
 * @page: the pointer as it stands in the frag
 *
 * Context: Any. The caller's reference on @page keeps the iov.
 * Return: the iov, NULL (and a warning under CONFIG_DEBUG_NET) for a page.
 */
static inline struct page_pool_iov *page_to_page_pool_iov(struct page *page)
{
	return netmem_to_page_pool_iov(page_to_netmem(page));
}

/**
 * page_pool_iov_to_netmem() - an iov as the page pool and frags carry it
 * @iov: an iov
 *
 * Context: Any.
 * Return: the tagged reference. It takes no count.
 */
static inline netmem_ref page_pool_iov_to_netmem(const struct page_pool_iov *iov)
{
	return net_iov_to_netmem((struct net_iov *)&iov->niov);
}

/**
 * page_pool_iov_owner() - the area that an iov is part of
 * @iov: an iov
 *
 * Context: Any.
 * Return: the area; it lives as long as the iov.
 */
static inline const struct page_pool_iov_area *
page_pool_iov_owner(const struct page_pool_iov *iov)
{
	return iov->niov.owner;
}

/**
 * page_pool_iov_binding() - the binding that an iov belongs to
 * @iov: an iov
 *
 * Context: Any.
 * Return: the binding; it lives as long as the iov.
 */
static inline struct net_devmem_dmabuf_binding *
page_pool_iov_binding(const struct page_pool_iov *iov)
{
	return page_pool_iov_owner(iov)->binding;
}

/**
 * page_pool_iov_virtual_addr() - where in the binding's memory an iov starts
 * @iov: an iov
 *
 * Context: Any.
 * Return: offset in bytes from the start of the dma-buf.
 */
static inline unsigned long
page_pool_iov_virtual_addr(const struct page_pool_iov *iov)
{
	const struct page_pool_iov_area *area = page_pool_iov_owner(iov);

	return area->base_virtual +
	       ((unsigned long)(iov - area->iovs) << PAGE_SHIFT);
}

/**
 * page_pool_iov_idx() - an iov's number in its binding
 * @iov: an iov
 *
 * Context: Any.
 * Return: 0 for the iov at the start of the binding's memory, and so on.
 */
static inline u32 page_pool_iov_idx(const struct page_pool_iov *iov)
{
	return page_pool_iov_virtual_addr(iov) >> PAGE_SHIFT;
}

/**
 * page_pool_iov_dma_addr() - the address that the device uses
 * @iov: an iov
 *
 * Context: Any.
 * Return: DMA address of the iov's first byte.
 */
static inline dma_addr_t page_pool_iov_dma_addr(const struct page_pool_iov *iov)
{
	return page_pool_get_dma_addr_netmem(page_pool_iov_to_netmem(iov));
}

/**
 * page_pool_iov_refcount() - references on an iov
 * @iov: an iov
 *
 * Context: Any. A snapshot.
 * Return: the number of references that frags and tokens hold. 1 as well while
 *	the page pool keeps it for reuse.
 */
static inline long page_pool_iov_refcount(const struct page_pool_iov *iov)
{
	return atomic_long_read(&iov->niov.pp_ref_count);
}

/**
 * page_pool_iov_get_many() - take references
 * @iov: an iov on which the caller has a reference
 * @count: how many more
 *
 * Context: Any.
 */
static inline void page_pool_iov_get_many(struct page_pool_iov *iov,
					  unsigned int count)
{
	atomic_long_add(count, &iov->niov.pp_ref_count);
}

void page_pool_iov_put_many(struct page_pool_iov *iov, unsigned int count);

/**
 * page_pool_iov_user_tokens() - tokens that user space holds on an iov
 * @iov: an iov
 *
 * Context: Any. A snapshot.
 * Return: the number of tokens, over all sockets.
 */
static inline int page_pool_iov_user_tokens(const struct page_pool_iov *iov)
{
	return atomic_read(&iov->user_tokens);
}

/**
 * page_pool_iov_state() - who has an iov
 * @iov: an iov
 *
 * Context: Any. A snapshot.
 * Return: the state, see &enum page_pool_iov_state.
 */
static inline enum page_pool_iov_state
page_pool_iov_state(const struct page_pool_iov *iov)
{
	if (page_pool_iov_user_tokens(iov))
		return PP_IOV_USER;

	return READ_ONCE(iov->niov.pp) ? PP_IOV_POOL : PP_IOV_FREE;
}

#endif /* _NET_PAGE_POOL_IOV_H */
