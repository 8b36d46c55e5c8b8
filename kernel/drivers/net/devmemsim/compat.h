/* SPDX-License-Identifier: GPL-2.0 */
/*
 * devmemsim: the differences between kernels, all of them.
 *
 * The Makefile looks for each interface in the headers of the kernel it
 * builds for and defines DMS_HAVE_*. The rest of the driver is written
 * against the newest shape and never asks.
 */
#ifndef _DEVMEMSIM_COMPAT_H
#define _DEVMEMSIM_COMPAT_H

#include <linux/debugfs.h>
#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <net/netdev_queues.h>
#include <net/page_pool/helpers.h>
#include <net/rtnetlink.h>

/*
 * Devices with queue_mgmt_ops run their operations under the instance lock
 * where there is one, and the plain NAPI calls would take it again.
 */
#ifdef DMS_HAVE_NAPI_LOCKED
#define dms_napi_add(dev, napi, poll)	netif_napi_add_locked(dev, napi, poll)
#define dms_napi_del(napi)		netif_napi_del_locked(napi)
#define dms_napi_enable(napi)		napi_enable_locked(napi)
#define dms_napi_disable(napi)		napi_disable_locked(napi)
#else
#define dms_napi_add(dev, napi, poll)	netif_napi_add(dev, napi, poll)
#define dms_napi_del(napi)		netif_napi_del(napi)
#define dms_napi_enable(napi)		napi_enable(napi)
#define dms_napi_disable(napi)		napi_disable(napi)
#endif

/*
 * The queue operations gained a configuration, in which there is the size of
 * the buffers that a provider has.
 */
#ifdef DMS_HAVE_QUEUE_CONFIG
#define DMS_QUEUE_CONFIG_ARG		struct netdev_queue_config *qcfg,
#define DMS_QUEUE_CONFIG_OPS				\
	.ndo_default_qcfg	= dms_default_qcfg,	\
	.ndo_validate_qcfg	= dms_validate_qcfg,	\
	.supported_params	= QCFG_RX_PAGE_SIZE,

static inline u32 dms_rx_page_size(struct net_device *dev, unsigned int idx)
{
	struct netdev_queue_config qcfg;

	netdev_queue_config(dev, idx, &qcfg);
	return qcfg.rx_page_size;
}
#else
#define DMS_QUEUE_CONFIG_ARG
#define DMS_QUEUE_CONFIG_OPS

static inline u32 dms_rx_page_size(struct net_device *dev, unsigned int idx)
{
	return PAGE_SIZE;
}
#endif

/* How long a packet must be at least for its payload to be split off. */
#ifdef DMS_HAVE_HDS_THRESH
#define DMS_RING_PARAMS \
	(ETHTOOL_RING_USE_TCP_DATA_SPLIT | ETHTOOL_RING_USE_HDS_THRS)

static inline u32 dms_ring_hds_thresh(const struct kernel_ethtool_ringparam *ring)
{
	return ring->hds_thresh;
}

static inline void dms_ring_set_hds_thresh(struct kernel_ethtool_ringparam *ring,
					   u32 thresh, u32 max)
{
	ring->hds_thresh = thresh;
	ring->hds_thresh_max = max;
}
#else
#define DMS_RING_PARAMS			ETHTOOL_RING_USE_TCP_DATA_SPLIT

static inline u32 dms_ring_hds_thresh(const struct kernel_ethtool_ringparam *ring)
{
	return 0;
}

static inline void dms_ring_set_hds_thresh(struct kernel_ethtool_ringparam *ring,
					   u32 thresh, u32 max)
{
}
#endif

/*
 * Payload in device memory: the stack hands it to the driver to send if that
 * says so, and has seen to it that it is mapped for the device.
 */
#ifdef DMS_HAVE_NETMEM_TX
static inline void dms_allow_netmem_tx(struct net_device *dev)
{
	dev->netmem_tx = NETMEM_TX_DMA;
}

static inline bool dms_may_fetch(const struct sk_buff *skb)
{
	return true;
}
#else
static inline void dms_allow_netmem_tx(struct net_device *dev)
{
}

static inline bool dms_may_fetch(const struct sk_buff *skb)
{
	return false;
}
#endif

/* A pool made without a NAPI gets one when its queue starts. */
#ifdef DMS_HAVE_PP_ENABLE_RECYCLING
#define dms_pool_enable_recycling(pool, napi) \
	page_pool_enable_direct_recycling(pool, napi)
#else
static inline void dms_pool_enable_recycling(struct page_pool *pool,
					     struct napi_struct *napi)
{
	WRITE_ONCE(pool->p.napi, napi);
}
#endif

static inline int dms_debugfs_rename(struct dentry *parent, struct dentry *dir,
				     const char *name)
{
#ifdef DMS_HAVE_DEBUGFS_CHANGE_NAME
	return debugfs_change_name(dir, "%s", name);
#else
	return PTR_ERR_OR_ZERO(debugfs_rename(parent, dir, parent, name));
#endif
}

/*
 * Instance-locked devices say which ethtool operations need rtnl as well:
 * those that change the number of TX queues or look at the link. The number
 * of rings moved from get_rxnfc() to an operation of its own.
 */
#ifdef DMS_HAVE_OP_NEEDS_RTNL
#define DMS_ETHTOOL_NEEDS_RTNL \
	.op_needs_rtnl = ETHTOOL_OP_NEEDS_RTNL_SCHANNELS | \
			 ETHTOOL_OP_NEEDS_RTNL_GLINK,
#else
#define DMS_ETHTOOL_NEEDS_RTNL
#endif
#ifdef DMS_HAVE_RX_RING_COUNT
#define DMS_ETHTOOL_RING_COUNT \
	.get_rx_ring_count = dms_get_rx_ring_count,
#else
#define DMS_ETHTOOL_RING_COUNT
#endif

/*
 * newlink() got its arguments in a structure, and the core finds out the
 * peer's namespace by itself when it is told which attribute names the peer.
 * DMS_NEWLINK_ARGS declares dev and extack, the rest is behind the macros.
 */
#ifdef DMS_HAVE_NEWLINK_PARAMS
#define DMS_NEWLINK_ARGS			\
	struct net_device *dev,			\
	struct rtnl_newlink_params *params,	\
	struct netlink_ext_ack *extack
#define dms_newlink_tb()		(params->tb)
#define dms_newlink_data()		(params->data)
#define dms_newlink_get_peer_net(tb) \
	((void)(tb), get_net(rtnl_newlink_peer_net(params)))
#define DMS_LINK_PEER_TYPE		.peer_type = DMS_INFO_PEER,
#else
#define DMS_NEWLINK_ARGS			\
	struct net *src_net,			\
	struct net_device *dev,			\
	struct nlattr *link_tb[],		\
	struct nlattr *link_data[],		\
	struct netlink_ext_ack *extack
#define dms_newlink_tb()		(link_tb)
#define dms_newlink_data()		(link_data)
#define dms_newlink_get_peer_net(tb)	rtnl_link_get_net(src_net, tb)
#define DMS_LINK_PEER_TYPE
#endif

#endif /* _DEVMEMSIM_COMPAT_H */
