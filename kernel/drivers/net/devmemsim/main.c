// SPDX-License-Identifier: GPL-2.0
/*
 * devmemsim: module, link type and device operations.
 *
 *   ip link add NAME type devmemsim
 *
 * makes NAME and its peer. The peer is described by the same attribute as
 * veth's (DMS_INFO_PEER); without it the peer is called NAMEp, in the same
 * namespace.
 */

#include <linux/capability.h>
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/platform_device.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/netdev_rx_queue.h>
#include <net/rtnetlink.h>

#include "devmemsim.h"

enum {
	DMS_INFO_UNSPEC,
	DMS_INFO_PEER,

	__DMS_INFO_MAX
};

#define DMS_INFO_MAX	(__DMS_INFO_MAX - 1)

#define DMS_FEATURES	(NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_HIGHDMA | \
			 NETIF_F_RXCSUM | NETIF_F_RXHASH | NETIF_F_NTUPLE)

struct device *dms_parent;

static struct rtnl_link_ops dms_link_ops;

/**
 * dms_queue_has_provider() - is a memory provider installed on a queue?
 * @dev: the device, ops lock held
 * @idx: index of the receive queue
 *
 * Return: whether its next payload pool will not be one of pages.
 */
bool dms_queue_has_provider(struct net_device *dev, unsigned int idx)
{
	return __netif_get_rx_queue(dev, idx)->mp_params.mp_ops;
}

static struct net_device *dms_peer(struct net_device *dev)
{
	struct dms_priv *priv = netdev_priv(dev);

	return rtnl_dereference(priv->peer);
}

static int dms_open(struct net_device *dev)
{
	struct net_device *peer = dms_peer(dev);
	struct dms_priv *priv = netdev_priv(dev);
	int err;

	if (!peer)
		return -ENOTCONN;
	err = dms_queues_up(priv, 0, priv->channels);
	if (err)
		return err;
	netif_tx_start_all_queues(dev);
	if (peer->flags & IFF_UP) {
		netif_carrier_on(dev);
		netif_carrier_on(peer);
	}
	return 0;
}

static int dms_stop(struct net_device *dev)
{
	struct net_device *peer = dms_peer(dev);
	struct dms_priv *priv = netdev_priv(dev);

	netif_carrier_off(dev);
	if (peer)
		netif_carrier_off(peer);
	netif_tx_disable(dev);
	dms_queues_down(priv, 0, priv->channels);
	return 0;
}

static int dms_init(struct net_device *dev)
{
	struct dms_priv *priv = netdev_priv(dev);
	int err;

	priv->dev = dev;
	priv->num_queues = max(dev->num_rx_queues, dev->num_tx_queues);
	priv->cfg.ring_size = DMS_RING_DEFAULT;
	priv->gro_timeout_ms = DMS_GRO_TIMEOUT_MS;
	err = netif_set_real_num_queues(dev, priv->channels, priv->channels);
	if (err)
		return err;
	err = dms_queues_create(priv);
	if (err)
		return err;
	priv->rss = dms_rss_create(priv);
	if (!priv->rss) {
		dms_queues_destroy(priv);
		return -ENOMEM;
	}
	return 0;
}

/* The last sender that may have seen the device as its peer is gone. */
static void dms_destructor(struct net_device *dev)
{
	struct dms_priv *priv = netdev_priv(dev);

	dms_ntuple_flush(priv);
	kvfree(priv->rss);
	priv->rss = NULL;
	dms_queues_destroy(priv);
}

/*
 * Payload in device memory cannot be summed up by the stack, so the engine has
 * to go on doing it.
 */
static netdev_features_t dms_fix_features(struct net_device *dev,
					  netdev_features_t features)
{
	struct dms_priv *priv = netdev_priv(dev);
	unsigned int i;

	if (features & NETIF_F_RXCSUM || READ_ONCE(priv->lenient))
		return features;
	for (i = 0; i < dev->real_num_rx_queues; i++) {
		if (dms_queue_has_provider(dev, i)) {
			netdev_info(dev, "rx checksums stay on: rx queue %u is bound to device memory\n",
				    i);
			return features | NETIF_F_RXCSUM;
		}
	}
	return features;
}

static int dms_set_features(struct net_device *dev, netdev_features_t features)
{
	if (!(features & NETIF_F_NTUPLE))
		dms_ntuple_flush(netdev_priv(dev));
	return 0;
}

static int dms_get_iflink(const struct net_device *dev)
{
	struct dms_priv *priv = netdev_priv(dev);
	struct net_device *peer;
	int iflink;

	rcu_read_lock();
	peer = rcu_dereference(priv->peer);
	iflink = peer ? READ_ONCE(peer->ifindex) : 0;
	rcu_read_unlock();
	return iflink;
}

static const struct net_device_ops dms_netdev_ops = {
	.ndo_init		= dms_init,
	.ndo_open		= dms_open,
	.ndo_stop		= dms_stop,
	.ndo_start_xmit		= dms_start_xmit,
	.ndo_get_stats64	= dms_get_stats64,
	.ndo_fix_features	= dms_fix_features,
	.ndo_set_features	= dms_set_features,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_get_iflink		= dms_get_iflink,
	.ndo_features_check	= passthru_features_check,
};

static void dms_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &dms_netdev_ops;
	dev->ethtool_ops = &dms_ethtool_ops;
	dev->stat_ops = &dms_stat_ops;
	dev->queue_mgmt_ops = &dms_queue_mgmt_ops;
	dev->needs_free_netdev = true;
	dev->priv_destructor = dms_destructor;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	/* Netpoll may send with the lock of a wire held on this CPU. */
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE | IFF_DISABLE_NETPOLL;
	dev->features |= DMS_FEATURES;
	/* Packets wait for others, so who wants that asks for it. */
	dev->hw_features = DMS_FEATURES | NETIF_F_GRO_HW;
	dev->vlan_features = NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_HIGHDMA;
	dev->max_mtu = ETH_MAX_MTU;
	dms_allow_netmem_tx(dev);
	SET_NETDEV_DEV(dev, dms_parent);
}

static int dms_validate_queues(struct nlattr *attr,
			       struct netlink_ext_ack *extack)
{
	if (attr && (!nla_get_u32(attr) || nla_get_u32(attr) > DMS_QUEUES_MAX)) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"a device has 1 to %d queues, not %u",
					DMS_QUEUES_MAX, nla_get_u32(attr));
		return -ERANGE;
	}
	return 0;
}

static int dms_validate(struct nlattr *tb[], struct nlattr *data[],
			struct netlink_ext_ack *extack)
{
	struct nlattr *addr = tb[IFLA_ADDRESS];
	int err;

	if (addr && (nla_len(addr) != ETH_ALEN ||
		     !is_valid_ether_addr(nla_data(addr)))) {
		NL_SET_ERR_MSG_ATTR(extack, addr,
				    "not a unicast Ethernet address");
		return -EADDRNOTAVAIL;
	}
	err = dms_validate_queues(tb[IFLA_NUM_RX_QUEUES], extack);
	if (err)
		return err;
	return dms_validate_queues(tb[IFLA_NUM_TX_QUEUES], extack);
}

static unsigned int dms_default_queues(void)
{
	return DMS_QUEUES_SPARE;
}

/* Whoever names a number of queues wants all of them in use. */
static void dms_choose_channels(struct net_device *dev, struct nlattr *tb[])
{
	unsigned int n = min(dev->num_rx_queues, dev->num_tx_queues);
	struct dms_priv *priv = netdev_priv(dev);

	if (!tb[IFLA_NUM_RX_QUEUES] && !tb[IFLA_NUM_TX_QUEUES])
		n = min(n, DMS_QUEUES_DEFAULT);
	priv->channels = n;
}

/**
 * struct dms_peer_spec - how the peer shall look
 * @ifm: flags and index, NULL if the user said nothing
 * @tb: its attributes
 * @name: its name
 * @name_type: NET_NAME_*
 */
struct dms_peer_spec {
	struct ifinfomsg *ifm;
	struct nlattr *tb[IFLA_MAX + 1];
	char name[IFNAMSIZ];
	unsigned char name_type;
};

static void dms_peer_name(struct dms_peer_spec *spec, struct nlattr *tb[])
{
	if (spec->tb[IFLA_IFNAME]) {
		nla_strscpy(spec->name, spec->tb[IFLA_IFNAME], IFNAMSIZ);
		spec->name_type = NET_NAME_USER;
		return;
	}
	spec->name_type = NET_NAME_ENUM;
	if (tb[IFLA_IFNAME] && nla_len(tb[IFLA_IFNAME]) < IFNAMSIZ - 1)
		snprintf(spec->name, IFNAMSIZ, "%sp",
			 (char *)nla_data(tb[IFLA_IFNAME]));
	else
		strscpy(spec->name, "dms%d", IFNAMSIZ);
}

static int dms_peer_parse(struct dms_peer_spec *spec, struct nlattr *tb[],
			  struct nlattr *data[], struct netlink_ext_ack *extack)
{
	int err;

	memset(spec, 0, sizeof(*spec));
	if (data && data[DMS_INFO_PEER]) {
		spec->ifm = nla_data(data[DMS_INFO_PEER]);
		err = rtnl_nla_parse_ifinfomsg(spec->tb, data[DMS_INFO_PEER],
					       extack);
		if (err < 0)
			return err;
		err = dms_validate(spec->tb, NULL, extack);
		if (err < 0)
			return err;
	}
	/* The peer is as wide as the device unless somebody says otherwise. */
	if (!spec->tb[IFLA_NUM_RX_QUEUES] && !spec->tb[IFLA_NUM_TX_QUEUES]) {
		spec->tb[IFLA_NUM_RX_QUEUES] = tb[IFLA_NUM_RX_QUEUES];
		spec->tb[IFLA_NUM_TX_QUEUES] = tb[IFLA_NUM_TX_QUEUES];
	}
	dms_peer_name(spec, tb);
	return 0;
}

static struct net_device *dms_peer_create(struct net *net,
					  struct dms_peer_spec *spec,
					  struct netlink_ext_ack *extack)
{
	struct net_device *peer;
	int err;

	peer = rtnl_create_link(net, spec->name, spec->name_type,
				&dms_link_ops, spec->tb, extack);
	if (IS_ERR(peer))
		return peer;
	if (!spec->tb[IFLA_ADDRESS])
		eth_hw_addr_random(peer);
	if (spec->ifm)
		peer->ifindex = spec->ifm->ifi_index;
	dms_choose_channels(peer, spec->tb);

	err = register_netdevice(peer);
	if (err) {
		free_netdev(peer);
		return ERR_PTR(err);
	}
	netif_carrier_off(peer);
	err = rtnl_configure_link(peer, spec->ifm, 0, NULL);
	if (err) {
		unregister_netdevice(peer);
		return ERR_PTR(err);
	}
	return peer;
}

static void dms_pair(struct net_device *dev, struct net_device *peer)
{
	struct dms_priv *priv = netdev_priv(dev);

	rcu_assign_pointer(priv->peer, peer);
	dms_debugfs_add(priv);
}

static int dms_newlink(DMS_NEWLINK_ARGS)
{
	struct nlattr **tb = dms_newlink_tb();
	struct dms_peer_spec *spec;
	struct net_device *peer;
	struct net *net;
	int err;

	/* Rings take memory that no cgroup pays for. */
	if (!capable(CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG(extack,
			       "devmemsim needs CAP_NET_ADMIN in the initial user namespace");
		return -EPERM;
	}

	spec = kmalloc(sizeof(*spec), GFP_KERNEL);
	if (!spec)
		return -ENOMEM;
	err = dms_peer_parse(spec, tb, dms_newlink_data(), extack);
	if (err)
		goto out_spec;
	net = dms_newlink_get_peer_net(spec->tb);
	if (IS_ERR(net)) {
		err = PTR_ERR(net);
		goto out_spec;
	}
	peer = dms_peer_create(net, spec, extack);
	put_net(net);
	if (IS_ERR(peer)) {
		err = PTR_ERR(peer);
		goto out_spec;
	}

	if (!tb[IFLA_ADDRESS])
		eth_hw_addr_random(dev);
	dms_choose_channels(dev, tb);
	err = register_netdevice(dev);
	if (err) {
		unregister_netdevice(peer);
		goto out_spec;
	}
	netif_carrier_off(dev);
	dms_pair(dev, peer);
	dms_pair(peer, dev);
out_spec:
	kfree(spec);
	return err;
}

static void dms_unpair(struct net_device *dev, struct list_head *head)
{
	struct dms_priv *priv = netdev_priv(dev);

	RCU_INIT_POINTER(priv->peer, NULL);
	dms_debugfs_del(priv);
	unregister_netdevice_queue(dev, head);
}

/* Neither end outlives the other; senders see NULL and drop. */
static void dms_dellink(struct net_device *dev, struct list_head *head)
{
	struct net_device *peer = dms_peer(dev);

	dms_unpair(dev, head);
	if (peer)
		dms_unpair(peer, head);
}

static struct net *dms_get_link_net(const struct net_device *dev)
{
	struct dms_priv *priv = netdev_priv(dev);
	struct net_device *peer = rcu_dereference_rtnl(priv->peer);

	return peer ? dev_net(peer) : dev_net(dev);
}

static const struct nla_policy dms_policy[DMS_INFO_MAX + 1] = {
	[DMS_INFO_PEER]	= { .len = sizeof(struct ifinfomsg) },
};

static struct rtnl_link_ops dms_link_ops = {
	.kind			= DMS_NAME,
	.priv_size		= sizeof(struct dms_priv),
	.setup			= dms_setup,
	.validate		= dms_validate,
	.newlink		= dms_newlink,
	.dellink		= dms_dellink,
	.policy			= dms_policy,
	.maxtype		= DMS_INFO_MAX,
	DMS_LINK_PEER_TYPE
	.get_num_tx_queues	= dms_default_queues,
	.get_num_rx_queues	= dms_default_queues,
	.get_link_net		= dms_get_link_net,
};

static int dms_netdev_event(struct notifier_block *nb, unsigned long event,
			    void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);

	if (dev->rtnl_link_ops != &dms_link_ops)
		return NOTIFY_DONE;
	if (event == NETDEV_CHANGENAME || event == NETDEV_REGISTER)
		dms_debugfs_follow_name(netdev_priv(dev));
	return NOTIFY_DONE;
}

static struct notifier_block dms_netdev_notifier = {
	.notifier_call	= dms_netdev_event,
};

/*
 * Page pools and dma-buf attachments keep a plain pointer to the device that
 * they map for, and both outlive the netdev and this module when a socket
 * holds on to received memory. So the parent is made once and stays until the
 * machine goes down; the module finds it again when it is loaded again.
 */
static struct device *dms_parent_get(void)
{
	struct platform_device_info info = {
		.name = DMS_NAME,
		.id = PLATFORM_DEVID_NONE,
		.dma_mask = DMA_BIT_MASK(64),
	};
	struct platform_device *pdev;
	struct device *dev;

	dev = bus_find_device_by_name(&platform_bus_type, NULL, DMS_NAME);
	if (dev) {
		/* Nobody ever removes it, so this reference is not needed. */
		put_device(dev);
		return dev;
	}
	pdev = platform_device_register_full(&info);
	return IS_ERR(pdev) ? ERR_CAST(pdev) : &pdev->dev;
}

static int __init dms_module_init(void)
{
	int err;

	dms_parent = dms_parent_get();
	if (IS_ERR(dms_parent))
		return PTR_ERR(dms_parent);
	/* The engine writes byte by byte, so a segment may have any length. */
	dma_set_max_seg_size(dms_parent, UINT_MAX);
	err = dms_dma_probe(dms_parent);
	if (err)
		return err;
	dms_debugfs_init();
	err = register_netdevice_notifier(&dms_netdev_notifier);
	if (err)
		goto err_debugfs;
	err = rtnl_link_register(&dms_link_ops);
	if (err)
		goto err_notifier;
	return 0;

err_notifier:
	unregister_netdevice_notifier(&dms_netdev_notifier);
err_debugfs:
	dms_debugfs_exit();
	return err;
}

static void __exit dms_module_exit(void)
{
	rtnl_link_unregister(&dms_link_ops);
	unregister_netdevice_notifier(&dms_netdev_notifier);
	dms_debugfs_exit();
}

module_init(dms_module_init);
module_exit(dms_module_exit);

MODULE_DESCRIPTION("Simulated NIC with header split, for memory providers");
MODULE_LICENSE("GPL");
