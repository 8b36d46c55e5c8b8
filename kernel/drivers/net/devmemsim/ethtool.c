// SPDX-License-Identifier: GPL-2.0
/*
 * devmemsim: ethtool: rings, header split, channels.
 */

#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/log2.h>
#include <linux/netdevice.h>

#include "devmemsim.h"

static void dms_get_drvinfo(struct net_device *dev,
			    struct ethtool_drvinfo *info)
{
	strscpy(info->driver, DMS_NAME, sizeof(info->driver));
	if (dev->dev.parent)
		strscpy(info->bus_info, dev_name(dev->dev.parent),
			sizeof(info->bus_info));
}

static void dms_get_ringparam(struct net_device *dev,
			      struct ethtool_ringparam *ring,
			      struct kernel_ethtool_ringparam *kernel_ring,
			      struct netlink_ext_ack *extack)
{
	struct dms_priv *priv = netdev_priv(dev);

	ring->rx_max_pending = DMS_RING_MAX;
	ring->rx_pending = priv->cfg.ring_size;
	kernel_ring->tcp_data_split = priv->cfg.split ?
				      ETHTOOL_TCP_DATA_SPLIT_ENABLED :
				      ETHTOOL_TCP_DATA_SPLIT_DISABLED;
	dms_ring_set_hds_thresh(kernel_ring, priv->cfg.hds_thresh,
				DMS_HDS_THRESH_MAX);
}

static int dms_check_split_off(struct net_device *dev,
			       struct netlink_ext_ack *extack)
{
	unsigned int i;

	for (i = 0; i < dev->real_num_rx_queues; i++) {
		if (dms_queue_has_provider(dev, i)) {
			NL_SET_ERR_MSG_FMT(extack,
					   "tcp-data-split must stay on: rx queue %u is bound to device memory",
					   i);
			return -EBUSY;
		}
	}
	return 0;
}

static int dms_set_ringparam(struct net_device *dev,
			     struct ethtool_ringparam *ring,
			     struct kernel_ethtool_ringparam *kernel_ring,
			     struct netlink_ext_ack *extack)
{
	struct dms_priv *priv = netdev_priv(dev);
	struct dms_config old = priv->cfg;
	struct dms_config new = {
		.ring_size = roundup_pow_of_two(max_t(u32, ring->rx_pending,
						      DMS_RING_MIN)),
		.hds_thresh = dms_ring_hds_thresh(kernel_ring),
		.split = kernel_ring->tcp_data_split ==
			 ETHTOOL_TCP_DATA_SPLIT_ENABLED,
	};
	int err;

	if (!new.split && !READ_ONCE(priv->lenient)) {
		err = dms_check_split_off(dev, extack);
		if (err)
			return err;
	}
	priv->cfg = new;
	if (new.ring_size == old.ring_size && new.split == old.split)
		return 0;
	if (!netif_running(dev))
		return 0;
	err = dms_queues_replace_mem(priv);
	if (err) {
		priv->cfg = old;
		NL_SET_ERR_MSG(extack,
			       "cannot allocate receive rings of this kind, the old ones stay");
	}
	return err;
}

static void dms_get_channels(struct net_device *dev,
			     struct ethtool_channels *ch)
{
	struct dms_priv *priv = netdev_priv(dev);

	ch->max_combined = min(dev->num_rx_queues, dev->num_tx_queues);
	ch->combined_count = priv->channels;
}

static int dms_grow(struct dms_priv *priv, unsigned int old, unsigned int new)
{
	struct net_device *dev = priv->dev;
	int err;

	err = netif_set_real_num_queues(dev, new, new);
	if (err)
		return err;
	if (netif_running(dev))
		err = dms_queues_up(priv, old, new);
	if (err) {
		netif_set_real_num_queues(dev, old, old);
		return err;
	}
	WRITE_ONCE(priv->channels, new);
	return 0;
}

static int dms_shrink(struct dms_priv *priv, unsigned int old, unsigned int new)
{
	struct net_device *dev = priv->dev;

	WRITE_ONCE(priv->channels, new);
	if (netif_running(dev))
		dms_queues_down(priv, new, old);
	/* Fewer queues need no memory, so this cannot fail. */
	return netif_set_real_num_queues(dev, new, new);
}

static int dms_set_channels(struct net_device *dev,
			    struct ethtool_channels *ch)
{
	unsigned int new = ch->combined_count;
	struct dms_priv *priv = netdev_priv(dev);
	unsigned int old = priv->channels;
	int err = 0;

	if (!new)
		return -EINVAL;
	if (new > old)
		err = dms_grow(priv, old, new);
	else if (new < old)
		err = dms_shrink(priv, old, new);
	if (!err && !netif_is_rxfh_configured(dev))
		dms_rss_spread(priv, priv->rss);
	return err;
}

const struct ethtool_ops dms_ethtool_ops = {
	.supported_ring_params	= DMS_RING_PARAMS,
	.supported_input_xfrm	= RXH_XFRM_SYM_XOR,
	.cap_rss_rxnfc_adds	= true,
	.rxfh_per_ctx_key	= true,
	.rxfh_per_ctx_fields	= true,
	.rxfh_priv_size		= sizeof(struct dms_rss *),
	DMS_ETHTOOL_NEEDS_RTNL
	DMS_ETHTOOL_RING_COUNT
	.get_drvinfo		= dms_get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_ts_info		= ethtool_op_get_ts_info,
	.get_ringparam		= dms_get_ringparam,
	.set_ringparam		= dms_set_ringparam,
	.get_channels		= dms_get_channels,
	.set_channels		= dms_set_channels,
	.get_rxnfc		= dms_get_rxnfc,
	.set_rxnfc		= dms_set_rxnfc,
	.get_rxfh_key_size	= dms_get_rxfh_key_size,
	.get_rxfh_indir_size	= dms_get_rxfh_indir_size,
	.get_rxfh		= dms_get_rxfh,
	.set_rxfh		= dms_set_rxfh,
	.get_rxfh_fields	= dms_get_rxfh_fields,
	.set_rxfh_fields	= dms_set_rxfh_fields,
	.create_rxfh_context	= dms_create_rxfh_context,
	.modify_rxfh_context	= dms_modify_rxfh_context,
	.remove_rxfh_context	= dms_remove_rxfh_context,
	.get_sset_count		= dms_get_sset_count,
	.get_strings		= dms_get_strings,
	.get_ethtool_stats	= dms_get_ethtool_stats,
};
