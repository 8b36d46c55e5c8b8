/* SPDX-License-Identifier: GPL-2.0 */
/*
 * devmemsim: a simulated NIC with header split, for memory providers.
 *
 * Two devices share a wire. What one transmits waits in the receive FIFO of
 * the other (xmit.c), on the queue that steering picks (steer.c, ntuple.c),
 * until that queue's NAPI (rx.c) lets the "DMA engine" (dma.c) write it into
 * buffers that the driver posted beforehand (queue.c).
 *
 * Locking: queue memory, channel count, rings and rules change under the lock
 * that the core holds around device operations, rtnl or the instance lock,
 * called "ops lock" below. The data path takes the lock of one wire only.
 */
#ifndef _DEVMEMSIM_H
#define _DEVMEMSIM_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>
#include <net/netmem.h>

#include "compat.h"

#define DMS_NAME		"devmemsim"

#define DMS_QUEUES_DEFAULT	4
#define DMS_QUEUES_SPARE	16	/* allocated when the user names no number */
#define DMS_QUEUES_MAX		128

#define DMS_RING_DEFAULT	512
#define DMS_RING_MIN		32
#define DMS_RING_MAX		4096
#define DMS_REFILL_BATCH	16
#define DMS_RETRY_MS		10

/* The largest buffers that a payload ring takes, and packets that stay whole. */
#define DMS_PAYLOAD_MAX		SZ_64K
#define DMS_HDS_THRESH_MAX	SZ_64K

/* Packets in a receive FIFO at which the sender's queue is stopped. */
#define DMS_WIRE_DEPTH		512

/* A host buffer is one page and becomes the linear part of an skb. */
#define DMS_HOST_OFFSET		(NET_SKB_PAD + NET_IP_ALIGN)
#define DMS_HOST_ROOM		SKB_WITH_OVERHEAD(PAGE_SIZE - DMS_HOST_OFFSET)

/* Coalescing: flows that wait in a queue, and for how long unless debugfs says. */
#define DMS_GRO_FLOWS		1024
#define DMS_GRO_TIMEOUT_MS	5

#define DMS_RULES		64
#define DMS_INDIR_SIZE		128
#define DMS_TUPLE_MAX		36	/* IPv6 addresses and two ports */
#define DMS_KEY_SIZE		40	/* a Toeplitz key is 4 bytes longer */

/**
 * struct dms_desc - one posted receive buffer
 * @addr: where the engine writes: a bus address, all that hardware knows
 * @netmem: what the driver gets back, opaque to it as well
 */
struct dms_desc {
	dma_addr_t addr;
	netmem_ref netmem;
};

/**
 * struct dms_ring - posted receive buffers of one kind
 * @desc: descriptors, a power of two of them
 * @size: how many; 0 when the queue has no such ring
 * @head: next slot to post, free running; written by the driver side
 * @tail: next slot to fill, free running; written by the engine side
 * @offset: where in a buffer the engine starts to write
 * @room: bytes one buffer takes
 * @truesize: bytes one buffer costs
 * @pool: where buffers come from
 *
 * Both indexes move in NAPI context, or while the NAPI is disabled.
 */
struct dms_ring {
	struct dms_desc *desc;
	u32 size;
	u32 head;
	u32 tail;
	u32 offset;
	u32 room;
	u32 truesize;
	struct page_pool *pool;
};

/**
 * struct dms_queue_mem - all memory of a receive queue
 * @host: buffers for headers and for packets that are not split
 * @payload: buffers for TCP payload, size 0 with header split off
 * @proven: a queue ran on it, so a start that recovers it must not fail
 *
 * This is what the queue management API carries around by value.
 */
struct dms_queue_mem {
	struct dms_ring host;
	struct dms_ring payload;
	bool proven;
};

/**
 * struct dms_wire - receive FIFO of a queue
 * @lock: protects all of it; taken with bottom halves off
 * @fifo: packets sent by the peer, not yet written to memory
 * @open: the queue is up: packets may be added and the NAPI scheduled
 * @tx_waiting: the peer's transmit queues that were stopped because it was full
 * @overruns: packets dropped because it was full and nobody drained it
 */
struct dms_wire {
	spinlock_t lock; /* for all of it */
	struct sk_buff_head fifo;
	bool open;
	DECLARE_BITMAP(tx_waiting, DMS_QUEUES_MAX);
	u64 overruns;
};

/**
 * struct dms_faults - faults on purpose, all off unless debugfs says otherwise
 * @stall: the NAPI leaves packets in the FIFO
 * @starve: buffers are not replaced
 * @drop: receive packets still to drop
 * @payload_alloc: payload buffer allocations still to fail
 * @mem_alloc: allocations of queue memory still to fail
 * @start: starts on new queue memory still to fail
 */
struct dms_faults {
	bool stall;
	bool starve;
	atomic_t drop;
	atomic_t payload_alloc;
	atomic_t mem_alloc;
	atomic_t start;
};

/**
 * struct dms_rx_counters - what a receive queue counts, in its NAPI
 * @packets: came by the wire and were handed to the stack
 * @bytes: handed to the stack, with Ethernet headers
 * @gro_packets: handed to the stack, made of several packets of the wire
 * @gro_wire_packets: the several
 * @split_packets: those whose payload went to payload buffers
 * @split_bytes: payload bytes of those
 * @no_buffer: dropped, not enough buffers posted
 * @oversize: dropped, longer than the MTU allows
 * @dma_errors: dropped, the engine could not read or write
 * @skb_alloc_fail: dropped, no memory for an skb
 * @fault_drops: dropped because debugfs said so
 * @refill_fail: rounds of refill that fell short
 * @csum_unnecessary: packets whose checksum the engine found right
 * @csum_none: packets without a checksum the engine knows
 * @csum_bad: packets whose checksum the engine found wrong
 * @csum_drops: dropped, no good checksum and payload that only the engine can read
 */
struct dms_rx_counters {
	u64 packets;
	u64 bytes;
	u64 gro_packets;
	u64 gro_wire_packets;
	u64 split_packets;
	u64 split_bytes;
	u64 no_buffer;
	u64 oversize;
	u64 dma_errors;
	u64 skb_alloc_fail;
	u64 fault_drops;
	u64 refill_fail;
	u64 csum_unnecessary;
	u64 csum_none;
	u64 csum_bad;
	u64 csum_drops;
};

/**
 * struct dms_tx_counters - what a transmit queue counts, under its xmit lock
 * @packets: put on the wire
 * @bytes: of those
 * @drops: nobody at the other end, or its FIFO overran
 * @netmem: packets whose payload was in device memory
 * @unreadable: dropped, payload in device memory that the engine does not reach
 * @needs_csum: packets whose checksum the engine filled in
 * @stops: times the queue was stopped because the FIFO was full
 */
struct dms_tx_counters {
	u64 packets;
	u64 bytes;
	u64 drops;
	u64 netmem;
	u64 unreadable;
	u64 needs_csum;
	u64 stops;
};

/**
 * struct dms_queue - a channel: receive queue N and transmit queue N
 * @dev: the device it belongs to
 * @idx: N
 * @napi: polls the receive side
 * @mem: receive memory; valid while @up
 * @up: open, under the ops lock
 * @starved: a packet found too few buffers since the last refill (NAPI only)
 * @wire: what the peer sent
 * @gro: flows that wait for more, oldest first (NAPI only)
 * @gro_flows: how many
 * @retry: polls again some time after a refill fell short, or for flows that waited
 * @faults: debugfs knobs
 * @rx: receive counters
 * @rx_sync: for @rx
 * @tx: transmit counters
 * @tx_sync: for @tx
 * @tx_wakes: times the transmit queue was woken by the receiver
 */
struct dms_queue {
	struct net_device *dev;
	unsigned int idx;
	struct napi_struct napi;
	struct dms_queue_mem mem;
	bool up;
	bool starved;
	struct dms_wire wire;
	struct list_head gro;
	unsigned int gro_flows;
	struct delayed_work retry;
	struct dms_faults faults;
	struct dms_rx_counters rx;
	struct u64_stats_sync rx_sync;
	struct dms_tx_counters tx;
	struct u64_stats_sync tx_sync;
	atomic64_t tx_wakes;
};

/**
 * struct dms_flow - what the engine's parser sees in a packet
 * @tuple: addresses and, if @ports, ports, as they stand in the packet:
 *	source, destination, source port, destination port
 * @tuple_len: bytes of @tuple that are valid, 0 if it is not IP
 * @ports: @tuple ends with the ports
 * @l4_proto: IP protocol
 * @l3_off: where the IP header starts
 * @l4_off: where the TCP or UDP header starts, 0 if there is none
 * @l4_len: length of TCP or UDP header and payload
 * @split_at: length of all headers if the packet can be split, or 0
 * @hash: RSS hash, filled in by dms_steer()
 * @hash_l4: @hash is over more than addresses
 */
struct dms_flow {
	u8 tuple[DMS_TUPLE_MAX];
	u8 tuple_len;
	bool ports;
	u8 l4_proto;
	u16 l3_off;
	u16 l4_off;
	u16 l4_len;
	u16 split_at;
	u32 hash;
	bool hash_l4;
};

/**
 * struct dms_wire_cb - what travels with a packet, in skb->cb
 * @hash: see &struct dms_flow
 * @l3_off: see &struct dms_flow
 * @l4_off: see &struct dms_flow
 * @l4_len: see &struct dms_flow
 * @split_at: see &struct dms_flow
 * @l4_proto: see &struct dms_flow
 * @ports: see &struct dms_flow
 * @hash_l4: see &struct dms_flow
 * @segs: packets of the wire that it is made of, 0 for one
 * @gso_size: payload of each of them but the last
 */
struct dms_wire_cb {
	u32 hash;
	u16 l3_off;
	u16 l4_off;
	u16 l4_len;
	u16 split_at;
	u8 l4_proto;
	bool ports;
	bool hash_l4;
	u16 segs;
	u16 gso_size;
};

/* Flows for each of which there is a choice of what is hashed. */
enum dms_flow_kind {
	DMS_FLOW_TCP4,
	DMS_FLOW_TCP6,
	DMS_FLOW_UDP4,
	DMS_FLOW_UDP6,

	DMS_FLOW_KINDS
};

/**
 * struct dms_rss - receive side scaling, of the device or of a context
 * @rcu: freed when no sender looks at it any more
 * @key: Toeplitz key
 * @xfrm: RXH_XFRM_SYM_XOR or 0
 * @fields: RXH_* of what is hashed, by &enum dms_flow_kind
 * @table: hash contribution of each value of each byte of what is hashed
 * @indir: hash to queue
 */
struct dms_rss {
	struct rcu_head rcu; /* near the start, as kvfree_rcu() wants it */
	u8 key[DMS_KEY_SIZE];
	u8 xfrm;
	u32 fields[DMS_FLOW_KINDS];
	u32 table[DMS_TUPLE_MAX][256];
	u32 indir[DMS_INDIR_SIZE];
};

/**
 * struct dms_rule - an ntuple rule
 * @fs: as the user gave it
 * @value: wanted tuple, masked
 * @mask: which bits count
 * @tuple_len: length of both, tells IPv4 from IPv6
 * @l4_proto: TCP or UDP
 * @queue: where matching packets go, or what is added to what @rss says
 * @context: number of the RSS context, as the user gave it
 * @rss: matching packets are spread by this, or NULL
 * @rcu: freed when no sender looks at it any more
 */
struct dms_rule {
	struct ethtool_rx_flow_spec fs;
	u8 value[DMS_TUPLE_MAX];
	u8 mask[DMS_TUPLE_MAX];
	u8 tuple_len;
	u8 l4_proto;
	unsigned int queue;
	u32 context;
	struct dms_rss *rss;
	struct rcu_head rcu;
};

/**
 * struct dms_config - what ethtool -G changes
 * @ring_size: descriptors in each ring
 * @hds_thresh: packets that are not longer stay whole
 * @split: header split; off unless the user turns it on
 */
struct dms_config {
	u32 ring_size;
	u32 hds_thresh;
	bool split;
};

/**
 * struct dms_priv - one end of the pair
 * @dev: its netdev
 * @peer: the other end; NULL before and after they are a pair
 * @queues: as many as the device can have
 * @num_queues: how many those are
 * @channels: how many are in use, read without lock by the peer's senders
 * @cfg: ring configuration
 * @rss: hash and indirection
 * @rules: ntuple rules by location
 * @rules_end: all locations from here on are empty
 * @dir: debugfs directory
 * @no_dma_map: knob: make payload pools of bound queues without DMA mapping
 * @ignore_provider: knob: make payload pools of pages, bound or not
 * @gro_timeout_ms: knob: how long a packet waits for more of its flow
 * @lenient: knob: refuse and drop nothing that the kernel ought to
 */
struct dms_priv {
	struct net_device *dev;
	struct net_device __rcu *peer;
	struct dms_queue *queues;
	unsigned int num_queues;
	unsigned int channels;
	struct dms_config cfg;
	struct dms_rss *rss;
	struct dms_rule __rcu *rules[DMS_RULES];
	unsigned int rules_end;
	struct dentry *dir;
	u32 gro_timeout_ms;
	bool no_dma_map;
	bool ignore_provider;
	bool lenient;
};

static inline struct dms_wire_cb *dms_wire_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct dms_wire_cb) > sizeof(skb->cb));
	return (struct dms_wire_cb *)skb->cb;
}

static inline u32 dms_ring_posted(const struct dms_ring *ring)
{
	return READ_ONCE(ring->head) - READ_ONCE(ring->tail);
}

/* Take one of the faults that are still to happen. */
static inline bool dms_fault_take(atomic_t *left)
{
	return atomic_read(left) && atomic_dec_if_positive(left) >= 0;
}

/* main.c */
extern struct device *dms_parent;
bool dms_queue_has_provider(struct net_device *dev, unsigned int idx);

/* queue.c */
int dms_queues_create(struct dms_priv *priv);
void dms_queues_destroy(struct dms_priv *priv);
int dms_queue_mem_init(struct net_device *dev, struct dms_queue_mem *mem,
		       unsigned int idx);
void dms_queue_mem_free(struct dms_queue_mem *mem);
void dms_queue_attach(struct dms_queue *q, struct dms_queue_mem *mem);
void dms_queue_detach(struct dms_queue *q, struct dms_queue_mem *mem);
int dms_queues_up(struct dms_priv *priv, unsigned int from, unsigned int to);
void dms_queues_down(struct dms_priv *priv, unsigned int from, unsigned int to);
int dms_queues_replace_mem(struct dms_priv *priv);
int dms_ring_fill(struct dms_ring *ring, atomic_t *fail);

/* queue_mgmt.c */
extern const struct netdev_queue_mgmt_ops dms_queue_mgmt_ops;

/* rx.c */
void dms_rx_packet(struct dms_queue *q, struct sk_buff *pkt, int budget);
bool dms_rx_csum_good(struct sk_buff *pkt);
int dms_poll(struct napi_struct *napi, int budget);

/* gro.c */
void dms_gro_receive(struct dms_queue *q, struct sk_buff *pkt, int budget);
void dms_gro_complete(struct sk_buff *skb, const struct dms_wire_cb *cb);
bool dms_gro_expire(struct dms_queue *q, int budget);
void dms_gro_purge(struct dms_queue *q);

/* xmit.c */
netdev_tx_t dms_start_xmit(struct sk_buff *skb, struct net_device *dev);
void dms_wire_init(struct dms_wire *wire);
void dms_wire_open(struct dms_queue *q);
void dms_wire_close(struct dms_queue *q);
void dms_wire_kick(struct dms_queue *q);
unsigned int dms_wire_pull(struct dms_queue *q, struct sk_buff_head *batch,
			   unsigned int budget);
void dms_wire_wake_senders(struct dms_queue *q);

/* dma.c */
int dms_dma_probe(struct device *dev);
bool dms_dma_reachable(dma_addr_t addr);
int dms_dma_write(dma_addr_t addr, const struct sk_buff *skb, int offset,
		  int len);
int dms_dma_read(dma_addr_t addr, struct sk_buff *skb, int offset, int len);

/* steer.c */
void dms_parse(const struct sk_buff *skb, struct dms_flow *flow);
struct dms_queue *dms_steer(struct dms_priv *priv, struct dms_flow *flow);

/* rss.c */
struct dms_rss *dms_rss_create(struct dms_priv *priv);
void dms_rss_hash(const struct dms_rss *rss, struct dms_flow *flow);
void dms_rss_spread(struct dms_priv *priv, struct dms_rss *rss);
struct dms_rss *dms_rss_of_context(struct dms_priv *priv, u32 context);
u32 dms_rss_last_queue(const struct dms_rss *rss);
u32 dms_get_rxfh_key_size(struct net_device *dev);
u32 dms_get_rxfh_indir_size(struct net_device *dev);
int dms_get_rxfh(struct net_device *dev, struct ethtool_rxfh_param *p);
int dms_set_rxfh(struct net_device *dev, struct ethtool_rxfh_param *p,
		 struct netlink_ext_ack *extack);
int dms_get_rxfh_fields(struct net_device *dev, struct ethtool_rxfh_fields *f);
int dms_set_rxfh_fields(struct net_device *dev,
			const struct ethtool_rxfh_fields *f,
			struct netlink_ext_ack *extack);
int dms_create_rxfh_context(struct net_device *dev,
			    struct ethtool_rxfh_context *ctx,
			    const struct ethtool_rxfh_param *p,
			    struct netlink_ext_ack *extack);
int dms_modify_rxfh_context(struct net_device *dev,
			    struct ethtool_rxfh_context *ctx,
			    const struct ethtool_rxfh_param *p,
			    struct netlink_ext_ack *extack);
int dms_remove_rxfh_context(struct net_device *dev,
			    struct ethtool_rxfh_context *ctx, u32 context,
			    struct netlink_ext_ack *extack);

/* ntuple.c */
const struct dms_rule *dms_ntuple_match(struct dms_priv *priv,
					const struct dms_flow *flow);
void dms_ntuple_flush(struct dms_priv *priv);
void dms_ntuple_forget(struct dms_priv *priv, const struct dms_rss *rss);
int dms_get_rxnfc(struct net_device *dev, struct ethtool_rxnfc *nfc,
		  u32 *locations);
int dms_set_rxnfc(struct net_device *dev, struct ethtool_rxnfc *nfc);
u32 dms_get_rx_ring_count(struct net_device *dev);

/* ethtool.c */
extern const struct ethtool_ops dms_ethtool_ops;

/* stats.c */
extern const struct netdev_stat_ops dms_stat_ops;
void dms_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *stats);
int dms_get_sset_count(struct net_device *dev, int set);
void dms_get_strings(struct net_device *dev, u32 set, u8 *data);
void dms_get_ethtool_stats(struct net_device *dev, struct ethtool_stats *stats,
			   u64 *data);

/* debugfs.c */
void dms_debugfs_init(void);
void dms_debugfs_exit(void);
void dms_debugfs_add(struct dms_priv *priv);
void dms_debugfs_del(struct dms_priv *priv);
void dms_debugfs_follow_name(struct dms_priv *priv);

#endif /* _DEVMEMSIM_H */
