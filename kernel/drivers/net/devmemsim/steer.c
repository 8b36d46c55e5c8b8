// SPDX-License-Identifier: GPL-2.0
/*
 * devmemsim: the packet parser and receive side scaling.
 *
 * As in hardware the parser is simple: up to two VLAN tags, IPv4, IPv6
 * without extension headers, TCP and UDP. Whatever it does not understand is
 * not split and goes to queue 0.
 */

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <linux/unaligned.h>

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
 * dms_rss_hash() - Toeplitz hash of a packet
 * @rss: key in tabular form
 * @flow: the packet
 *
 * The tables may change meanwhile; a packet may then go to a queue that
 * neither key would have picked, which is as good as any.
 *
 * Return: the hash, 0 if the packet is not IP.
 */
u32 dms_rss_hash(const struct dms_rss *rss, const struct dms_flow *flow)
{
	u32 hash = 0;
	u8 i;

	for (i = 0; i < flow->tuple_len; i++)
		hash ^= READ_ONCE(rss->table[i][flow->tuple[i]]);
	return hash;
}

/* The 32 key bits that start at a bit. */
static u32 dms_key_window(const u8 *key, unsigned int bit)
{
	u64 bits = get_unaligned_be32(key + bit / 8);

	bits = bits << 8 | key[bit / 8 + 4];
	return bits >> (8 - bit % 8);
}

static u32 dms_key_byte(const u8 *key, unsigned int pos, unsigned int value)
{
	u32 hash = 0;
	int bit;

	for (bit = 0; bit < 8; bit++)
		if (value & (0x80 >> bit))
			hash ^= dms_key_window(key, pos * 8 + bit);
	return hash;
}

/**
 * dms_rss_set_key() - change the Toeplitz key
 * @rss: where
 * @key: DMS_KEY_SIZE bytes
 */
void dms_rss_set_key(struct dms_rss *rss, const u8 *key)
{
	unsigned int pos, value;

	BUILD_BUG_ON(DMS_TUPLE_MAX + 4 > DMS_KEY_SIZE);
	memcpy(rss->key, key, DMS_KEY_SIZE);
	for (pos = 0; pos < DMS_TUPLE_MAX; pos++)
		for (value = 0; value < 256; value++)
			WRITE_ONCE(rss->table[pos][value],
				   dms_key_byte(rss->key, pos, value));
}

/**
 * dms_rss_spread() - default indirection: all channels in turn
 * @priv: the device, ops lock held
 */
void dms_rss_spread(struct dms_priv *priv)
{
	unsigned int i;

	for (i = 0; i < DMS_INDIR_SIZE; i++)
		WRITE_ONCE(priv->rss->indir[i],
			   ethtool_rxfh_indir_default(i, priv->channels));
}

/**
 * dms_steer() - choose the receive queue of a packet
 * @priv: the receiving device; called under RCU
 * @flow: the packet
 * @hash: its RSS hash
 *
 * Rules and the indirection table may name a queue that is about to go; the
 * core refuses that for settings of the user, and the rest is a race.
 *
 * Return: a queue, not necessarily up.
 */
struct dms_queue *dms_steer(struct dms_priv *priv, const struct dms_flow *flow,
			    u32 hash)
{
	int queue = dms_ntuple_match(priv, flow);

	if (queue < 0)
		queue = READ_ONCE(priv->rss->indir[hash % DMS_INDIR_SIZE]);
	if (queue >= READ_ONCE(priv->channels))
		queue = 0;
	return &priv->queues[queue];
}
