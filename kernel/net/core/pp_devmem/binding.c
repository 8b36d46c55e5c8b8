// SPDX-License-Identifier: GPL-2.0
/*
 * Bindings: a dma-buf attached to a device and its receive queues, from the
 * bind over the device's or the user's leaving to the last page pool's end.
 */

#include <linux/dma-buf.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/netdev_queues.h>
#include <net/netdev_rx_queue.h>

#include "../page_pool_priv.h"
#include "pp_devmem.h"

#define CREATE_TRACE_POINTS
#include <trace/events/devmem.h>

/* All bindings whose memory is still mapped, by id; also those that were
 * unbound and are still held by a page pool. Written with BH off, because the
 * last reference may be dropped in softirq; read under RCU.
 */
static DEFINE_XARRAY_FLAGS(net_devmem_dmabuf_bindings,
			   XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);

/* All bindings whose dma-buf is mapped for a device. Taken under rtnl or alone */
static LIST_HEAD(attached_bindings);
static DEFINE_MUTEX(attached_lock);

static bool header_split_on(struct net_device *dev,
			    struct netlink_ext_ack *extack)
{
	struct kernel_ethtool_ringparam kernel_ring = {};
	struct ethtool_ringparam ring = { .cmd = ETHTOOL_GRINGPARAM };

	if (!dev->ethtool_ops->get_ringparam)
		return false;

	dev->ethtool_ops->get_ringparam(dev, &ring, &kernel_ring, extack);
	return kernel_ring.tcp_data_split == ETHTOOL_TCP_DATA_SPLIT_ENABLED;
}

static int check_device(struct net_device *dev, struct netlink_ext_ack *extack)
{
	const struct netdev_queue_mgmt_ops *ops = dev->queue_mgmt_ops;

	if (!ops || !ops->ndo_queue_mem_alloc || !ops->ndo_queue_mem_free ||
	    !ops->ndo_queue_start || !ops->ndo_queue_stop) {
		NL_SET_ERR_MSG(extack, "device's driver cannot restart a single queue");
		return -EOPNOTSUPP;
	}
	if (!dev->dev.parent) {
		NL_SET_ERR_MSG(extack, "device has no parent that does DMA");
		return -EOPNOTSUPP;
	}
	if (!header_split_on(dev, extack)) {
		NL_SET_ERR_MSG(extack, "tcp-data-split is off, turn it on with ethtool -G");
		return -EINVAL;
	}
	if (!(dev->features & NETIF_F_RXCSUM)) {
		NL_SET_ERR_MSG(extack, "receive checksums are off, turn them on with ethtool -K");
		return -EINVAL;
	}

	return 0;
}

static struct dma_buf *get_dmabuf(unsigned int fd,
				  struct netlink_ext_ack *extack)
{
	struct dma_buf *dmabuf;

	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf)) {
		NL_SET_ERR_MSG_FMT(extack, "fd %u is not an open dma-buf", fd);
		return dmabuf;
	}

	if (!dmabuf->size || !PAGE_ALIGNED(dmabuf->size)) {
		NL_SET_ERR_MSG_FMT(extack, "dma-buf of %zu bytes is not made of whole pages",
				   dmabuf->size);
		dma_buf_put(dmabuf);
		return ERR_PTR(-EINVAL);
	}

	return dmabuf;
}

static int attach_dmabuf(struct net_devmem_dmabuf_binding *binding,
			 struct netlink_ext_ack *extack)
{
	struct dma_buf_attachment *attachment;
	struct sg_table *sgt;

	attachment = dma_buf_attach(binding->dmabuf, binding->dev->dev.parent);
	if (IS_ERR(attachment)) {
		NL_SET_ERR_MSG(extack, "dma-buf's exporter refuses this device");
		return PTR_ERR(attachment);
	}

	sgt = dma_buf_map_attachment_unlocked(attachment, DMA_FROM_DEVICE);
	if (IS_ERR(sgt)) {
		NL_SET_ERR_MSG(extack, "dma-buf cannot be mapped for this device");
		dma_buf_detach(binding->dmabuf, attachment);
		return PTR_ERR(sgt);
	}

	binding->dma_dev = get_device(binding->dev->dev.parent);

	binding->attachment = attachment;
	binding->sgt = sgt;
	mutex_lock(&attached_lock);
	list_add(&binding->attached, &attached_bindings);
	mutex_unlock(&attached_lock);
	return 0;
}

/* Nobody does DMA to the memory any more. Done by the binding's end or by its
 * device's, whichever comes first.
 */
static void detach_dmabuf(struct net_devmem_dmabuf_binding *binding)
{
	lockdep_assert_held(&attached_lock);

	if (!binding->attachment)
		return;

	list_del(&binding->attached);
	dma_buf_unmap_attachment_unlocked(binding->attachment, binding->sgt,
					  DMA_FROM_DEVICE);
	dma_buf_detach(binding->dmabuf, binding->attachment);
	binding->attachment = NULL;
	binding->sgt = NULL;
	put_device(binding->dma_dev);
	binding->dma_dev = NULL;
}

/* Undoes attach_dmabuf() */
static void binding_detach(struct net_devmem_dmabuf_binding *binding)
{
	mutex_lock(&attached_lock);
	detach_dmabuf(binding);
	mutex_unlock(&attached_lock);
}

/* Undoes binding_create(): the dma-buf is the caller's again */
static void binding_destroy(struct net_devmem_dmabuf_binding *binding)
{
	binding_detach(binding);
	net_devmem_iovs_destroy(binding);
	xa_destroy(&binding->bound_rxqs);
	kfree(binding);
}

static void binding_free(struct work_struct *work)
{
	struct net_devmem_dmabuf_binding *binding;
	struct dma_buf *dmabuf;

	binding = container_of(to_rcu_work(work),
			       struct net_devmem_dmabuf_binding, free_work);
	dmabuf = binding->dmabuf;

	binding_destroy(binding);
	dma_buf_put(dmabuf);
}

/* A packet must not go where the holder of the dma-buf cannot look */
static int check_size(const struct net_devmem_dmabuf_binding *binding,
		      struct netlink_ext_ack *extack)
{
	u64 mapped = (u64)binding->num_iovs << PAGE_SHIFT;

	if (mapped == binding->dmabuf->size)
		return 0;

	NL_SET_ERR_MSG_FMT(extack, "dma-buf of %zu bytes is mapped as %llu",
			   binding->dmabuf->size, mapped);
	return -EINVAL;
}

/* On error the dma-buf stays the caller's */
static struct net_devmem_dmabuf_binding *
binding_create(struct net_device *dev, struct dma_buf *dmabuf,
	       struct netlink_ext_ack *extack)
{
	struct net_devmem_dmabuf_binding *binding;
	int err;

	binding = kzalloc_node(sizeof(*binding), GFP_KERNEL,
			       dev_to_node(&dev->dev));
	if (!binding)
		return ERR_PTR(-ENOMEM);

	refcount_set(&binding->ref, 1);
	xa_init(&binding->bound_rxqs);
	INIT_RCU_WORK(&binding->free_work, binding_free);
	binding->dmabuf = dmabuf;
	binding->dev = dev;
	binding->ifindex = dev->ifindex;

	err = attach_dmabuf(binding, extack);
	if (err)
		goto err_free_binding;

	err = net_devmem_iovs_create(binding, extack);
	if (err)
		goto err_detach;

	err = check_size(binding, extack);
	if (err)
		goto err_destroy_iovs;

	return binding;

err_destroy_iovs:
	net_devmem_iovs_destroy(binding);
err_detach:
	binding_detach(binding);
err_free_binding:
	kfree(binding);
	return ERR_PTR(err);
}

static int binding_publish(struct net_devmem_dmabuf_binding *binding)
{
	static u32 next_id;
	int err;

	err = xa_alloc_cyclic_bh(&net_devmem_dmabuf_bindings, &binding->id,
				 binding, xa_limit_32b, &next_id, GFP_KERNEL);
	return min(err, 0);
}

/**
 * net_devmem_bind_dmabuf() - attach a dma-buf to a device
 * @dev: the device
 * @dmabuf_fd: the caller's file descriptor of the dma-buf
 * @extack: told what is refused, and why
 *
 * The binding has no queue yet, see net_devmem_bind_dmabuf_to_queue().
 *
 * Context: Process, under rtnl.
 * Return: the binding, to be ended with net_devmem_unbind_dmabuf(), or an
 *	ERR_PTR: -EOPNOTSUPP if the driver cannot do it, -EINVAL if header split
 *	or receive checksums are off, the file is no dma-buf or not made of
 *	whole pages, -EBADF, -E2BIG, -ENOMEM, or what the dma-buf's exporter
 *	says.
 */
struct net_devmem_dmabuf_binding *
net_devmem_bind_dmabuf(struct net_device *dev, unsigned int dmabuf_fd,
		       struct netlink_ext_ack *extack)
{
	struct net_devmem_dmabuf_binding *binding;
	struct dma_buf *dmabuf;
	int err;

	ASSERT_RTNL();

	err = check_device(dev, extack);
	if (err)
		return ERR_PTR(err);

	dmabuf = get_dmabuf(dmabuf_fd, extack);
	if (IS_ERR(dmabuf))
		return ERR_CAST(dmabuf);

	binding = binding_create(dev, dmabuf, extack);
	if (IS_ERR(binding)) {
		err = PTR_ERR(binding);
		goto err_put_dmabuf;
	}

	/* Last, so that nobody finds a half-made binding */
	err = binding_publish(binding);
	if (err)
		goto err_destroy_binding;

	trace_devmem_bind(binding);
	return binding;

err_destroy_binding:
	binding_destroy(binding);
err_put_dmabuf:
	dma_buf_put(dmabuf);
	return ERR_PTR(err);
}

/* Ask the driver for a queue with its new memory, see whether it took that, and
 * throw it away: what the driver cannot do is to come out at the bind and not
 * when the device comes up.
 */
static int try_queue(struct net_device *dev, u32 rxq_idx)
{
	const struct netdev_queue_mgmt_ops *ops = dev->queue_mgmt_ops;
	void *mem;
	int err;

	mem = kvzalloc(ops->ndo_queue_mem_size, GFP_KERNEL);
	if (!mem)
		return -ENOMEM;

	err = ops->ndo_queue_mem_alloc(dev, mem, rxq_idx);
	if (err)
		goto err_free_mem;

	err = page_pool_check_memory_provider(dev,
					      __netif_get_rx_queue(dev, rxq_idx));
	ops->ndo_queue_mem_free(dev, mem);
err_free_mem:
	kvfree(mem);
	return err;
}

/* The queue takes up its new memory now, or when the device comes up */
static int start_queue(struct net_device *dev, u32 rxq_idx)
{
	if (!netif_running(dev))
		return try_queue(dev, rxq_idx);

	return netdev_rx_queue_restart(dev, rxq_idx);
}

static int check_queue(struct net_device *dev, u32 rxq_idx,
		       struct netlink_ext_ack *extack)
{
	struct netdev_rx_queue *rxq;

	if (rxq_idx >= dev->real_num_rx_queues) {
		NL_SET_ERR_MSG_FMT(extack, "rx queue %u is out of range, the device has %u",
				   rxq_idx, dev->real_num_rx_queues);
		return -ERANGE;
	}

	rxq = __netif_get_rx_queue(dev, rxq_idx);
	if (rxq->mp_params.mp_ops) {
		NL_SET_ERR_MSG_FMT(extack, "rx queue %u is already bound",
				   rxq_idx);
		return -EEXIST;
	}

#ifdef CONFIG_XDP_SOCKETS
	if (rxq->pool) {
		NL_SET_ERR_MSG_FMT(extack, "rx queue %u is in use by AF_XDP",
				   rxq_idx);
		return -EBUSY;
	}
#endif

	return 0;
}

static void set_queue_memory(struct netdev_rx_queue *rxq,
			     struct net_devmem_dmabuf_binding *binding)
{
	rxq->mp_params.mp_priv = binding;
	rxq->mp_params.mp_ops = binding ? &dmabuf_devmem_ops : NULL;
}

/**
 * net_devmem_bind_dmabuf_to_queue() - let a queue receive into a binding
 * @dev: the binding's device
 * @rxq_idx: the queue
 * @binding: where its payload is to go
 * @extack: told what is refused, and why
 *
 * Restarts the queue. If the device is down the driver is only asked for what it
 * will do when it comes up.
 *
 * Context: Process, under rtnl.
 * Return: 0, -ERANGE for a queue that does not exist, -EEXIST or -EBUSY for one
 *	whose memory is spoken for, -ENOMEM, or what the driver says.
 */
int net_devmem_bind_dmabuf_to_queue(struct net_device *dev, u32 rxq_idx,
				    struct net_devmem_dmabuf_binding *binding,
				    struct netlink_ext_ack *extack)
{
	struct netdev_rx_queue *rxq;
	int err;

	ASSERT_RTNL();

	err = check_queue(dev, rxq_idx, extack);
	if (err)
		return err;

	rxq = __netif_get_rx_queue(dev, rxq_idx);
	err = xa_insert(&binding->bound_rxqs, rxq_idx, rxq, GFP_KERNEL);
	if (err)
		return err;

	set_queue_memory(rxq, binding);
	err = start_queue(dev, rxq_idx);
	if (err) {
		NL_SET_ERR_MSG_FMT(extack, "rx queue %u does not restart on device memory",
				   rxq_idx);
		goto err_reset_queue;
	}

	trace_devmem_queue_bind(binding, rxq_idx);
	return 0;

err_reset_queue:
	set_queue_memory(rxq, NULL);
	xa_erase(&binding->bound_rxqs, rxq_idx);
	return err;
}

static void release_queue(struct net_devmem_dmabuf_binding *binding,
			  struct netdev_rx_queue *rxq, u32 rxq_idx)
{
	set_queue_memory(rxq, NULL);
	xa_erase(&binding->bound_rxqs, rxq_idx);
	trace_devmem_queue_unbind(binding, rxq_idx);
}

/**
 * net_devmem_unbind_dmabuf() - end what the user has of a binding
 * @binding: made by net_devmem_bind_dmabuf()
 *
 * Its queues go back to ordinary memory. One whose driver cannot do that now goes
 * on receiving into the binding, as well as before, until the device is set
 * down. The binding lives on, unbound, until the last page pool that uses it is
 * gone. The caller may not look at it any more.
 *
 * Context: Process, under rtnl.
 */
void net_devmem_unbind_dmabuf(struct net_devmem_dmabuf_binding *binding)
{
	struct net_device *dev = binding->dev;
	struct netdev_rx_queue *rxq;
	unsigned long rxq_idx;
	int err;

	ASSERT_RTNL();

	/* A bind that fails half way is in no netlink socket's list yet */
	if (binding->list.next)
		list_del(&binding->list);

	WRITE_ONCE(binding->unbound, true);
	trace_devmem_unbind(binding);

	xa_for_each(&binding->bound_rxqs, rxq_idx, rxq) {
		release_queue(binding, rxq, rxq_idx);
		if (!netif_running(dev))
			continue;
		err = netdev_rx_queue_restart(dev, rxq_idx);
		if (err)
			netdev_err(dev, "rx queue %lu does not restart on ordinary memory (%d), set the device down and up\n",
				   rxq_idx, err);
	}

	net_devmem_dmabuf_binding_put(binding);
}

static void forget_device(struct net_devmem_dmabuf_binding *binding)
{
	struct netdev_rx_queue *rxq;
	unsigned long rxq_idx;

	xa_for_each(&binding->bound_rxqs, rxq_idx, rxq)
		release_queue(binding, rxq, rxq_idx);
	WRITE_ONCE(binding->dev, NULL);
	detach_dmabuf(binding);
}

/**
 * dev_dmabuf_uninstall() - make all bindings forget a device that goes away
 * @dev: the device; it is down and receives nothing any more
 *
 * The bindings stay with the netlink sockets and page pools that hold them, but
 * their memory is not mapped for the device after this: its driver may go.
 *
 * Context: Process, under rtnl.
 */
void dev_dmabuf_uninstall(struct net_device *dev)
{
	struct net_devmem_dmabuf_binding *binding, *next;

	ASSERT_RTNL();

	/* A binding leaves this list before it is freed, and under the lock */
	mutex_lock(&attached_lock);
	list_for_each_entry_safe(binding, next, &attached_bindings, attached)
		if (binding->dev == dev)
			forget_device(binding);
	mutex_unlock(&attached_lock);
}

/**
 * net_devmem_dmabuf_binding_put() - drop a reference on a binding
 * @binding: the caller may not look at it any more
 *
 * With the last one the memory is unmapped, from a work item because that
 * sleeps.
 *
 * Context: Process or softirq.
 */
void net_devmem_dmabuf_binding_put(struct net_devmem_dmabuf_binding *binding)
{
	if (!refcount_dec_and_test(&binding->ref))
		return;

	trace_devmem_binding_free(binding);
	xa_erase_bh(&net_devmem_dmabuf_bindings, binding->id);
	queue_rcu_work(system_unbound_wq, &binding->free_work);
}

/**
 * net_devmem_binding_next() - walk over all bindings, unbound ones too
 * @id: where to go on: 0 at first, then the last one's id + 1; set to the id of
 *	what is returned
 *
 * Context: Any, under rcu_read_lock().
 * Return: the binding with the lowest id from @id on, NULL after the last. It
 *	is valid until rcu_read_unlock(); its reference count may be zero.
 */
struct net_devmem_dmabuf_binding *net_devmem_binding_next(unsigned long *id)
{
	return xa_find(&net_devmem_dmabuf_bindings, id, ULONG_MAX, XA_PRESENT);
}

/**
 * net_devmem_iov_lookup() - the iov at an address, if there is one
 * @addr: any number
 *
 * Nothing at @addr is read. An iov is found only by the very address of its
 * start.
 *
 * Context: Any, under rcu_read_lock().
 * Return: the iov, valid until rcu_read_unlock(), in any state; NULL if @addr
 *	is not one of a binding whose memory is mapped.
 */
struct page_pool_iov *net_devmem_iov_lookup(unsigned long addr)
{
	struct net_devmem_dmabuf_binding *binding;
	unsigned long id, offset;

	xa_for_each(&net_devmem_dmabuf_bindings, id, binding) {
		offset = addr - (unsigned long)binding->iovs;
		if (offset < (size_t)binding->num_iovs * sizeof(*binding->iovs))
			return offset % sizeof(*binding->iovs) ?
			       NULL : (struct page_pool_iov *)addr;
	}

	return NULL;
}
