// SPDX-License-Identifier: GPL-2.0
/*
 * devmemsim: coalescing in "hardware" (rx-gro-hw).
 *
 * Segments of a TCP flow that follow each other wait, on the wire's side and
 * without buffers, until one comes that ends the series: one that is shorter,
 * has PSH or does not fit on. Then they are received as one large packet,
 * which is what the stack would have made of them. What waits for longer than
 * a timeout goes on alone. The order within a flow stays.
 */

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/gro.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>

#include "devmemsim.h"

/**
 * struct dms_gro_flow - segments that wait
 * @list: in the queue's list of flows
 * @pkts: the segments, in order
 * @next_seq: where the next must begin
 * @len: bytes of the large packet
 * @since: when the first came
 */
struct dms_gro_flow {
	struct list_head list;
	struct sk_buff_head pkts;
	u32 next_seq;
	u32 len;
	unsigned long since;
};

static struct tcphdr *dms_tcp(const struct sk_buff *pkt, u16 l4_off)
{
	return (struct tcphdr *)(pkt->data + l4_off);
}

static struct iphdr *dms_ip4(const struct sk_buff *pkt, u16 l3_off)
{
	return (struct iphdr *)(pkt->data + l3_off);
}

static struct ipv6hdr *dms_ip6(const struct sk_buff *pkt, u16 l3_off)
{
	return (struct ipv6hdr *)(pkt->data + l3_off);
}

static bool dms_is_tcp(struct sk_buff *pkt)
{
	const struct dms_wire_cb *cb = dms_wire_cb(pkt);

	return cb->ports && cb->l4_proto == IPPROTO_TCP &&
	       pskb_may_pull(pkt, cb->l4_off + sizeof(struct tcphdr));
}

/* Both are TCP with headers in their linear parts. */
static bool dms_same_flow(struct sk_buff *a, struct sk_buff *b)
{
	const struct dms_wire_cb *ca = dms_wire_cb(a), *cb = dms_wire_cb(b);
	const struct tcphdr *ta = dms_tcp(a, ca->l4_off);
	const struct tcphdr *tb = dms_tcp(b, cb->l4_off);

	if (ca->hash != cb->hash || ca->l3_off != cb->l3_off ||
	    ta->source != tb->source || ta->dest != tb->dest ||
	    dms_ip4(a, ca->l3_off)->version != dms_ip4(b, cb->l3_off)->version)
		return false;
	if (dms_ip4(a, ca->l3_off)->version == 4)
		return !memcmp(&dms_ip4(a, ca->l3_off)->saddr,
			       &dms_ip4(b, cb->l3_off)->saddr, 8);
	return !memcmp(&dms_ip6(a, ca->l3_off)->saddr,
		       &dms_ip6(b, cb->l3_off)->saddr, 32);
}

static struct dms_gro_flow *dms_gro_find(struct dms_queue *q,
					 struct sk_buff *pkt)
{
	struct dms_gro_flow *flow;

	list_for_each_entry(flow, &q->gro, list)
		if (dms_same_flow(skb_peek(&flow->pkts), pkt))
			return flow;
	return NULL;
}

/* May it be part of a series? Not if it has something to say of its own. */
static bool dms_gro_may_join(struct dms_queue *q, struct sk_buff *pkt)
{
	const struct dms_wire_cb *cb = dms_wire_cb(pkt);
	const struct tcphdr *tcp = dms_tcp(pkt, cb->l4_off);
	const struct iphdr *ip4 = dms_ip4(pkt, cb->l3_off);

	return cb->split_at && cb->l3_off == ETH_HLEN &&
	       (ip4->version == 6 || ip4->ihl == 5) &&
	       !tcp->syn && !tcp->fin && !tcp->rst && !tcp->urg && !tcp->cwr &&
	       pkt->len <= READ_ONCE(q->dev->mtu) + ETH_HLEN &&
	       pskb_may_pull(pkt, cb->split_at) && dms_rx_csum_good(pkt);
}

static bool dms_same_ip(const struct sk_buff *a, const struct sk_buff *b,
			u16 l3_off)
{
	const struct ipv6hdr *a6 = dms_ip6(a, l3_off), *b6 = dms_ip6(b, l3_off);
	const struct iphdr *a4 = dms_ip4(a, l3_off), *b4 = dms_ip4(b, l3_off);

	if (a4->version == 4)
		return a4->tos == b4->tos && a4->ttl == b4->ttl &&
		       a4->frag_off == b4->frag_off;
	return *(__be32 *)a6 == *(__be32 *)b6 && a6->hop_limit == b6->hop_limit;
}

/* Does it go on where the flow ends, with the same headers? */
static bool dms_gro_fits(struct dms_gro_flow *flow, struct sk_buff *pkt)
{
	struct sk_buff *first = skb_peek(&flow->pkts);
	const struct dms_wire_cb *cb = dms_wire_cb(first);
	const struct dms_wire_cb *pb = dms_wire_cb(pkt);
	const struct tcphdr *a = dms_tcp(first, cb->l4_off);
	const struct tcphdr *b = dms_tcp(pkt, pb->l4_off);
	u32 payload = pkt->len - pb->split_at;

	return pb->split_at == cb->split_at && payload <= cb->gso_size &&
	       flow->len + payload - ETH_HLEN <= IP_MAX_MTU &&
	       ntohl(b->seq) == flow->next_seq && a->ack_seq == b->ack_seq &&
	       a->ece == b->ece && dms_same_ip(first, pkt, cb->l3_off) &&
	       !memcmp(a + 1, b + 1, cb->split_at - cb->l4_off - sizeof(*a));
}

static void dms_gro_add(struct dms_gro_flow *flow, struct sk_buff *pkt)
{
	const struct dms_wire_cb *cb = dms_wire_cb(pkt);
	u32 payload = pkt->len - cb->split_at;

	flow->next_seq = ntohl(dms_tcp(pkt, cb->l4_off)->seq) + payload;
	flow->len += payload;
	__skb_queue_tail(&flow->pkts, pkt);
}

static struct dms_gro_flow *dms_gro_start(struct dms_queue *q,
					  struct sk_buff *pkt)
{
	struct dms_wire_cb *cb = dms_wire_cb(pkt);
	struct dms_gro_flow *flow;

	if (q->gro_flows >= DMS_GRO_FLOWS)
		return NULL;
	flow = kzalloc(sizeof(*flow), GFP_ATOMIC);
	if (!flow)
		return NULL;
	__skb_queue_head_init(&flow->pkts);
	flow->since = jiffies;
	flow->len = cb->split_at;
	cb->gso_size = pkt->len - cb->split_at;
	dms_gro_add(flow, pkt);
	list_add_tail(&flow->list, &q->gro);
	q->gro_flows++;
	return flow;
}

/* The checksum becomes what the stack's GRO leaves: that of the pseudo header. */
static void dms_gro_fix_headers(struct sk_buff *pkt, const struct sk_buff *last)
{
	const struct dms_wire_cb *cb = dms_wire_cb(pkt);
	struct tcphdr *tcp = dms_tcp(pkt, cb->l4_off);
	struct iphdr *ip4 = dms_ip4(pkt, cb->l3_off);
	struct ipv6hdr *ip6 = dms_ip6(pkt, cb->l3_off);
	u32 len = pkt->len - cb->l4_off;

	tcp->psh = dms_tcp(last, cb->l4_off)->psh;
	if (ip4->version == 4) {
		ip4->tot_len = htons(pkt->len - cb->l3_off);
		ip_send_check(ip4);
		tcp->check = ~tcp_v4_check(len, ip4->saddr, ip4->daddr, 0);
	} else {
		ip6->payload_len = htons(len);
		tcp->check = ~tcp_v6_check(len, &ip6->saddr, &ip6->daddr, 0);
	}
}

static int dms_gro_copy_part(struct sk_buff *pkt, u32 offset,
			     struct sk_buff *part)
{
	u32 at = dms_wire_cb(part)->split_at;
	u8 buf[256];
	u32 chunk;
	int err;

	for (; at < part->len; at += chunk, offset += chunk) {
		chunk = min_t(u32, part->len - at, sizeof(buf));
		err = skb_copy_bits(part, at, buf, chunk) ?:
		      skb_store_bits(pkt, offset, buf, chunk);
		if (err)
			return err;
	}
	return 0;
}

static int dms_gro_copy(struct sk_buff *pkt, struct dms_gro_flow *flow)
{
	struct dms_wire_cb *cb = dms_wire_cb(pkt);
	u32 offset = cb->split_at;
	struct sk_buff *part;
	int err;

	skb_queue_walk(&flow->pkts, part) {
		err = dms_gro_copy_part(pkt, offset, part);
		if (err)
			return err;
		offset += part->len - dms_wire_cb(part)->split_at;
		cb->segs++;
	}
	return 0;
}

static struct sk_buff *dms_gro_merge(struct dms_gro_flow *flow)
{
	struct sk_buff *first = skb_peek(&flow->pkts), *pkt;
	u32 headers = dms_wire_cb(first)->split_at;
	int err;

	pkt = alloc_skb_with_frags(headers, flow->len - headers,
				   PAGE_ALLOC_COSTLY_ORDER, &err, GFP_ATOMIC);
	if (!pkt)
		return NULL;
	skb_put_data(pkt, first->data, headers);
	pkt->data_len = flow->len - headers;
	pkt->len += pkt->data_len;
	*dms_wire_cb(pkt) = *dms_wire_cb(first);
	if (dms_gro_copy(pkt, flow)) {
		kfree_skb(pkt);
		return NULL;
	}
	dms_wire_cb(pkt)->l4_len = pkt->len - dms_wire_cb(pkt)->l4_off;
	dms_gro_fix_headers(pkt, skb_peek_tail(&flow->pkts));
	return pkt;
}

static void dms_gro_free(struct dms_queue *q, struct dms_gro_flow *flow)
{
	__skb_queue_purge(&flow->pkts);
	list_del(&flow->list);
	q->gro_flows--;
	kfree(flow);
}

/* The flow waits no longer. Without memory for a large packet it goes on as it is. */
static void dms_gro_flush(struct dms_queue *q, struct dms_gro_flow *flow,
			  int budget)
{
	struct sk_buff *pkt = NULL;

	if (skb_queue_len(&flow->pkts) > 1)
		pkt = dms_gro_merge(flow);
	if (pkt)
		dms_rx_packet(q, pkt, budget);
	else
		while ((pkt = __skb_dequeue(&flow->pkts)))
			dms_rx_packet(q, pkt, budget);
	dms_gro_free(q, flow);
}

static bool dms_gro_ends(struct sk_buff *pkt, u32 gso_size)
{
	const struct dms_wire_cb *cb = dms_wire_cb(pkt);

	return dms_tcp(pkt, cb->l4_off)->psh ||
	       pkt->len - cb->split_at < gso_size;
}

/**
 * dms_gro_receive() - receive a packet, now or with others of its flow
 * @q: the queue, in its NAPI
 * @pkt: packet on the wire, consumed
 * @budget: of the poll
 */
void dms_gro_receive(struct dms_queue *q, struct sk_buff *pkt, int budget)
{
	bool on = q->dev->features & NETIF_F_GRO_HW, joins;
	struct dms_gro_flow *flow;
	bool ends;

	if ((!on && !q->gro_flows) || !dms_is_tcp(pkt)) {
		dms_rx_packet(q, pkt, budget);
		return;
	}
	joins = on && dms_gro_may_join(q, pkt);
	flow = dms_gro_find(q, pkt);
	if (flow && !(joins && dms_gro_fits(flow, pkt))) {
		dms_gro_flush(q, flow, budget);
		flow = NULL;
	}
	if (flow) {
		ends = dms_gro_ends(pkt, dms_wire_cb(skb_peek(&flow->pkts))->gso_size);
		dms_gro_add(flow, pkt);
		if (ends)
			dms_gro_flush(q, flow, budget);
	} else if (!joins || dms_gro_ends(pkt, 0) || !dms_gro_start(q, pkt)) {
		dms_rx_packet(q, pkt, budget);
	}
}

/**
 * dms_gro_complete() - tell the stack what a large packet is made of
 * @skb: from eth_type_trans()
 * @cb: what came with it
 */
void dms_gro_complete(struct sk_buff *skb, const struct dms_wire_cb *cb)
{
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, cb->l4_off - ETH_HLEN);
	NAPI_GRO_CB(skb)->count = cb->segs;
	skb_shinfo(skb)->gso_size = cb->gso_size;
	skb_shinfo(skb)->gso_type = skb->protocol == htons(ETH_P_IP) ?
				    SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
	tcp_gro_complete(skb);
}

/**
 * dms_gro_expire() - let go on what has waited for too long
 * @q: the queue, in its NAPI
 * @budget: of the poll
 *
 * Return: whether something waits still.
 */
bool dms_gro_expire(struct dms_queue *q, int budget)
{
	bool on = q->dev->features & NETIF_F_GRO_HW;
	const struct dms_priv *priv = netdev_priv(q->dev);
	unsigned long timeout = msecs_to_jiffies(READ_ONCE(priv->gro_timeout_ms));
	struct dms_gro_flow *flow, *next;

	list_for_each_entry_safe(flow, next, &q->gro, list) {
		if (on && time_before(jiffies, flow->since + timeout))
			break;
		dms_gro_flush(q, flow, budget);
	}
	return q->gro_flows;
}

/**
 * dms_gro_purge() - drop what waits
 * @q: a queue that is down
 */
void dms_gro_purge(struct dms_queue *q)
{
	struct dms_gro_flow *flow, *next;

	list_for_each_entry_safe(flow, next, &q->gro, list)
		dms_gro_free(q, flow);
}
