// SPDX-License-Identifier: GPL-2.0
/*
 * devmemsim: statistics: of the device, of its queues, of their page pools.
 */

#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <net/netdev_queues.h>
#include <net/page_pool/helpers.h>

#include "devmemsim.h"

/**
 * struct dms_stat - a counter that ethtool -S shows for each queue
 * @name: behind "rxN_" or "txN_"
 * @offset: where in the counters
 */
struct dms_stat {
	const char *name;
	size_t offset;
};

#define DMS_RX_STAT(field)	{ #field, offsetof(struct dms_rx_counters, field) }
#define DMS_TX_STAT(field)	{ #field, offsetof(struct dms_tx_counters, field) }

static const struct dms_stat dms_rx_stats[] = {
	DMS_RX_STAT(packets),
	DMS_RX_STAT(bytes),
	DMS_RX_STAT(gro_packets),
	DMS_RX_STAT(gro_wire_packets),
	DMS_RX_STAT(split_packets),
	DMS_RX_STAT(split_bytes),
	DMS_RX_STAT(no_buffer),
	DMS_RX_STAT(oversize),
	DMS_RX_STAT(dma_errors),
	DMS_RX_STAT(skb_alloc_fail),
	DMS_RX_STAT(fault_drops),
	DMS_RX_STAT(refill_fail),
	DMS_RX_STAT(csum_unnecessary),
	DMS_RX_STAT(csum_none),
	DMS_RX_STAT(csum_bad),
	DMS_RX_STAT(csum_drops),
};

static const struct dms_stat dms_tx_stats[] = {
	DMS_TX_STAT(packets),
	DMS_TX_STAT(bytes),
	DMS_TX_STAT(drops),
	DMS_TX_STAT(netmem),
	DMS_TX_STAT(unreadable),
	DMS_TX_STAT(needs_csum),
	DMS_TX_STAT(stops),
};

/* Behind the arrays: overruns and wakes, which are counted elsewhere. */
#define DMS_STATS_PER_QUEUE \
	(ARRAY_SIZE(dms_rx_stats) + 1 + ARRAY_SIZE(dms_tx_stats) + 1)

static void dms_read_rx(struct dms_queue *q, struct dms_rx_counters *c)
{
	unsigned int seq;

	do {
		seq = u64_stats_fetch_begin(&q->rx_sync);
		*c = q->rx;
	} while (u64_stats_fetch_retry(&q->rx_sync, seq));
}

static void dms_read_tx(struct dms_queue *q, struct dms_tx_counters *c)
{
	unsigned int seq;

	do {
		seq = u64_stats_fetch_begin(&q->tx_sync);
		*c = q->tx;
	} while (u64_stats_fetch_retry(&q->tx_sync, seq));
}

static u64 dms_read_overruns(struct dms_queue *q)
{
	u64 overruns;

	spin_lock_bh(&q->wire.lock);
	overruns = q->wire.overruns;
	spin_unlock_bh(&q->wire.lock);
	return overruns;
}

static u64 dms_rx_dropped(const struct dms_rx_counters *c)
{
	return c->no_buffer + c->oversize + c->dma_errors + c->skb_alloc_fail +
	       c->fault_drops + c->csum_drops;
}

/**
 * dms_get_stats64() - ndo_get_stats64
 * @dev: the device
 * @stats: zeroed by the core
 */
void dms_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *stats)
{
	struct dms_priv *priv = netdev_priv(dev);
	struct dms_rx_counters rx;
	struct dms_tx_counters tx;
	unsigned int i;
	u64 overruns;

	for (i = 0; i < priv->num_queues; i++) {
		dms_read_rx(&priv->queues[i], &rx);
		dms_read_tx(&priv->queues[i], &tx);
		overruns = dms_read_overruns(&priv->queues[i]);
		stats->rx_packets += rx.packets;
		stats->rx_bytes += rx.bytes;
		stats->rx_dropped += dms_rx_dropped(&rx) + overruns;
		stats->rx_fifo_errors += overruns;
		stats->rx_missed_errors += rx.no_buffer;
		stats->rx_length_errors += rx.oversize;
		stats->tx_packets += tx.packets;
		stats->tx_bytes += tx.bytes;
		stats->tx_dropped += tx.drops;
	}
}

static void dms_queue_stats_rx(struct net_device *dev, int idx,
			       struct netdev_queue_stats_rx *stats)
{
	struct dms_priv *priv = netdev_priv(dev);
	struct dms_queue *q = &priv->queues[idx];
	struct dms_rx_counters rx;

	dms_read_rx(q, &rx);
	stats->packets = rx.packets;
	stats->bytes = rx.bytes;
	stats->hw_gro_packets = rx.gro_packets;
	stats->hw_gro_wire_packets = rx.gro_wire_packets;
	stats->alloc_fail = rx.refill_fail + rx.skb_alloc_fail;
	stats->hw_drop_overruns = dms_read_overruns(q);
	stats->hw_drops = dms_rx_dropped(&rx) + stats->hw_drop_overruns;
	stats->csum_unnecessary = rx.csum_unnecessary;
	stats->csum_none = rx.csum_none;
	stats->csum_bad = rx.csum_bad;
}

static void dms_queue_stats_tx(struct net_device *dev, int idx,
			       struct netdev_queue_stats_tx *stats)
{
	struct dms_priv *priv = netdev_priv(dev);
	struct dms_queue *q = &priv->queues[idx];
	struct dms_tx_counters tx;

	dms_read_tx(q, &tx);
	stats->packets = tx.packets;
	stats->bytes = tx.bytes;
	stats->hw_drops = tx.drops;
	stats->needs_csum = tx.needs_csum;
	stats->stop = tx.stops;
	stats->wake = atomic64_read(&q->tx_wakes);
}

/* What queues counted that are not in use now. */
static void dms_base_stats(struct net_device *dev,
			   struct netdev_queue_stats_rx *rx,
			   struct netdev_queue_stats_tx *tx)
{
	struct dms_priv *priv = netdev_priv(dev);
	struct netdev_queue_stats_rx qrx = {};
	struct netdev_queue_stats_tx qtx = {};
	unsigned int i;

	dms_queue_stats_rx(dev, 0, rx);
	dms_queue_stats_tx(dev, 0, tx);
	rx->packets = 0;
	rx->bytes = 0;
	rx->hw_gro_packets = 0;
	rx->hw_gro_wire_packets = 0;
	rx->alloc_fail = 0;
	rx->hw_drop_overruns = 0;
	rx->hw_drops = 0;
	rx->csum_unnecessary = 0;
	rx->csum_none = 0;
	rx->csum_bad = 0;
	tx->packets = 0;
	tx->bytes = 0;
	tx->hw_drops = 0;
	tx->needs_csum = 0;
	tx->stop = 0;
	tx->wake = 0;
	for (i = priv->channels; i < priv->num_queues; i++) {
		dms_queue_stats_rx(dev, i, &qrx);
		dms_queue_stats_tx(dev, i, &qtx);
		rx->packets += qrx.packets;
		rx->bytes += qrx.bytes;
		rx->hw_gro_packets += qrx.hw_gro_packets;
		rx->hw_gro_wire_packets += qrx.hw_gro_wire_packets;
		rx->alloc_fail += qrx.alloc_fail;
		rx->hw_drop_overruns += qrx.hw_drop_overruns;
		rx->hw_drops += qrx.hw_drops;
		rx->csum_unnecessary += qrx.csum_unnecessary;
		rx->csum_none += qrx.csum_none;
		rx->csum_bad += qrx.csum_bad;
		tx->packets += qtx.packets;
		tx->bytes += qtx.bytes;
		tx->hw_drops += qtx.hw_drops;
		tx->needs_csum += qtx.needs_csum;
		tx->stop += qtx.stop;
		tx->wake += qtx.wake;
	}
}

const struct netdev_stat_ops dms_stat_ops = {
	.get_queue_stats_rx	= dms_queue_stats_rx,
	.get_queue_stats_tx	= dms_queue_stats_tx,
	.get_base_stats		= dms_base_stats,
};

/**
 * dms_get_sset_count() - ethtool op
 * @dev: the device
 * @set: which set of strings
 *
 * Return: how many strings it has, or -EOPNOTSUPP.
 */
int dms_get_sset_count(struct net_device *dev, int set)
{
	struct dms_priv *priv = netdev_priv(dev);

	if (set != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return priv->num_queues * DMS_STATS_PER_QUEUE +
	       page_pool_ethtool_stats_get_count();
}

/**
 * dms_get_strings() - ethtool op: names of the statistics
 * @dev: the device
 * @set: which set of strings
 * @data: where they go
 */
void dms_get_strings(struct net_device *dev, u32 set, u8 *data)
{
	struct dms_priv *priv = netdev_priv(dev);
	unsigned int q, i;

	if (set != ETH_SS_STATS)
		return;
	for (q = 0; q < priv->num_queues; q++) {
		for (i = 0; i < ARRAY_SIZE(dms_rx_stats); i++)
			ethtool_sprintf(&data, "rx%u_%s", q,
					dms_rx_stats[i].name);
		ethtool_sprintf(&data, "rx%u_overruns", q);
		for (i = 0; i < ARRAY_SIZE(dms_tx_stats); i++)
			ethtool_sprintf(&data, "tx%u_%s", q,
					dms_tx_stats[i].name);
		ethtool_sprintf(&data, "tx%u_wakes", q);
	}
	page_pool_ethtool_stats_get_strings(data);
}

static u64 *dms_copy_stats(u64 *data, const void *counters,
			   const struct dms_stat *stats, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		*data++ = *(const u64 *)(counters + stats[i].offset);
	return data;
}

#ifdef CONFIG_PAGE_POOL_STATS
static void dms_pool_stats(struct dms_priv *priv, u64 *data)
{
	struct page_pool_stats stats = {};
	unsigned int i;

	for (i = 0; i < priv->num_queues; i++) {
		if (!priv->queues[i].up)
			continue;
		page_pool_get_stats(priv->queues[i].mem.host.pool, &stats);
		if (priv->queues[i].mem.payload.pool)
			page_pool_get_stats(priv->queues[i].mem.payload.pool,
					    &stats);
	}
	page_pool_ethtool_stats_get(data, &stats);
}
#else
static void dms_pool_stats(struct dms_priv *priv, u64 *data)
{
}
#endif

/**
 * dms_get_ethtool_stats() - ethtool op: the statistics
 * @dev: the device, ops lock held
 * @stats: unused
 * @data: where they go
 */
void dms_get_ethtool_stats(struct net_device *dev, struct ethtool_stats *stats,
			   u64 *data)
{
	struct dms_priv *priv = netdev_priv(dev);
	struct dms_rx_counters rx;
	struct dms_tx_counters tx;
	unsigned int i;

	for (i = 0; i < priv->num_queues; i++) {
		dms_read_rx(&priv->queues[i], &rx);
		dms_read_tx(&priv->queues[i], &tx);
		data = dms_copy_stats(data, &rx, dms_rx_stats,
				      ARRAY_SIZE(dms_rx_stats));
		*data++ = dms_read_overruns(&priv->queues[i]);
		data = dms_copy_stats(data, &tx, dms_tx_stats,
				      ARRAY_SIZE(dms_tx_stats));
		*data++ = atomic64_read(&priv->queues[i].tx_wakes);
	}
	dms_pool_stats(priv, data);
}
