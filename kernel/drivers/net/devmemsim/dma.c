// SPDX-License-Identifier: GPL-2.0
/*
 * devmemsim: the DMA engine.
 *
 * Hardware gets a bus address and writes to it; it knows nothing of pages or
 * iovs. So does this engine: every byte of a received packet reaches memory
 * through dms_dma_write(), and what is sent from device memory is read by
 * dms_dma_read(). It can only play the bus master where the bus is
 * transparent, that is where a bus address is a physical address, and only
 * on memory that the kernel has in its direct map. dms_dma_probe() tests the
 * first, dms_dma_reachable() the second, so that a wrong guess is refused and
 * never becomes a stray write.
 */

#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pfn.h>

#include "devmemsim.h"

/**
 * dms_dma_probe() - can the engine play the bus master for a device?
 * @dev: the device that mappings are made for
 *
 * Return: 0, or -EOPNOTSUPP behind an IOMMU or with forced bounce buffers.
 */
int dms_dma_probe(struct device *dev)
{
	struct page *page;
	dma_addr_t addr;
	int err = 0;

	page = alloc_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	addr = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_FROM_DEVICE);
	if (dma_mapping_error(dev, addr)) {
		err = -EOPNOTSUPP;
		goto out_free;
	}
	if (addr != page_to_phys(page)) {
		dev_err(dev, "needs DMA without IOMMU or bounce buffers: physical address %pa got bus address %pad\n",
			&(phys_addr_t){ page_to_phys(page) }, &addr);
		err = -EOPNOTSUPP;
	}
	dma_unmap_page(dev, addr, PAGE_SIZE, DMA_FROM_DEVICE);
out_free:
	__free_page(page);
	return err;
}

/**
 * dms_dma_reachable() - may the engine read and write here?
 * @addr: bus address of a buffer
 *
 * Zero is what a pool without DMA mapping reports, and no buffer.
 *
 * Return: whether there is memory at @addr that the kernel can touch.
 */
bool dms_dma_reachable(dma_addr_t addr)
{
	return addr && pfn_valid(PHYS_PFN(addr));
}

static int dms_dma_copy(void *va, struct sk_buff *skb, int offset, int len,
			bool to_memory)
{
	return to_memory ? skb_copy_bits(skb, offset, va, len) :
			   skb_store_bits(skb, offset, va, len);
}

static int dms_dma_access(dma_addr_t addr, struct sk_buff *skb, int offset,
			  int len, bool to_memory)
{
	while (len) {
		int chunk = min_t(int, len, PAGE_SIZE - offset_in_page(addr));
		void *va;
		int err;

		if (!dms_dma_reachable(addr))
			return -EFAULT;
		va = kmap_local_page(pfn_to_page(PHYS_PFN(addr)));
		err = dms_dma_copy(va + offset_in_page(addr), skb, offset,
				   chunk, to_memory);
		kunmap_local(va);
		if (err)
			return err;
		addr += chunk;
		offset += chunk;
		len -= chunk;
	}
	return 0;
}

/**
 * dms_dma_write() - write a part of a packet to memory
 * @addr: bus address
 * @skb: packet on the wire, linear or not
 * @offset: where the part starts
 * @len: how long it is
 *
 * Return: 0, or -EFAULT if either end cannot be reached.
 */
int dms_dma_write(dma_addr_t addr, const struct sk_buff *skb, int offset,
		  int len)
{
	return dms_dma_access(addr, (struct sk_buff *)skb, offset, len, true);
}

/**
 * dms_dma_read() - read a part of a packet from memory
 * @addr: bus address
 * @skb: packet on its way to the wire, with room for all of it
 * @offset: where the part starts
 * @len: how long it is
 *
 * Return: 0, or -EFAULT if either end cannot be reached.
 */
int dms_dma_read(dma_addr_t addr, struct sk_buff *skb, int offset, int len)
{
	return dms_dma_access(addr, skb, offset, len, false);
}
