// SPDX-License-Identifier: GPL-2.0
/*
 * devmemsim: receive: from the FIFO into posted buffers, into the stack.
 *
 * The first half of a packet's way is the engine's: it writes headers and
 * payload to the addresses in the descriptors, fills in or verifies the
 * checksum. The second half is the driver's: it makes an skb of the buffers.
 */

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>
#include <net/page_pool/helpers.h>

#include "devmemsim.h"

/**
 * struct dms_layout - where the parts of a packet go
 * @linear: bytes that go to one host buffer
 * @rest: bytes that go to buffers of @ring
 * @frags: how many those are
 * @ring: payload ring for a split packet, else the host ring
 */
struct dms_layout {
	u32 linear;
	u32 rest;
	u32 frags;
	struct dms_ring *ring;
};

static struct dms_layout dms_layout(struct dms_queue *q, struct sk_buff *pkt)
{
	const struct dms_priv *priv = netdev_priv(q->dev);
	u32 split_at = dms_wire_cb(pkt)->split_at;
	bool split = split_at && q->mem.payload.size &&
		     pkt->len > READ_ONCE(priv->cfg.hds_thresh);
	struct dms_layout l = {
		.linear = split ? split_at : min_t(u32, pkt->len, DMS_HOST_ROOM),
		.ring = split ? &q->mem.payload : &q->mem.host,
	};

	l.rest = pkt->len - l.linear;
	l.frags = DIV_ROUND_UP(l.rest, l.ring->room);
	return l;
}

static bool dms_layout_fits(const struct dms_queue *q,
			    const struct dms_layout *l)
{
	u32 host = l->ring == &q->mem.host ? l->frags + 1 : 1;

	return dms_ring_posted(&q->mem.host) >= host &&
	       dms_ring_posted(l->ring) >= l->frags;
}

static struct dms_desc *dms_ring_take(struct dms_ring *ring)
{
	struct dms_desc *desc = &ring->desc[ring->tail & (ring->size - 1)];

	WRITE_ONCE(ring->tail, ring->tail + 1);
	return desc;
}

/*
 * The sender left the checksum to hardware: sum up and write it. It must lie
 * in the first buffer, which holds the headers of all that the stack sends;
 * a packet socket can ask for other places.
 */
static bool dms_csum_fill(struct sk_buff *skb, const struct sk_buff *pkt)
{
	int start = skb_checksum_start_offset(pkt);
	__sum16 csum;

	if (start + pkt->csum_offset + sizeof(csum) > skb_headlen(skb))
		return false;
	csum = csum_fold(skb_checksum(pkt, start, pkt->len - start, 0));
	if (!csum && pkt->csum_offset == offsetof(struct udphdr, check))
		csum = CSUM_MANGLED_0;
	*(__sum16 *)(skb->data + start + pkt->csum_offset) = csum;
	return true;
}

static bool dms_csum_right(const struct sk_buff *pkt,
			   const struct dms_wire_cb *cb)
{
	__wsum sum = skb_checksum(pkt, cb->l4_off, cb->l4_len, 0);
	const struct iphdr *ip4;
	const struct ipv6hdr *ip6;
	struct ipv6hdr buf;

	ip4 = skb_header_pointer(pkt, cb->l3_off, sizeof(*ip4), &buf);
	if (ip4 && ip4->version == 4)
		return !csum_tcpudp_magic(ip4->saddr, ip4->daddr, cb->l4_len,
					  cb->l4_proto, sum);
	ip6 = skb_header_pointer(pkt, cb->l3_off, sizeof(*ip6), &buf);
	return ip6 && !csum_ipv6_magic(&ip6->saddr, &ip6->daddr, cb->l4_len,
				       cb->l4_proto, sum);
}

/* UDP over IPv4 may go without. */
static bool dms_csum_present(const struct sk_buff *pkt,
			     const struct dms_wire_cb *cb)
{
	const struct udphdr *udp;
	struct udphdr buf;

	if (!cb->ports || cb->l4_proto != IPPROTO_UDP)
		return cb->ports;
	udp = skb_header_pointer(pkt, cb->l4_off, sizeof(buf), &buf);
	return udp && udp->check;
}

/**
 * dms_rx_csum_good() - is the checksum of a TCP packet right, or to be filled in?
 * @pkt: packet on the wire
 *
 * Return: whether the stack need not look at it.
 */
bool dms_rx_csum_good(struct sk_buff *pkt)
{
	return pkt->ip_summed == CHECKSUM_PARTIAL ||
	       dms_csum_right(pkt, dms_wire_cb(pkt));
}

static void dms_rx_csum(struct dms_queue *q, struct sk_buff *skb,
			struct sk_buff *pkt)
{
	const struct dms_wire_cb *cb = dms_wire_cb(pkt);
	bool filled = pkt->ip_summed == CHECKSUM_PARTIAL;

	/* Each was looked at before it became a part. */
	if (cb->segs) {
		q->rx.csum_unnecessary += cb->segs;
		skb->ip_summed = CHECKSUM_UNNECESSARY;
		return;
	}

	if (!(q->dev->features & NETIF_F_RXCSUM) ||
	    !(filled || dms_csum_present(pkt, cb))) {
		q->rx.csum_none++;
	} else if (filled || dms_csum_right(pkt, cb)) {
		q->rx.csum_unnecessary++;
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	} else {
		q->rx.csum_bad++;
	}
}

static int dms_rx_frags(struct sk_buff *skb, const struct sk_buff *pkt,
			const struct dms_layout *l)
{
	u32 offset = l->linear;
	struct dms_desc *desc;
	u32 i, len;
	int err;

	for (i = 0; i < l->frags; i++) {
		len = min(pkt->len - offset, l->ring->room);
		desc = dms_ring_take(l->ring);
		err = dms_dma_write(desc->addr, pkt, offset, len);
		page_pool_dma_sync_netmem_for_cpu(l->ring->pool, desc->netmem,
						  0, len);
		skb_add_rx_frag_netmem(skb, i, desc->netmem, l->ring->offset,
				       len, l->ring->truesize);
		if (err)
			return err;
		offset += len;
	}
	return 0;
}

static struct sk_buff *dms_rx_linear(struct dms_queue *q,
				     const struct sk_buff *pkt, u32 len)
{
	struct dms_ring *ring = &q->mem.host;
	struct dms_desc *desc = dms_ring_take(ring);
	struct sk_buff *skb;

	if (dms_dma_write(desc->addr, pkt, 0, len)) {
		q->rx.dma_errors++;
		goto err_put;
	}
	page_pool_dma_sync_netmem_for_cpu(ring->pool, desc->netmem, 0, len);
	skb = napi_build_skb(page_address(netmem_to_page(desc->netmem)),
			     PAGE_SIZE);
	if (!skb) {
		q->rx.skb_alloc_fail++;
		goto err_put;
	}
	skb_mark_for_recycle(skb);
	skb_reserve(skb, ring->offset);
	__skb_put(skb, len);
	return skb;

err_put:
	page_pool_put_full_netmem(ring->pool, desc->netmem, true);
	return NULL;
}

static struct sk_buff *dms_rx_place(struct dms_queue *q, struct sk_buff *pkt)
{
	struct dms_layout l = dms_layout(q, pkt);
	struct sk_buff *skb;

	if (dms_fault_take(&q->faults.drop)) {
		q->rx.fault_drops++;
		return NULL;
	}
	if ((!dms_wire_cb(pkt)->segs &&
	     pkt->len > READ_ONCE(q->dev->mtu) + VLAN_ETH_HLEN) ||
	    l.frags > MAX_SKB_FRAGS) {
		q->rx.oversize++;
		return NULL;
	}
	if (!dms_layout_fits(q, &l)) {
		q->rx.no_buffer++;
		q->starved = true;
		return NULL;
	}
	skb = dms_rx_linear(q, pkt, l.linear);
	if (!skb)
		return NULL;
	if (dms_rx_frags(skb, pkt, &l) ||
	    (pkt->ip_summed == CHECKSUM_PARTIAL && !dms_csum_fill(skb, pkt))) {
		q->rx.dma_errors++;
		dev_kfree_skb_any(skb);
		return NULL;
	}
	if (l.ring == &q->mem.payload) {
		q->rx.split_packets++;
		q->rx.split_bytes += l.rest;
	}
	return skb;
}

/* The stack verifies what the engine did not, if it can read it. */
static bool dms_rx_verifiable(const struct dms_queue *q,
			      const struct sk_buff *skb)
{
	const struct dms_priv *priv = netdev_priv(q->dev);

	return skb->ip_summed == CHECKSUM_UNNECESSARY ||
	       skb_frags_readable(skb) || READ_ONCE(priv->lenient);
}

static struct sk_buff *dms_rx_verify(struct dms_queue *q, struct sk_buff *skb,
				     struct sk_buff *pkt)
{
	dms_rx_csum(q, skb, pkt);
	if (likely(dms_rx_verifiable(q, skb)))
		return skb;
	q->rx.csum_drops++;
	dev_kfree_skb_any(skb);
	return NULL;
}

/* All that is counted happens in here, between begin and end of an update. */
static struct sk_buff *dms_rx_receive(struct dms_queue *q, struct sk_buff *pkt)
{
	struct sk_buff *skb;

	u64_stats_update_begin(&q->rx_sync);
	skb = dms_rx_place(q, pkt);
	if (skb)
		skb = dms_rx_verify(q, skb, pkt);
	if (skb) {
		q->rx.packets += dms_wire_cb(pkt)->segs ?: 1;
		q->rx.gro_packets += !!dms_wire_cb(pkt)->segs;
		q->rx.gro_wire_packets += dms_wire_cb(pkt)->segs;
		q->rx.bytes += skb->len;
	}
	u64_stats_update_end(&q->rx_sync);
	return skb;
}

static void dms_rx_deliver(struct dms_queue *q, struct sk_buff *skb,
			   const struct dms_wire_cb *cb)
{
	skb_record_rx_queue(skb, q->idx);
	if (q->dev->features & NETIF_F_RXHASH)
		skb_set_hash(skb, cb->hash, cb->hash_l4 ? PKT_HASH_TYPE_L4 :
							  PKT_HASH_TYPE_L3);
	skb->protocol = eth_type_trans(skb, q->dev);
	if (cb->segs)
		dms_gro_complete(skb, cb);
	napi_gro_receive(&q->napi, skb);
}

/**
 * dms_rx_packet() - receive a packet
 * @q: the queue, in its NAPI
 * @pkt: packet on the wire, consumed
 * @budget: of the poll
 */
void dms_rx_packet(struct dms_queue *q, struct sk_buff *pkt, int budget)
{
	struct sk_buff *skb = dms_rx_receive(q, pkt);

	if (skb)
		dms_rx_deliver(q, skb, dms_wire_cb(pkt));
	napi_consume_skb(pkt, budget);
}

static int dms_rx(struct dms_queue *q, int budget)
{
	struct sk_buff_head batch;
	struct sk_buff *pkt;
	int n;

	__skb_queue_head_init(&batch);
	n = dms_wire_pull(q, &batch, budget);
	while ((pkt = __skb_dequeue(&batch)))
		dms_gro_receive(q, pkt, budget);
	return n;
}

static void dms_poll_later(struct dms_queue *q)
{
	schedule_delayed_work(&q->retry, msecs_to_jiffies(DMS_RETRY_MS));
}

/* Return: whether it fell short. */
static bool dms_refill_ring(struct dms_ring *ring, atomic_t *fail)
{
	if (ring->size - dms_ring_posted(ring) < DMS_REFILL_BATCH)
		return false;
	return dms_ring_fill(ring, fail);
}

/*
 * Buffers come back from skbs and sockets, and nobody tells the driver. If a
 * refill falls short, packets that arrive will try again; a timer has to when
 * those that arrived found nothing, for then the sender may send no more.
 */
static void dms_refill(struct dms_queue *q)
{
	bool fell_short;

	if (READ_ONCE(q->faults.starve))
		return;
	fell_short = dms_refill_ring(&q->mem.host, NULL);
	fell_short |= dms_refill_ring(&q->mem.payload, &q->faults.payload_alloc);
	if (!fell_short) {
		q->starved = false;
		return;
	}
	u64_stats_update_begin(&q->rx_sync);
	q->rx.refill_fail++;
	u64_stats_update_end(&q->rx_sync);
	if (q->starved)
		dms_poll_later(q);
}

/**
 * dms_poll() - NAPI poll
 * @napi: of a queue
 * @budget: packets it may receive, 0 for none
 *
 * Return: packets received.
 */
int dms_poll(struct napi_struct *napi, int budget)
{
	struct dms_queue *q = container_of(napi, struct dms_queue, napi);
	int work = 0;

	if (budget && !READ_ONCE(q->faults.stall))
		work = dms_rx(q, budget);
	if (budget && dms_gro_expire(q, budget))
		dms_poll_later(q);
	dms_refill(q);
	if (work < budget)
		napi_complete_done(napi, work);
	return work;
}
