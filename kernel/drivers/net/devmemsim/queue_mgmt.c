// SPDX-License-Identifier: GPL-2.0
/*
 * devmemsim: the queue management API: replace the memory of one queue.
 *
 * The core allocates new memory, stops the queue, starts it on the new memory
 * and frees the old; other queues do not notice. Some kernels do all of this
 * on an interface that is down as well. There is no queue to run then: the
 * new memory has proved that the provider is content, it is let go at once,
 * and ndo_open makes it again.
 */

#include <linux/log2.h>
#include <net/netdev_queues.h>

#include "devmemsim.h"

#ifdef DMS_HAVE_QUEUE_CONFIG
static void dms_default_qcfg(struct net_device *dev,
			     struct netdev_queue_config *qcfg)
{
	qcfg->rx_page_size = PAGE_SIZE;
}

static int dms_validate_qcfg(struct net_device *dev,
			     struct netdev_queue_config *qcfg,
			     struct netlink_ext_ack *extack)
{
	if (qcfg->rx_page_size < PAGE_SIZE ||
	    qcfg->rx_page_size > DMS_PAYLOAD_MAX ||
	    !is_power_of_2(qcfg->rx_page_size)) {
		NL_SET_ERR_MSG_FMT(extack,
				   "receive buffers are of %lu to %u bytes, a power of two, not %u",
				   PAGE_SIZE, DMS_PAYLOAD_MAX,
				   qcfg->rx_page_size);
		return -ERANGE;
	}
	return 0;
}
#endif

static int dms_mgmt_mem_alloc(struct net_device *dev, DMS_QUEUE_CONFIG_ARG
			      void *per_queue_mem, int idx)
{
	struct dms_priv *priv = netdev_priv(dev);

	if (dms_fault_take(&priv->queues[idx].faults.mem_alloc)) {
		netdev_info(dev, "queue %d: memory refused on purpose (fail_mem_alloc)\n",
			    idx);
		return -ENOMEM;
	}
	return dms_queue_mem_init(dev, per_queue_mem, idx);
}

static void dms_mgmt_mem_free(struct net_device *dev, void *per_queue_mem)
{
	dms_queue_mem_free(per_queue_mem);
}

static int dms_mgmt_start(struct net_device *dev, DMS_QUEUE_CONFIG_ARG
			  void *per_queue_mem, int idx)
{
	struct dms_queue_mem *mem = per_queue_mem;
	struct dms_priv *priv = netdev_priv(dev);
	struct dms_queue *q = &priv->queues[idx];

	/* The core starts the old memory again after this, and counts on it. */
	if (!mem->proven && dms_fault_take(&q->faults.start)) {
		netdev_info(dev, "queue %d: start refused on purpose (fail_start)\n",
			    idx);
		return -EIO;
	}
	if (q->up)
		dms_queue_attach(q, mem);
	else
		dms_queue_mem_free(mem);
	return 0;
}

static int dms_mgmt_stop(struct net_device *dev, void *per_queue_mem, int idx)
{
	struct dms_priv *priv = netdev_priv(dev);
	struct dms_queue *q = &priv->queues[idx];

	if (q->up)
		dms_queue_detach(q, per_queue_mem);
	return 0;
}

const struct netdev_queue_mgmt_ops dms_queue_mgmt_ops = {
	.ndo_queue_mem_size	= sizeof(struct dms_queue_mem),
	.ndo_queue_mem_alloc	= dms_mgmt_mem_alloc,
	.ndo_queue_mem_free	= dms_mgmt_mem_free,
	.ndo_queue_start	= dms_mgmt_start,
	.ndo_queue_stop		= dms_mgmt_stop,
	DMS_QUEUE_CONFIG_OPS
};
