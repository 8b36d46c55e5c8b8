// SPDX-License-Identifier: GPL-2.0
/*
 * devmemsim: receive queues: page pools, posted buffers, life and death.
 *
 * A queue has two rings. Buffers of the host ring are pages, always. Buffers
 * of the payload ring come from a pool that allows unreadable memory, so they
 * are whatever the memory provider of the queue hands out; the driver posts
 * their DMA address and never looks behind it.
 */

#include <linux/dma-mapping.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <net/netdev_rx_queue.h>
#include <net/page_pool/helpers.h>

#include "devmemsim.h"

static int dms_ring_init(struct dms_ring *ring, struct page_pool_params *pp,
			 u32 size)
{
	ring->desc = kvcalloc(size, sizeof(*ring->desc), GFP_KERNEL);
	if (!ring->desc)
		return -ENOMEM;
	ring->pool = page_pool_create(pp);
	if (IS_ERR(ring->pool)) {
		int err = PTR_ERR(ring->pool);

		kvfree(ring->desc);
		memset(ring, 0, sizeof(*ring));
		return err;
	}
	ring->size = size;
	ring->offset = pp->offset;
	ring->room = pp->max_len;
	ring->truesize = PAGE_SIZE << pp->order;
	return 0;
}

static void dms_ring_free(struct dms_ring *ring)
{
	struct dms_desc *desc;

	if (!ring->size)
		return;
	for (; dms_ring_posted(ring); ring->tail++) {
		desc = &ring->desc[ring->tail & (ring->size - 1)];
		page_pool_put_full_netmem(ring->pool, desc->netmem, false);
	}
	page_pool_destroy(ring->pool);
	kvfree(ring->desc);
	memset(ring, 0, sizeof(*ring));
}

/**
 * dms_ring_fill() - post buffers until the ring is full
 * @ring: the ring, in its NAPI or with the NAPI disabled
 * @fail: knob that counts allocations still to fail, or NULL
 *
 * Never sleeps: a pool that maps its pages holds a spinlock with bottom halves
 * off when it asks for memory to remember a page by, and if that may sleep the
 * kernel does so with them off.
 *
 * Return: 0 if it is full, -ENOMEM if it is not but may be later, -EOPNOTSUPP
 * if the memory is out of the engine's reach.
 */
int dms_ring_fill(struct dms_ring *ring, atomic_t *fail)
{
	struct dms_desc *desc;
	netmem_ref netmem;
	dma_addr_t addr;

	while (dms_ring_posted(ring) < ring->size) {
		if (fail && dms_fault_take(fail))
			return -ENOMEM;
		netmem = page_pool_alloc_netmems(ring->pool,
						 GFP_ATOMIC | __GFP_NOWARN);
		if (!netmem)
			return -ENOMEM;
		addr = page_pool_get_dma_addr_netmem(netmem);
		if (unlikely(!dms_dma_reachable(addr))) {
			page_pool_put_full_netmem(ring->pool, netmem, false);
			return -EOPNOTSUPP;
		}
		desc = &ring->desc[ring->head & (ring->size - 1)];
		desc->addr = addr + ring->offset;
		desc->netmem = netmem;
		WRITE_ONCE(ring->head, ring->head + 1);
	}
	return 0;
}

static int dms_host_ring_init(struct net_device *dev, struct dms_ring *ring,
			      unsigned int idx)
{
	struct dms_priv *priv = netdev_priv(dev);
	struct page_pool_params pp = {
		.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV,
		.pool_size = priv->cfg.ring_size,
		.nid = NUMA_NO_NODE,
		.dev = dms_parent,
		.dma_dir = DMA_FROM_DEVICE,
		.offset = DMS_HOST_OFFSET,
		.max_len = DMS_HOST_ROOM,
		.netdev = dev,
		.queue_idx = idx,
	};

	return dms_ring_init(ring, &pp, priv->cfg.ring_size);
}

static int dms_payload_ring_init(struct net_device *dev, struct dms_ring *ring,
				 unsigned int idx)
{
	struct dms_priv *priv = netdev_priv(dev);
	u32 page_size = dms_rx_page_size(dev, idx);
	struct page_pool_params pp = {
		.order = get_order(page_size),
		.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV |
			 PP_FLAG_ALLOW_UNREADABLE_NETMEM,
		.pool_size = priv->cfg.ring_size,
		.nid = NUMA_NO_NODE,
		.dev = dms_parent,
		.dma_dir = DMA_FROM_DEVICE,
		.max_len = page_size,
		.netdev = dev,
		.queue_idx = idx,
	};

	/* A pool of pages needs the mapping, so the knob is for providers. */
	if (READ_ONCE(priv->no_dma_map) && dms_queue_has_provider(dev, idx))
		pp.flags = PP_FLAG_ALLOW_UNREADABLE_NETMEM;
	if (READ_ONCE(priv->ignore_provider))
		pp.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV;
	return dms_ring_init(ring, &pp, priv->cfg.ring_size);
}

static int dms_ring_first_fill(struct net_device *dev, struct dms_ring *ring)
{
	int err = dms_ring_fill(ring, NULL);

	/* Too few buffers is a state that real queues live with as well. */
	if (err == -ENOMEM)
		return 0;
	if (err)
		netdev_err(dev, "buffers are not in memory that the simulated DMA engine can write\n");
	return err;
}

/**
 * dms_queue_mem_init() - make the memory of a queue and post its buffers
 * @dev: the device, ops lock held
 * @mem: zeroed
 * @idx: index of the queue
 *
 * The pools have no NAPI yet, so they can be freed whether or not the queue
 * runs; dms_queue_attach() gives them one.
 *
 * Return: 0 or a negative errno, with nothing left behind.
 */
int dms_queue_mem_init(struct net_device *dev, struct dms_queue_mem *mem,
		       unsigned int idx)
{
	struct dms_priv *priv = netdev_priv(dev);
	int err;

	err = dms_host_ring_init(dev, &mem->host, idx);
	if (err)
		return err;
	err = dms_ring_first_fill(dev, &mem->host);
	if (err)
		goto err_host;
	if (!priv->cfg.split)
		return 0;

	err = dms_payload_ring_init(dev, &mem->payload, idx);
	if (err)
		goto err_host;
	err = dms_ring_first_fill(dev, &mem->payload);
	if (err)
		goto err_payload;
	return 0;

err_payload:
	dms_ring_free(&mem->payload);
err_host:
	dms_ring_free(&mem->host);
	return err;
}

/**
 * dms_queue_mem_free() - return posted buffers, let go of the pools
 * @mem: memory that no queue runs on; may be empty
 *
 * Buffers that skbs or sockets still hold keep their pool alive in the core.
 */
void dms_queue_mem_free(struct dms_queue_mem *mem)
{
	dms_ring_free(&mem->payload);
	dms_ring_free(&mem->host);
}

/**
 * dms_queue_attach() - run a queue on its memory
 * @q: queue with a disabled NAPI
 * @mem: memory to take over
 */
void dms_queue_attach(struct dms_queue *q, struct dms_queue_mem *mem)
{
	mem->proven = true;
	q->mem = *mem;
	q->starved = false;
	dms_pool_enable_recycling(q->mem.host.pool, &q->napi);
	if (q->mem.payload.pool)
		dms_pool_enable_recycling(q->mem.payload.pool, &q->napi);
	dms_napi_enable(&q->napi);
	/* Packets may have come while nobody polled. */
	dms_wire_kick(q);
}

/**
 * dms_queue_detach() - stop a queue and take its memory
 * @q: running queue
 * @mem: where the memory goes
 *
 * The wire stays open: packets wait for the queue to be attached again.
 */
void dms_queue_detach(struct dms_queue *q, struct dms_queue_mem *mem)
{
	dms_napi_disable(&q->napi);
	page_pool_disable_direct_recycling(q->mem.host.pool);
	if (q->mem.payload.pool)
		page_pool_disable_direct_recycling(q->mem.payload.pool);
	*mem = q->mem;
	memset(&q->mem, 0, sizeof(q->mem));
}

static int dms_queue_up(struct dms_queue *q)
{
	struct dms_queue_mem mem = {};
	int err;

	err = dms_queue_mem_init(q->dev, &mem, q->idx);
	if (err)
		return err;
	dms_napi_add(q->dev, &q->napi, dms_poll);
	netif_queue_set_napi(q->dev, q->idx, NETDEV_QUEUE_TYPE_RX, &q->napi);
	netif_queue_set_napi(q->dev, q->idx, NETDEV_QUEUE_TYPE_TX, &q->napi);
	dms_queue_attach(q, &mem);
	dms_wire_open(q);
	q->up = true;
	return 0;
}

static void dms_queue_down(struct dms_queue *q)
{
	struct dms_queue_mem mem;

	q->up = false;
	dms_wire_close(q);
	dms_queue_detach(q, &mem);
	/* Only the NAPI arms it, and that is disabled by now. */
	cancel_delayed_work_sync(&q->retry);
	dms_gro_purge(q);
	netif_queue_set_napi(q->dev, q->idx, NETDEV_QUEUE_TYPE_TX, NULL);
	netif_queue_set_napi(q->dev, q->idx, NETDEV_QUEUE_TYPE_RX, NULL);
	dms_napi_del(&q->napi);
	dms_queue_mem_free(&mem);
}

/**
 * dms_queues_up() - bring up some queues, all or none
 * @priv: the device, ops lock held
 * @from: first queue
 * @to: queue after the last
 *
 * Return: 0 or a negative errno.
 */
int dms_queues_up(struct dms_priv *priv, unsigned int from, unsigned int to)
{
	unsigned int i;
	int err;

	for (i = from; i < to; i++) {
		err = dms_queue_up(&priv->queues[i]);
		if (err) {
			dms_queues_down(priv, from, i);
			return err;
		}
	}
	return 0;
}

/**
 * dms_queues_down() - take down some queues
 * @priv: the device, ops lock held
 * @from: first queue
 * @to: queue after the last
 */
void dms_queues_down(struct dms_priv *priv, unsigned int from, unsigned int to)
{
	while (to > from)
		dms_queue_down(&priv->queues[--to]);
}

/**
 * dms_queues_replace_mem() - give running queues memory of the configured kind
 * @priv: a device that is up, ops lock held
 *
 * Everything is allocated before the first queue stops, so a failure leaves
 * the device as it was.
 *
 * Return: 0 or a negative errno.
 */
int dms_queues_replace_mem(struct dms_priv *priv)
{
	struct dms_queue_mem *mems, old;
	unsigned int i;
	int err = 0;

	mems = kvcalloc(priv->channels, sizeof(*mems), GFP_KERNEL);
	if (!mems)
		return -ENOMEM;
	for (i = 0; i < priv->channels && !err; i++)
		err = dms_queue_mem_init(priv->dev, &mems[i], i);
	for (i = 0; i < priv->channels; i++) {
		if (!err) {
			dms_queue_detach(&priv->queues[i], &old);
			dms_queue_attach(&priv->queues[i], &mems[i]);
			mems[i] = old;
		}
		dms_queue_mem_free(&mems[i]);
	}
	kvfree(mems);
	return err;
}

static void dms_queue_retry(struct work_struct *work)
{
	dms_wire_kick(container_of(to_delayed_work(work), struct dms_queue,
				   retry));
}

/**
 * dms_queues_create() - make the queues of a device, all down
 * @priv: the device, @num_queues set
 *
 * Return: 0 or -ENOMEM.
 */
int dms_queues_create(struct dms_priv *priv)
{
	struct dms_queue *q;
	unsigned int i;

	priv->queues = kvcalloc(priv->num_queues, sizeof(*priv->queues),
				GFP_KERNEL_ACCOUNT);
	if (!priv->queues)
		return -ENOMEM;
	for (i = 0; i < priv->num_queues; i++) {
		q = &priv->queues[i];
		q->dev = priv->dev;
		q->idx = i;
		dms_wire_init(&q->wire);
		INIT_LIST_HEAD(&q->gro);
		INIT_DELAYED_WORK(&q->retry, dms_queue_retry);
		u64_stats_init(&q->rx_sync);
		u64_stats_init(&q->tx_sync);
	}
	return 0;
}

/**
 * dms_queues_destroy() - free the queues of a device, all down
 * @priv: the device; no sender looks at it any more
 */
void dms_queues_destroy(struct dms_priv *priv)
{
	kvfree(priv->queues);
	priv->queues = NULL;
}
