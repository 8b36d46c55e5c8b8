// SPDX-License-Identifier: GPL-2.0
/*
 * devmemsim: ntuple rules: TCP and UDP flows to queues or RSS contexts.
 *
 * A rule is a value and a mask over the tuple that the parser makes, so that
 * matching is the same for IPv4 and IPv6. Senders read the table under RCU;
 * it changes under the ops lock. Where several rules match, the one at the
 * lowest location wins.
 */

#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "devmemsim.h"

static struct dms_rule *dms_rule_get(struct dms_priv *priv, u32 location)
{
	/* The ops lock is rtnl or the instance lock, whichever there is. */
	return rcu_dereference_protected(priv->rules[location], true);
}

static bool dms_rule_matches(const struct dms_rule *rule,
			     const struct dms_flow *flow)
{
	u8 i;

	if (rule->tuple_len != flow->tuple_len ||
	    rule->l4_proto != flow->l4_proto)
		return false;
	for (i = 0; i < rule->tuple_len; i++)
		if ((flow->tuple[i] & rule->mask[i]) != rule->value[i])
			return false;
	return true;
}

/**
 * dms_ntuple_match() - find the rule for a packet
 * @priv: the receiving device; called under RCU
 * @flow: the packet
 *
 * Return: the rule, or NULL.
 */
const struct dms_rule *dms_ntuple_match(struct dms_priv *priv,
					const struct dms_flow *flow)
{
	unsigned int i, end = READ_ONCE(priv->rules_end);
	const struct dms_rule *rule;

	if (!flow->ports)
		return NULL;
	for (i = 0; i < end; i++) {
		rule = rcu_dereference(priv->rules[i]);
		if (rule && dms_rule_matches(rule, flow))
			return rule;
	}
	return NULL;
}

static void dms_rule_set(struct dms_priv *priv, u32 location,
			 struct dms_rule *rule)
{
	struct dms_rule *old = dms_rule_get(priv, location);
	unsigned int end = priv->rules_end;

	rcu_assign_pointer(priv->rules[location], rule);
	if (rule && location >= end)
		end = location + 1;
	while (end && !dms_rule_get(priv, end - 1))
		end--;
	WRITE_ONCE(priv->rules_end, end);
	if (old)
		kfree_rcu(old, rcu);
}

/**
 * dms_ntuple_flush() - remove all rules
 * @priv: the device, ops lock held or no longer registered
 */
void dms_ntuple_flush(struct dms_priv *priv)
{
	while (priv->rules_end)
		dms_rule_set(priv, priv->rules_end - 1, NULL);
}

/**
 * dms_ntuple_forget() - remove the rules that spread by some settings
 * @priv: the device, ops lock held or no longer registered
 * @rss: the settings
 */
void dms_ntuple_forget(struct dms_priv *priv, const struct dms_rss *rss)
{
	struct dms_rule *rule;
	unsigned int i;

	for (i = 0; i < priv->rules_end; i++) {
		rule = dms_rule_get(priv, i);
		if (rule && rule->rss == rss)
			dms_rule_set(priv, i, NULL);
	}
}

/*
 * ethtool's structures, the same for TCP and UDP, begin with the tuple as it stands in a packet:
 * source, destination, source port, destination port.
 */
static void dms_rule_tuple(struct dms_rule *rule, size_t len)
{
	memcpy(rule->value, &rule->fs.h_u, len);
	memcpy(rule->mask, &rule->fs.m_u, len);
	rule->tuple_len = len;
}

static int dms_rule_from_ip4(struct dms_rule *rule)
{
	BUILD_BUG_ON(offsetof(struct ethtool_tcpip4_spec, tos) != 12);
	if (rule->fs.m_u.tcp_ip4_spec.tos)
		return -EOPNOTSUPP;
	dms_rule_tuple(rule, offsetof(struct ethtool_tcpip4_spec, tos));
	return 0;
}

static int dms_rule_from_ip6(struct dms_rule *rule)
{
	BUILD_BUG_ON(offsetof(struct ethtool_tcpip6_spec, tclass) != 36);
	if (rule->fs.m_u.tcp_ip6_spec.tclass)
		return -EOPNOTSUPP;
	dms_rule_tuple(rule, offsetof(struct ethtool_tcpip6_spec, tclass));
	return 0;
}

static u8 dms_rule_l4_proto(u32 flow_type)
{
	return flow_type == TCP_V4_FLOW || flow_type == TCP_V6_FLOW ?
		       IPPROTO_TCP : IPPROTO_UDP;
}

static int dms_rule_parse(struct dms_rule *rule)
{
	int err, i;

	switch (rule->fs.flow_type & ~FLOW_RSS) {
	case TCP_V4_FLOW:
	case UDP_V4_FLOW:
		err = dms_rule_from_ip4(rule);
		break;
	case TCP_V6_FLOW:
	case UDP_V6_FLOW:
		err = dms_rule_from_ip6(rule);
		break;
	default:
		/* Other protocols, VLAN and MAC matches. */
		err = -EOPNOTSUPP;
	}
	rule->l4_proto = dms_rule_l4_proto(rule->fs.flow_type & ~FLOW_RSS);
	for (i = 0; i < rule->tuple_len; i++)
		rule->value[i] &= rule->mask[i];
	return err;
}

static bool dms_rule_same_match(const struct dms_rule *a,
				const struct dms_rule *b)
{
	return a->l4_proto == b->l4_proto && a->tuple_len == b->tuple_len &&
	       !memcmp(a->value, b->value, a->tuple_len) &&
	       !memcmp(a->mask, b->mask, a->tuple_len);
}

static bool dms_rule_known(struct dms_priv *priv, const struct dms_rule *rule)
{
	struct dms_rule *old;
	u32 i;

	for (i = 0; i < priv->rules_end; i++) {
		old = dms_rule_get(priv, i);
		if (old && dms_rule_same_match(old, rule))
			return true;
	}
	return false;
}

/*
 * Behind one that matches the same, a rule is never reached. To a context it
 * is refused, if the user does not say where it stands; to a queue it was
 * always let in.
 */
static int dms_rule_place(struct dms_priv *priv, const struct dms_rule *rule,
			  u32 *location)
{
	if (*location == RX_CLS_LOC_ANY) {
		if (rule->rss && dms_rule_known(priv, rule))
			return -EEXIST;
		for (*location = 0; *location < DMS_RULES; (*location)++)
			if (!dms_rule_get(priv, *location))
				return 0;
		return -ENOSPC;
	}
	return *location < DMS_RULES ? 0 : -EINVAL;
}

/* To a queue, or to what an RSS context says plus an offset. */
static int dms_rule_target(struct dms_priv *priv, struct dms_rule *rule,
			   u32 context)
{
	u64 last = rule->fs.ring_cookie;

	if (rule->fs.flow_type & FLOW_RSS) {
		rule->context = context;
		rule->rss = dms_rss_of_context(priv, context);
		if (!rule->rss)
			return -EINVAL;
		last += dms_rss_last_queue(rule->rss);
	}
	if (rule->fs.ring_cookie >= priv->channels || last >= priv->channels)
		return -EINVAL;
	rule->queue = rule->fs.ring_cookie;
	return 0;
}

static int dms_rule_insert(struct dms_priv *priv, struct ethtool_rxnfc *nfc)
{
	struct dms_rule *rule;
	int err;

	if (!(priv->dev->features & NETIF_F_NTUPLE))
		return -EOPNOTSUPP;
	rule = kzalloc(sizeof(*rule), GFP_KERNEL);
	if (!rule)
		return -ENOMEM;
	rule->fs = nfc->fs;
	err = dms_rule_parse(rule);
	if (!err)
		err = dms_rule_target(priv, rule, nfc->rss_context);
	if (!err)
		err = dms_rule_place(priv, rule, &nfc->fs.location);
	if (err) {
		kfree(rule);
		return err;
	}
	rule->fs.location = nfc->fs.location;
	dms_rule_set(priv, nfc->fs.location, rule);
	return 0;
}

static int dms_rule_delete(struct dms_priv *priv, u32 location)
{
	if (location >= DMS_RULES || !dms_rule_get(priv, location))
		return -ENOENT;
	dms_rule_set(priv, location, NULL);
	return 0;
}

static u32 dms_rules_count(struct dms_priv *priv)
{
	u32 i, n = 0;

	for (i = 0; i < priv->rules_end; i++)
		n += !!dms_rule_get(priv, i);
	return n;
}

static int dms_rules_list(struct dms_priv *priv, struct ethtool_rxnfc *nfc,
			  u32 *locations)
{
	u32 i, n = 0;

	for (i = 0; i < priv->rules_end; i++) {
		if (!dms_rule_get(priv, i))
			continue;
		if (n == nfc->rule_cnt)
			return -EMSGSIZE;
		locations[n++] = i;
	}
	nfc->rule_cnt = n;
	nfc->data = DMS_RULES;
	return 0;
}

static int dms_rule_show(struct dms_priv *priv, struct ethtool_rxnfc *nfc)
{
	u32 location = nfc->fs.location;
	struct dms_rule *rule;

	rule = location < DMS_RULES ? dms_rule_get(priv, location) : NULL;
	if (!rule)
		return -ENOENT;
	nfc->fs = rule->fs;
	/* The core asks here, and not in @fs, whether there is a context. */
	nfc->flow_type = rule->fs.flow_type;
	nfc->rss_context = rule->context;
	nfc->data = DMS_RULES;
	return 0;
}

/**
 * dms_get_rx_ring_count() - ethtool op
 * @dev: the device
 *
 * Return: how many receive queues are in use.
 */
u32 dms_get_rx_ring_count(struct net_device *dev)
{
	struct dms_priv *priv = netdev_priv(dev);

	return priv->channels;
}

/**
 * dms_get_rxnfc() - ethtool op: show rules
 * @dev: the device
 * @nfc: what is asked for, and the answer
 * @locations: room for the locations of all rules
 *
 * Return: 0 or a negative errno.
 */
int dms_get_rxnfc(struct net_device *dev, struct ethtool_rxnfc *nfc,
		  u32 *locations)
{
	struct dms_priv *priv = netdev_priv(dev);

	switch (nfc->cmd) {
	case ETHTOOL_GRXRINGS:
		nfc->data = dms_get_rx_ring_count(dev);
		return 0;
	case ETHTOOL_GRXCLSRLCNT:
		nfc->rule_cnt = dms_rules_count(priv);
		nfc->data = DMS_RULES | RX_CLS_LOC_SPECIAL;
		return 0;
	case ETHTOOL_GRXCLSRULE:
		return dms_rule_show(priv, nfc);
	case ETHTOOL_GRXCLSRLALL:
		return dms_rules_list(priv, nfc, locations);
	default:
		return -EOPNOTSUPP;
	}
}

/**
 * dms_set_rxnfc() - ethtool op: change rules
 * @dev: the device
 * @nfc: what to do; takes the location of an inserted rule
 *
 * Return: 0 or a negative errno.
 */
int dms_set_rxnfc(struct net_device *dev, struct ethtool_rxnfc *nfc)
{
	struct dms_priv *priv = netdev_priv(dev);

	switch (nfc->cmd) {
	case ETHTOOL_SRXCLSRLINS:
		return dms_rule_insert(priv, nfc);
	case ETHTOOL_SRXCLSRLDEL:
		return dms_rule_delete(priv, nfc->fs.location);
	default:
		return -EOPNOTSUPP;
	}
}
