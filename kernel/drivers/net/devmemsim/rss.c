// SPDX-License-Identifier: GPL-2.0
/*
 * devmemsim: receive side scaling: the device's own and additional contexts.
 *
 * Each has a key, an indirection table and a choice of fields. Senders read
 * them under RCU while they change under the ops lock: a packet may go to a
 * queue that neither the old nor the new settings would have picked, which is
 * as good as any.
 */

#include <linux/ethtool.h>
#include <linux/in.h>
#include <linux/netdevice.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#include "devmemsim.h"

#define DMS_FIELDS_IP	(RXH_IP_SRC | RXH_IP_DST)
#define DMS_FIELDS_L4	(RXH_L4_B_0_1 | RXH_L4_B_2_3)
#define DMS_FIELDS	(DMS_FIELDS_IP | DMS_FIELDS_L4)

/* Where a field is in a tuple with addresses of so many bytes, and how long. */
static const struct {
	u32 field;
	u8 addresses;
	u8 offset;
	bool port;
} dms_fields[] = {
	{ RXH_IP_SRC, 0, 0, false },
	{ RXH_IP_DST, 1, 0, false },
	{ RXH_L4_B_0_1, 2, 0, true },
	{ RXH_L4_B_2_3, 2, 2, true },
};

#define DMS_PORT_LEN	2

static u8 dms_address_len(const struct dms_flow *flow)
{
	u8 ports = flow->ports ? 2 * DMS_PORT_LEN : 0;

	return (flow->tuple_len - ports) / 2;
}

/* Of what has no ports only addresses are hashed. */
static u32 dms_hashed_fields(const struct dms_rss *rss,
			     const struct dms_flow *flow)
{
	bool v6 = dms_address_len(flow) == sizeof(struct in6_addr);

	if (!flow->ports)
		return DMS_FIELDS_IP;
	if (flow->l4_proto == IPPROTO_TCP)
		return READ_ONCE(rss->fields[v6 ? DMS_FLOW_TCP6 : DMS_FLOW_TCP4]);
	return READ_ONCE(rss->fields[v6 ? DMS_FLOW_UDP6 : DMS_FLOW_UDP4]);
}

/* Both of a pair become their exclusive or, so that directions are the same. */
static void dms_make_symmetric(u8 *tuple, u8 len)
{
	u8 i;

	for (i = 0; i < len; i++) {
		tuple[i] ^= tuple[len + i];
		tuple[len + i] = tuple[i];
	}
}

/**
 * dms_rss_hash() - Toeplitz hash of a packet
 * @rss: key in tabular form, and what is hashed
 * @flow: the packet; takes the hash, 0 if the packet is not IP
 *
 * The fields that are chosen follow each other without gaps.
 */
void dms_rss_hash(const struct dms_rss *rss, struct dms_flow *flow)
{
	u8 address = dms_address_len(flow), pos = 0, tuple[DMS_TUPLE_MAX];
	u32 fields = dms_hashed_fields(rss, flow);
	unsigned int f, i;

	flow->hash = 0;
	flow->hash_l4 = fields & DMS_FIELDS_L4;
	if (!flow->tuple_len)
		return;
	memcpy(tuple, flow->tuple, flow->tuple_len);
	if (READ_ONCE(rss->xfrm)) {
		dms_make_symmetric(tuple, address);
		if (flow->ports)
			dms_make_symmetric(tuple + 2 * address, DMS_PORT_LEN);
	}
	for (f = 0; f < ARRAY_SIZE(dms_fields); f++) {
		u8 *field = tuple + dms_fields[f].addresses * address +
			    dms_fields[f].offset;
		u8 len = dms_fields[f].port ? DMS_PORT_LEN : address;

		if (!(fields & dms_fields[f].field))
			continue;
		for (i = 0; i < len; i++)
			flow->hash ^= READ_ONCE(rss->table[pos++][field[i]]);
	}
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

static void dms_rss_set_key(struct dms_rss *rss, const u8 *key)
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
 * @rss: of the device or of a context
 */
void dms_rss_spread(struct dms_priv *priv, struct dms_rss *rss)
{
	unsigned int i;

	for (i = 0; i < DMS_INDIR_SIZE; i++)
		WRITE_ONCE(rss->indir[i],
			   ethtool_rxfh_indir_default(i, priv->channels));
}

/**
 * dms_rss_create() - make settings, with the host's key and all queues
 * @priv: the device
 *
 * Return: the settings, or NULL without memory.
 */
struct dms_rss *dms_rss_create(struct dms_priv *priv)
{
	u8 key[DMS_KEY_SIZE];
	struct dms_rss *rss;
	int i;

	rss = kvzalloc(sizeof(*rss), GFP_KERNEL_ACCOUNT);
	if (!rss)
		return NULL;
	netdev_rss_key_fill(key, sizeof(key));
	dms_rss_set_key(rss, key);
	dms_rss_spread(priv, rss);
	for (i = 0; i < DMS_FLOW_KINDS; i++)
		rss->fields[i] = DMS_FIELDS;
	return rss;
}

static struct dms_rss **dms_context_rss(struct ethtool_rxfh_context *ctx)
{
	return ethtool_rxfh_context_priv(ctx);
}

/**
 * dms_rss_of_context() - find settings by number
 * @priv: the device, ops lock held
 * @context: number of the context, 0 for the device's own
 *
 * Return: the settings, or NULL if there is no such context.
 */
struct dms_rss *dms_rss_of_context(struct dms_priv *priv, u32 context)
{
	struct ethtool_rxfh_context *ctx;

	if (!context)
		return priv->rss;
	ctx = xa_load(&priv->dev->ethtool->rss_ctx, context);
	return ctx ? *dms_context_rss(ctx) : NULL;
}

/**
 * dms_rss_last_queue() - the highest queue that packets are spread to
 * @rss: the settings, ops lock held
 *
 * Return: its number.
 */
u32 dms_rss_last_queue(const struct dms_rss *rss)
{
	u32 last = 0;
	int i;

	for (i = 0; i < DMS_INDIR_SIZE; i++)
		last = max(last, rss->indir[i]);
	return last;
}

static int dms_rss_check(const struct ethtool_rxfh_param *p,
			 struct netlink_ext_ack *extack)
{
	if (p->hfunc != ETH_RSS_HASH_NO_CHANGE && p->hfunc != ETH_RSS_HASH_TOP) {
		NL_SET_ERR_MSG(extack, "the only hash function is toeplitz");
		return -EOPNOTSUPP;
	}
	return 0;
}

static void dms_rss_apply(struct dms_rss *rss,
			  const struct ethtool_rxfh_param *p)
{
	unsigned int i;

	if (p->key)
		dms_rss_set_key(rss, p->key);
	if (p->indir)
		for (i = 0; i < DMS_INDIR_SIZE; i++)
			WRITE_ONCE(rss->indir[i], p->indir[i]);
	if (p->input_xfrm != RXH_XFRM_NO_CHANGE)
		WRITE_ONCE(rss->xfrm, p->input_xfrm);
}

/**
 * dms_get_rxfh_key_size() - ethtool op
 * @dev: the device
 *
 * Return: bytes of a key.
 */
u32 dms_get_rxfh_key_size(struct net_device *dev)
{
	return DMS_KEY_SIZE;
}

/**
 * dms_get_rxfh_indir_size() - ethtool op
 * @dev: the device
 *
 * Return: entries of an indirection table.
 */
u32 dms_get_rxfh_indir_size(struct net_device *dev)
{
	return DMS_INDIR_SIZE;
}

/**
 * dms_get_rxfh() - ethtool op: show the device's own settings
 * @dev: the device
 * @p: takes them
 *
 * Return: 0.
 */
int dms_get_rxfh(struct net_device *dev, struct ethtool_rxfh_param *p)
{
	struct dms_priv *priv = netdev_priv(dev);

	p->hfunc = ETH_RSS_HASH_TOP;
	p->input_xfrm = priv->rss->xfrm;
	if (p->indir)
		memcpy(p->indir, priv->rss->indir, sizeof(priv->rss->indir));
	if (p->key)
		memcpy(p->key, priv->rss->key, sizeof(priv->rss->key));
	return 0;
}

/**
 * dms_set_rxfh() - ethtool op: change the device's own settings
 * @dev: the device
 * @p: what to change
 * @extack: takes why not
 *
 * Return: 0 or a negative errno.
 */
int dms_set_rxfh(struct net_device *dev, struct ethtool_rxfh_param *p,
		 struct netlink_ext_ack *extack)
{
	struct dms_priv *priv = netdev_priv(dev);
	int err = dms_rss_check(p, extack);

	if (!err)
		dms_rss_apply(priv->rss, p);
	return err;
}

static int dms_flow_kind(u32 flow_type)
{
	switch (flow_type) {
	case TCP_V4_FLOW:
		return DMS_FLOW_TCP4;
	case TCP_V6_FLOW:
		return DMS_FLOW_TCP6;
	case UDP_V4_FLOW:
		return DMS_FLOW_UDP4;
	case UDP_V6_FLOW:
		return DMS_FLOW_UDP6;
	default:
		return -EOPNOTSUPP;
	}
}

/**
 * dms_get_rxfh_fields() - ethtool op: show what is hashed
 * @dev: the device
 * @f: of which flows and context; takes the answer
 *
 * Return: 0 or a negative errno.
 */
int dms_get_rxfh_fields(struct net_device *dev, struct ethtool_rxfh_fields *f)
{
	struct dms_rss *rss = dms_rss_of_context(netdev_priv(dev),
						 f->rss_context);
	int kind = dms_flow_kind(f->flow_type);

	if (kind < 0)
		return kind;
	if (!rss)
		return -ENOENT;
	f->data = rss->fields[kind];
	return 0;
}

/**
 * dms_set_rxfh_fields() - ethtool op: choose what is hashed
 * @dev: the device
 * @f: of which flows and context, and the choice
 * @extack: takes why not; may be NULL
 *
 * Return: 0 or a negative errno.
 */
int dms_set_rxfh_fields(struct net_device *dev,
			const struct ethtool_rxfh_fields *f,
			struct netlink_ext_ack *extack)
{
	struct dms_rss *rss = dms_rss_of_context(netdev_priv(dev),
						 f->rss_context);
	int kind = dms_flow_kind(f->flow_type);

	if (kind < 0 || f->data & ~DMS_FIELDS) {
		NL_SET_ERR_MSG(extack,
			       "only addresses and ports of TCP and UDP are hashed");
		return -EOPNOTSUPP;
	}
	if (!rss)
		return -ENOENT;
	WRITE_ONCE(rss->fields[kind], f->data);
	return 0;
}

/**
 * dms_create_rxfh_context() - ethtool op: make a context
 * @dev: the device
 * @ctx: the core's record of it; takes what @p leaves open
 * @p: settings
 * @extack: takes why not
 *
 * Return: 0 or a negative errno.
 */
int dms_create_rxfh_context(struct net_device *dev,
			    struct ethtool_rxfh_context *ctx,
			    const struct ethtool_rxfh_param *p,
			    struct netlink_ext_ack *extack)
{
	struct dms_rss *rss;
	int err;

	err = dms_rss_check(p, extack);
	if (err)
		return err;
	rss = dms_rss_create(netdev_priv(dev));
	if (!rss)
		return -ENOMEM;
	dms_rss_apply(rss, p);
	*dms_context_rss(ctx) = rss;

	ctx->hfunc = ETH_RSS_HASH_TOP;
	ctx->input_xfrm = rss->xfrm;
	memcpy(ethtool_rxfh_context_indir(ctx), rss->indir, sizeof(rss->indir));
	memcpy(ethtool_rxfh_context_key(ctx), rss->key, sizeof(rss->key));
	return 0;
}

/**
 * dms_modify_rxfh_context() - ethtool op: change a context
 * @dev: the device
 * @ctx: the core's record of it
 * @p: what to change
 * @extack: takes why not
 *
 * Return: 0 or a negative errno.
 */
int dms_modify_rxfh_context(struct net_device *dev,
			    struct ethtool_rxfh_context *ctx,
			    const struct ethtool_rxfh_param *p,
			    struct netlink_ext_ack *extack)
{
	int err = dms_rss_check(p, extack);

	if (!err)
		dms_rss_apply(*dms_context_rss(ctx), p);
	return err;
}

/**
 * dms_remove_rxfh_context() - ethtool op: remove a context
 * @dev: the device
 * @ctx: the core's record of it
 * @context: its number
 * @extack: takes why not; may be NULL
 *
 * The core refuses it while a rule needs the context, but not when the device
 * goes.
 *
 * Return: 0.
 */
int dms_remove_rxfh_context(struct net_device *dev,
			    struct ethtool_rxfh_context *ctx, u32 context,
			    struct netlink_ext_ack *extack)
{
	struct dms_rss *rss = *dms_context_rss(ctx);

	dms_ntuple_forget(netdev_priv(dev), rss);
	kvfree_rcu(rss, rcu);
	return 0;
}
