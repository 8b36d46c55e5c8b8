// SPDX-License-Identifier: GPL-2.0
/*
 * devmemsim: the packet parser, and what queue a packet goes to.
 *
 * As in hardware the parser is simple: up to two VLAN tags, IPv4, IPv6
 * without extension headers, TCP and UDP. Whatever it does not understand is
 * not split and goes to queue 0.
 */

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>

#include "devmemsim.h"

#define DMS_VLAN_TAGS	2

static __be16 dms_parse_eth(const struct sk_buff *skb, int *offset)
{
	const struct vlan_hdr *vlan;
	const struct ethhdr *eth;
	struct vlan_hdr vbuf;
	struct ethhdr ebuf;
	__be16 proto;
	int tags;

	eth = skb_header_pointer(skb, 0, sizeof(ebuf), &ebuf);
	if (!eth)
		return 0;
	proto = eth->h_proto;
	*offset = ETH_HLEN;
	for (tags = 0; tags < DMS_VLAN_TAGS && eth_type_vlan(proto); tags++) {
		vlan = skb_header_pointer(skb, *offset, sizeof(vbuf), &vbuf);
		if (!vlan)
			return 0;
		proto = vlan->h_vlan_encapsulated_proto;
		*offset += VLAN_HLEN;
	}
	return proto;
}

static void dms_tuple_add(struct dms_flow *flow, const void *data, u8 len)
{
	memcpy(flow->tuple + flow->tuple_len, data, len);
	flow->tuple_len += len;
}

static bool dms_parse_ip4(const struct sk_buff *skb, struct dms_flow *flow)
{
	const struct iphdr *ip;
	struct iphdr buf;

	ip = skb_header_pointer(skb, flow->l3_off, sizeof(buf), &buf);
	if (!ip || ip->version != 4 || ip->ihl < 5 ||
	    ntohs(ip->tot_len) < ip->ihl * 4)
		return false;
	dms_tuple_add(flow, &ip->saddr, sizeof(ip->saddr));
	dms_tuple_add(flow, &ip->daddr, sizeof(ip->daddr));
	flow->l4_proto = ip->protocol;
	flow->l4_off = flow->l3_off + ip->ihl * 4;
	flow->l4_len = ntohs(ip->tot_len) - ip->ihl * 4;
	return !ip_is_fragment(ip);
}

static bool dms_parse_ip6(const struct sk_buff *skb, struct dms_flow *flow)
{
	const struct ipv6hdr *ip;
	struct ipv6hdr buf;

	ip = skb_header_pointer(skb, flow->l3_off, sizeof(buf), &buf);
	if (!ip || ip->version != 6)
		return false;
	dms_tuple_add(flow, &ip->saddr, sizeof(ip->saddr));
	dms_tuple_add(flow, &ip->daddr, sizeof(ip->daddr));
	flow->l4_proto = ip->nexthdr;
	flow->l4_off = flow->l3_off + sizeof(*ip);
	flow->l4_len = ntohs(ip->payload_len);
	return true;
}

/* Source and destination port are the first words of both, TCP and UDP. */
static bool dms_parse_ports(const struct sk_buff *skb, struct dms_flow *flow)
{
	const void *ports;
	u32 buf;

	if (flow->l4_proto != IPPROTO_TCP && flow->l4_proto != IPPROTO_UDP)
		return false;
	if (skb->len < flow->l4_off + flow->l4_len)
		return false;
	ports = skb_header_pointer(skb, flow->l4_off, sizeof(buf), &buf);
	if (!ports)
		return false;
	dms_tuple_add(flow, ports, sizeof(buf));
	return true;
}

/* A frame with padding behind the payload is not worth splitting. */
static u16 dms_parse_split(const struct sk_buff *skb,
			   const struct dms_flow *flow)
{
	const struct tcphdr *tcp;
	struct tcphdr buf;

	if (flow->l4_proto != IPPROTO_TCP ||
	    skb->len != flow->l4_off + flow->l4_len)
		return 0;
	tcp = skb_header_pointer(skb, flow->l4_off, sizeof(buf), &buf);
	if (!tcp || tcp->doff < 5 || tcp->doff * 4 >= flow->l4_len)
		return 0;
	return flow->l4_off + tcp->doff * 4;
}

static bool dms_parse_ip(const struct sk_buff *skb, struct dms_flow *flow,
			 __be16 proto)
{
	switch (proto) {
	case htons(ETH_P_IP):
		return dms_parse_ip4(skb, flow);
	case htons(ETH_P_IPV6):
		return dms_parse_ip6(skb, flow);
	default:
		return false;
	}
}

/**
 * dms_parse() - look at the headers of a packet
 * @skb: packet on the wire, data at the Ethernet header
 * @flow: what was found; all zero for what is not understood
 */
void dms_parse(const struct sk_buff *skb, struct dms_flow *flow)
{
	__be16 proto;
	int offset;

	memset(flow, 0, sizeof(*flow));
	proto = dms_parse_eth(skb, &offset);
	if (!proto)
		return;
	flow->l3_off = offset;
	if (!dms_parse_ip(skb, flow, proto))
		return;
	flow->ports = dms_parse_ports(skb, flow);
	if (flow->ports)
		flow->split_at = dms_parse_split(skb, flow);
}

/**
 * dms_steer() - choose the receive queue of a packet
 * @priv: the receiving device; called under RCU
 * @flow: the packet; takes its hash
 *
 * Rules and indirection tables may name a queue that is about to go; the
 * core refuses that for settings of the user, and the rest is a race.
 *
 * Return: a queue, not necessarily up.
 */
struct dms_queue *dms_steer(struct dms_priv *priv, struct dms_flow *flow)
{
	const struct dms_rule *rule = dms_ntuple_match(priv, flow);
	const struct dms_rss *rss = rule && rule->rss ? rule->rss : priv->rss;
	u32 queue = rule ? rule->queue : 0;

	dms_rss_hash(rss, flow);
	if (!rule || rule->rss)
		queue += READ_ONCE(rss->indir[flow->hash % DMS_INDIR_SIZE]);
	if (queue >= READ_ONCE(priv->channels))
		queue = 0;
	return &priv->queues[queue];
}
