// SPDX-License-Identifier: GPL-2.0
/*
 * allocbench: what it costs to get an iov from a queue's memory provider, and
 * to give it back.
 *
 * It is a network device of one receive queue, which never receives, and which
 * can be bound as any other. The cost is measured where a driver meets it: at
 * page_pool_alloc_netmems(), with bottom halves off, on page pools that were
 * made on the bound queue. The clock is the time stamp counter, which counts
 * instructions in a guest started for that; CALIBRATE tells whether it does.
 *
 * Allocation: a round's pool is new, so its cache and ring are empty and every
 * iov comes from the provider. Release: the pool's ring has room for one, so
 * all but the first go back to the provider.
 */

#include <linux/cleanup.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/fs.h>
#include <linux/if_arp.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/platform_device.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/netdev_queues.h>
#include <net/netdev_rx_queue.h>
#include <net/page_pool/helpers.h>

#include <asm/msr.h>

#include "allocbench.h"

/* So many iovs EXHAUST can take */
#define BENCH_MAX_EXHAUST 0x10000

struct allocbench_priv {
	struct page_pool *pool;		/* of the queue, never allocated from */
};

static struct platform_device *parent;
static struct net_device *bench_dev;

/* A pool on the bound queue: its iovs come from the queue's provider */
static struct page_pool *bench_pool(struct net_device *dev)
{
	struct page_pool_params params = {
		.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV |
			 PP_FLAG_ALLOW_UNREADABLE_NETMEM,
		.pool_size = 1,
		.nid = NUMA_NO_NODE,
		.dev = &parent->dev,
		.dma_dir = DMA_FROM_DEVICE,
		.max_len = PAGE_SIZE,
		.netdev = dev,
		.queue_idx = 0,
	};

	return page_pool_create(&params);
}

/* Allocate until @refs has @n; fewer if there are no more. Nothing in the way
 * of the count: this is what is measured.
 */
static noinline u32 bench_take(struct page_pool *pool, netmem_ref *refs, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		refs[i] = page_pool_alloc_netmems(pool,
						  GFP_ATOMIC | __GFP_NOWARN);
		if (unlikely(!refs[i]))
			break;
	}

	return i;
}

static noinline void bench_give(struct page_pool *pool, netmem_ref *refs, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		page_pool_put_full_netmem(pool, refs[i], false);
}

static int bench_round(struct allocbench_sample *sample)
{
	netmem_ref refs[ALLOCBENCH_BATCH];
	struct page_pool *pool;
	u64 start;
	u32 taken;

	pool = bench_pool(bench_dev);
	if (IS_ERR(pool))
		return PTR_ERR(pool);

	local_bh_disable();
	start = rdtsc_ordered();
	taken = bench_take(pool, refs, ALLOCBENCH_BATCH);
	sample->alloc = rdtsc_ordered() - start;

	if (taken == ALLOCBENCH_BATCH) {
		/* Fills the ring */
		bench_give(pool, refs, 1);
		start = rdtsc_ordered();
		bench_give(pool, refs + 1, ALLOCBENCH_RELEASED);
		sample->release = rdtsc_ordered() - start;
	} else {
		bench_give(pool, refs, taken);
	}
	local_bh_enable();

	start = rdtsc_ordered();
	page_pool_destroy(pool);
	sample->destroy = rdtsc_ordered() - start;
	return taken == ALLOCBENCH_BATCH ? 0 : -ENOSPC;
}

static int bench_rounds(struct allocbench_sample *samples, u32 rounds)
{
	u32 i;
	int err;

	for (i = 0; i < rounds; i++) {
		err = bench_round(&samples[i]);
		if (err)
			return err;
		cond_resched();
	}

	return 0;
}

/* Take in batches, because a mainline provider may need long for all of them.
 * Return: how many it took.
 */
static u32 bench_hold(struct page_pool *pool, netmem_ref *refs, u32 held)
{
	u32 i, n;

	for (i = 0; i < held; i += n) {
		n = bench_take(pool, refs + i, min(held - i, ALLOCBENCH_BATCH));
		if (!n)
			break;
		cond_resched();
	}

	return i;
}

/* Run the rounds while @held iovs are taken by a pool of their own */
static int bench_rounds_held(struct allocbench_sample *samples, u32 rounds,
			     u32 held)
{
	struct page_pool *pool;
	netmem_ref *refs;
	u32 taken;
	int err;

	refs = kvmalloc_array(max(held, 1), sizeof(*refs), GFP_KERNEL);
	if (!refs)
		return -ENOMEM;

	pool = bench_pool(bench_dev);
	if (IS_ERR(pool)) {
		kvfree(refs);
		return PTR_ERR(pool);
	}

	taken = bench_hold(pool, refs, held);
	err = taken == held ? bench_rounds(samples, rounds) : -ENOSPC;

	bench_give(pool, refs, taken);
	page_pool_destroy(pool);
	kvfree(refs);
	return err;
}

/* Ask a pool that has nothing, of a provider that has nothing */
static int bench_failures(struct page_pool *pool, u64 *failure)
{
	netmem_ref none;
	u64 start;
	u32 i, n;

	for (i = 0; i < ALLOCBENCH_FAILURES; i++) {
		local_bh_disable();
		start = rdtsc_ordered();
		n = bench_take(pool, &none, 1);
		failure[i] = rdtsc_ordered() - start;
		local_bh_enable();
		if (n) {
			bench_give(pool, &none, 1);
			return -EBUSY;
		}
	}

	return 0;
}

/* Take @max iovs or as many as there are, then measure failures */
static int bench_exhaust(u64 *failure, u32 max)
{
	struct page_pool *pool;
	netmem_ref *refs;
	u32 taken;
	int err;

	refs = kvmalloc_array(max, sizeof(*refs), GFP_KERNEL);
	if (!refs)
		return -ENOMEM;

	pool = bench_pool(bench_dev);
	if (IS_ERR(pool)) {
		kvfree(refs);
		return PTR_ERR(pool);
	}

	taken = bench_hold(pool, refs, max);
	err = taken < max ? bench_failures(pool, failure) : -E2BIG;

	bench_give(pool, refs, taken);
	page_pool_destroy(pool);
	kvfree(refs);
	return err;
}

static bool bench_bound(void)
{
	return __netif_get_rx_queue(bench_dev, 0)->mp_params.mp_priv;
}

static int bench_ioctl_exhaust(struct allocbench_exhaust __user *user)
{
	struct allocbench_exhaust *exhaust __free(kfree) = NULL;
	int err;

	exhaust = kzalloc(sizeof(*exhaust), GFP_KERNEL);
	if (!exhaust)
		return -ENOMEM;

	rtnl_lock();
	err = bench_bound() ?
	      bench_exhaust(exhaust->failure, BENCH_MAX_EXHAUST) : -ENOTCONN;
	rtnl_unlock();
	if (err)
		return err;

	return copy_to_user(user, exhaust, sizeof(*exhaust)) ? -EFAULT : 0;
}

static int bench_ioctl_run(const struct allocbench_run *run)
{
	struct allocbench_sample *samples __free(kvfree) = NULL;
	int err;

	if (!run->rounds || run->rounds > 1024 ||
	    run->held % ALLOCBENCH_BATCH)
		return -EINVAL;

	samples = kvcalloc(run->rounds, sizeof(*samples), GFP_KERNEL);
	if (!samples)
		return -ENOMEM;

	rtnl_lock();
	err = bench_bound() ?
	      bench_rounds_held(samples, run->rounds, run->held) : -ENOTCONN;
	rtnl_unlock();
	if (err)
		return err;

	if (copy_to_user(u64_to_user_ptr(run->samples), samples,
			 run->rounds * sizeof(*samples)))
		return -EFAULT;
	return 0;
}

static void bench_calibrate(struct allocbench_calibrate *cal)
{
	u64 start;

	local_bh_disable();
	start = rdtsc_ordered();
	cal->empty = rdtsc_ordered() - start;
	start = rdtsc_ordered();
	asm volatile(".rept %c0\n\tnop\n\t.endr" : : "i" (ALLOCBENCH_STRETCH));
	cal->stretch = rdtsc_ordered() - start;
	local_bh_enable();
}

static long bench_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct allocbench_calibrate cal;
	struct allocbench_run run;

	switch (cmd) {
	case ALLOCBENCH_CALIBRATE:
		bench_calibrate(&cal);
		return copy_to_user(user, &cal, sizeof(cal)) ? -EFAULT : 0;
	case ALLOCBENCH_RUN:
		if (copy_from_user(&run, user, sizeof(run)))
			return -EFAULT;
		return bench_ioctl_run(&run);
	case ALLOCBENCH_EXHAUST:
		return bench_ioctl_exhaust(user);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations bench_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= bench_ioctl,
};

static struct miscdevice bench_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "allocbench",
	.fops	= &bench_fops,
	.mode	= 0600,
};

/* The core insists that the queue's pool takes up the provider */
static int bench_queue_mem_alloc(struct net_device *dev, void *mem, int idx)
{
	struct page_pool **pool = mem;

	*pool = bench_pool(dev);
	return PTR_ERR_OR_ZERO(*pool);
}

static void bench_queue_mem_free(struct net_device *dev, void *mem)
{
	struct page_pool **pool = mem;

	page_pool_destroy(*pool);
}

static int bench_queue_start(struct net_device *dev, void *mem, int idx)
{
	struct allocbench_priv *priv = netdev_priv(dev);
	struct page_pool **pool = mem;

	priv->pool = *pool;
	return 0;
}

static int bench_queue_stop(struct net_device *dev, void *mem, int idx)
{
	struct allocbench_priv *priv = netdev_priv(dev);
	struct page_pool **pool = mem;

	*pool = priv->pool;
	priv->pool = NULL;
	return 0;
}

static const struct netdev_queue_mgmt_ops bench_queue_ops = {
	.ndo_queue_mem_size	= sizeof(struct page_pool *),
	.ndo_queue_mem_alloc	= bench_queue_mem_alloc,
	.ndo_queue_mem_free	= bench_queue_mem_free,
	.ndo_queue_start	= bench_queue_start,
	.ndo_queue_stop		= bench_queue_stop,
};

static netdev_tx_t bench_xmit(struct sk_buff *skb, struct net_device *dev)
{
	dev_kfree_skb_any(skb);
	return NETDEV_TX_OK;
}

static void bench_uninit(struct net_device *dev)
{
	struct allocbench_priv *priv = netdev_priv(dev);

	page_pool_destroy(priv->pool);
}

static const struct net_device_ops bench_netdev_ops = {
	.ndo_uninit	= bench_uninit,
	.ndo_start_xmit	= bench_xmit,
};

/* A bind asks for header split */
static void bench_get_ringparam(struct net_device *dev,
				struct ethtool_ringparam *ring,
				struct kernel_ethtool_ringparam *kernel_ring,
				struct netlink_ext_ack *extack)
{
	kernel_ring->tcp_data_split = ETHTOOL_TCP_DATA_SPLIT_ENABLED;
}

static const struct ethtool_ops bench_ethtool_ops = {
	.get_ringparam	= bench_get_ringparam,
};

static void bench_setup(struct net_device *dev)
{
	dev->features = NETIF_F_RXCSUM;
	dev->netdev_ops = &bench_netdev_ops;
	dev->ethtool_ops = &bench_ethtool_ops;
	dev->queue_mgmt_ops = &bench_queue_ops;
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_NOARP;
}

static int __init bench_init(void)
{
	int err;

	parent = platform_device_register_simple("allocbench",
						 PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(parent))
		return PTR_ERR(parent);

	bench_dev = alloc_netdev(sizeof(struct allocbench_priv),
				 ALLOCBENCH_NETDEV, NET_NAME_PREDICTABLE,
				 bench_setup);
	if (!bench_dev) {
		err = -ENOMEM;
		goto err_parent;
	}
	SET_NETDEV_DEV(bench_dev, &parent->dev);

	err = register_netdev(bench_dev);
	if (err)
		goto err_free;

	err = misc_register(&bench_misc);
	if (err)
		goto err_unregister;
	return 0;

err_unregister:
	unregister_netdev(bench_dev);
err_free:
	free_netdev(bench_dev);
err_parent:
	platform_device_unregister(parent);
	return err;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	misc_deregister(&bench_misc);
	unregister_netdev(bench_dev);
	free_netdev(bench_dev);
	platform_device_unregister(parent);
}
module_exit(bench_exit);

MODULE_DESCRIPTION("Cost of a memory provider's allocation path");
MODULE_LICENSE("GPL");
