// SPDX-License-Identifier: GPL-2.0
/*
 * devmemsim: transmit, and the wire that ends in the peer's receive FIFO.
 *
 * A packet counts as sent once it is in the FIFO, so nothing of the sender,
 * no socket, no route, travels with it. A full FIFO stops the sender's queue
 * as long as the receiver drains it; if the receiver is stalled, packets are
 * lost there as they would be in hardware.
 */

#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/dst.h>

#include "devmemsim.h"

/**
 * dms_wire_init() - prepare a FIFO, closed
 * @wire: the FIFO
 */
void dms_wire_init(struct dms_wire *wire)
{
	spin_lock_init(&wire->lock);
	__skb_queue_head_init(&wire->fifo);
}

/**
 * dms_wire_open() - let packets in
 * @q: queue whose NAPI is enabled
 */
void dms_wire_open(struct dms_queue *q)
{
	spin_lock_bh(&q->wire.lock);
	q->wire.open = true;
	spin_unlock_bh(&q->wire.lock);
}

static void dms_wire_wake_locked(struct dms_queue *q)
{
	struct dms_priv *priv = netdev_priv(q->dev);
	struct netdev_queue *txq;
	struct dms_priv *sender;
	struct net_device *peer;
	unsigned int i;

	lockdep_assert_held(&q->wire.lock);
	if (bitmap_empty(q->wire.tx_waiting, DMS_QUEUES_MAX))
		return;

	rcu_read_lock();
	peer = rcu_dereference(priv->peer);
	if (peer) {
		sender = netdev_priv(peer);
		for_each_set_bit(i, q->wire.tx_waiting, sender->num_queues) {
			txq = netdev_get_tx_queue(peer, i);
			atomic64_inc(&sender->queues[i].tx_wakes);
			netif_tx_wake_queue(txq);
		}
	}
	rcu_read_unlock();
	bitmap_zero(q->wire.tx_waiting, DMS_QUEUES_MAX);
}

/**
 * dms_wire_wake_senders() - let stopped transmit queues go on
 * @q: the queue they wait for
 */
void dms_wire_wake_senders(struct dms_queue *q)
{
	spin_lock_bh(&q->wire.lock);
	dms_wire_wake_locked(q);
	spin_unlock_bh(&q->wire.lock);
}

/**
 * dms_wire_close() - let no packet in, drop those that wait
 * @q: the queue; its NAPI is not scheduled by the wire afterwards
 */
void dms_wire_close(struct dms_queue *q)
{
	struct sk_buff_head left;

	__skb_queue_head_init(&left);
	spin_lock_bh(&q->wire.lock);
	q->wire.open = false;
	skb_queue_splice_init(&q->wire.fifo, &left);
	dms_wire_wake_locked(q);
	spin_unlock_bh(&q->wire.lock);
	__skb_queue_purge(&left);
}

/**
 * dms_wire_kick() - have the NAPI look at the queue, if it is up
 * @q: the queue
 */
void dms_wire_kick(struct dms_queue *q)
{
	spin_lock_bh(&q->wire.lock);
	if (q->wire.open)
		napi_schedule(&q->napi);
	spin_unlock_bh(&q->wire.lock);
}

/**
 * dms_wire_pull() - take packets off the FIFO
 * @q: the queue, in its NAPI
 * @batch: where they go, in order
 * @budget: how many at most
 *
 * Return: how many it took.
 */
unsigned int dms_wire_pull(struct dms_queue *q, struct sk_buff_head *batch,
			   unsigned int budget)
{
	struct dms_wire *wire = &q->wire;
	struct sk_buff *skb;
	unsigned int n;

	spin_lock(&wire->lock);
	for (n = 0; n < budget; n++) {
		skb = __skb_dequeue(&wire->fifo);
		if (!skb)
			break;
		__skb_queue_tail(batch, skb);
	}
	if (skb_queue_len(&wire->fifo) <= DMS_WIRE_DEPTH / 2)
		dms_wire_wake_locked(q);
	spin_unlock(&wire->lock);
	return n;
}

/*
 * The FIFO may grow beyond its depth by one packet for each transmit queue:
 * stopping takes effect for the next packet.
 */
static bool dms_wire_push(struct dms_queue *q, struct sk_buff *skb,
			  struct netdev_queue *txq, bool *stopped)
{
	unsigned int from = skb_get_queue_mapping(skb);
	struct dms_wire *wire = &q->wire;
	bool full, taken = false;

	spin_lock(&wire->lock);
	full = skb_queue_len(&wire->fifo) >= DMS_WIRE_DEPTH;
	if (!wire->open)
		goto out;
	if (full && READ_ONCE(q->faults.stall)) {
		wire->overruns++;
		goto out;
	}
	__skb_queue_tail(&wire->fifo, skb);
	taken = true;
	if (full) {
		__set_bit(from, wire->tx_waiting);
		netif_tx_stop_queue(txq);
		*stopped = true;
	}
	napi_schedule(&q->napi);
out:
	spin_unlock(&wire->lock);
	return taken;
}

static void dms_wire_prepare(struct sk_buff *skb, const struct dms_flow *flow)
{
	struct dms_wire_cb *cb = dms_wire_cb(skb);

	skb_tx_timestamp(skb);
	skb_orphan(skb);
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb_ext_reset(skb);

	cb->hash = flow->hash;
	cb->l3_off = flow->l3_off;
	cb->l4_off = flow->l4_off;
	cb->l4_len = flow->l4_len;
	cb->split_at = flow->split_at;
	cb->l4_proto = flow->l4_proto;
	cb->ports = flow->ports;
	cb->hash_l4 = flow->hash_l4;
	cb->segs = 0;
}

static bool dms_transmit(struct net_device *peer, struct sk_buff *skb,
			 struct netdev_queue *txq, bool *stopped)
{
	struct dms_priv *receiver = netdev_priv(peer);
	struct dms_queue *to;
	struct dms_flow flow;

	dms_parse(skb, &flow);
	to = dms_steer(receiver, &flow);
	dms_wire_prepare(skb, &flow);
	return dms_wire_push(to, skb, txq, stopped);
}

static int dms_tx_read_frag(struct sk_buff *pkt, const skb_frag_t *frag,
			    int offset)
{
	u32 len = skb_frag_size(frag);
	dma_addr_t addr;
	int err;

	addr = skb_frag_dma_map(dms_parent, frag, 0, len, DMA_TO_DEVICE);
	if (dma_mapping_error(dms_parent, addr))
		return -ENOMEM;
	err = dms_dma_read(addr, pkt, offset, len);
	/* The iovs of a binding stay mapped as long as that lives. */
	if (!skb_frag_is_net_iov(frag))
		dma_unmap_page(dms_parent, addr, len, DMA_TO_DEVICE);
	return err;
}

static int dms_tx_read(struct sk_buff *pkt, const struct sk_buff *skb)
{
	int offset = skb_headlen(skb);
	int i, err;

	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		err = dms_tx_read_frag(pkt, frag, offset);
		if (err)
			return err;
		offset += skb_frag_size(frag);
	}
	return 0;
}

static struct sk_buff *dms_tx_alloc(const struct sk_buff *skb)
{
	struct sk_buff *pkt;
	int err;

	pkt = alloc_skb_with_frags(skb_headlen(skb), skb->data_len,
				   PAGE_ALLOC_COSTLY_ORDER, &err, GFP_ATOMIC);
	if (!pkt)
		return NULL;
	skb_put_data(pkt, skb->data, skb_headlen(skb));
	pkt->data_len = skb->data_len;
	pkt->len += skb->data_len;
	pkt->ip_summed = skb->ip_summed;
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		pkt->csum_start = skb_headroom(pkt) +
				  skb_checksum_start_offset(skb);
		pkt->csum_offset = skb->csum_offset;
	}
	skb_copy_queue_mapping(pkt, skb);
	return pkt;
}

/*
 * The CPU cannot read the packet, so the engine does and puts what it read on
 * the wire. The original is done with then, as after the interrupt by which
 * hardware says so; the memory may be written to again.
 */
static struct sk_buff *dms_tx_fetch(struct sk_buff *skb)
{
	struct sk_buff *pkt;

	if (!dms_may_fetch(skb))
		return NULL;
	pkt = dms_tx_alloc(skb);
	if (!pkt)
		return NULL;
	if (dms_tx_read(pkt, skb)) {
		kfree_skb(pkt);
		return NULL;
	}
	skb_tx_timestamp(skb);
	dev_consume_skb_any(skb);
	return pkt;
}

/**
 * dms_start_xmit() - ndo_start_xmit
 * @skb: packet to send
 * @dev: by which device
 *
 * Where the kernel does not know of sending from device memory, a packet with
 * payload in it was forwarded by the stack; it is dropped and counted.
 *
 * Return: NETDEV_TX_OK always.
 */
netdev_tx_t dms_start_xmit(struct sk_buff *skb, struct net_device *dev)
{
	unsigned int from = skb_get_queue_mapping(skb);
	bool csum = skb->ip_summed == CHECKSUM_PARTIAL;
	bool readable = skb_frags_readable(skb);
	struct dms_priv *priv = netdev_priv(dev);
	struct dms_queue *q = &priv->queues[from];
	bool sent = false, stopped = false;
	unsigned int len = skb->len;
	struct net_device *peer;
	struct sk_buff *pkt;

	pkt = readable ? skb : dms_tx_fetch(skb);
	rcu_read_lock();
	peer = rcu_dereference(priv->peer);
	if (likely(peer && pkt && len >= ETH_HLEN))
		sent = dms_transmit(peer, pkt, netdev_get_tx_queue(dev, from),
				    &stopped);
	rcu_read_unlock();

	u64_stats_update_begin(&q->tx_sync);
	if (likely(sent)) {
		q->tx.packets++;
		q->tx.bytes += len;
		q->tx.netmem += !readable;
		q->tx.needs_csum += csum;
		q->tx.stops += stopped;
	} else {
		q->tx.drops++;
		q->tx.unreadable += !pkt;
	}
	u64_stats_update_end(&q->tx_sync);

	if (unlikely(!sent))
		dev_kfree_skb_any(pkt ?: skb);
	return NETDEV_TX_OK;
}
