// SPDX-License-Identifier: GPL-2.0
/*
 * devmemsim: faults on purpose: /sys/kernel/debug/devmemsim/NAME/.
 *
 * All knobs are off until somebody writes to them. They may be turned at any
 * time, whether the device is up or not.
 */

#include <linux/debugfs.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/seq_file.h>

#include "devmemsim.h"

static struct dentry *dms_debugfs_root;

/*
 * Stalling must let go of stopped senders, or their other flows would hang as
 * well; going on must look at what waited.
 */
static int dms_stall_set(void *data, u64 value)
{
	struct dms_queue *q = data;

	WRITE_ONCE(q->faults.stall, !!value);
	if (value)
		dms_wire_wake_senders(q);
	else
		dms_wire_kick(q);
	return 0;
}

static int dms_stall_get(void *data, u64 *value)
{
	struct dms_queue *q = data;

	*value = READ_ONCE(q->faults.stall);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(dms_stall_fops, dms_stall_get, dms_stall_set,
			 "%llu\n");

static int dms_starve_set(void *data, u64 value)
{
	struct dms_queue *q = data;

	WRITE_ONCE(q->faults.starve, !!value);
	if (!value)
		dms_wire_kick(q);
	return 0;
}

static int dms_starve_get(void *data, u64 *value)
{
	struct dms_queue *q = data;

	*value = READ_ONCE(q->faults.starve);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(dms_starve_fops, dms_starve_get, dms_starve_set,
			 "%llu\n");

/* A snapshot: the numbers move while they are read. */
static int dms_state_show(struct seq_file *s, void *unused)
{
	struct dms_queue *q = s->private;

	seq_printf(s, "up %u\n", q->up);
	seq_printf(s, "wire %u\n", skb_queue_len_lockless(&q->wire.fifo));
	seq_printf(s, "size %u\n", READ_ONCE(q->mem.host.size));
	seq_printf(s, "host %u\n", dms_ring_posted(&q->mem.host));
	seq_printf(s, "payload %u\n", dms_ring_posted(&q->mem.payload));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(dms_state);

static void dms_debugfs_add_queue(struct dms_queue *q, struct dentry *parent)
{
	struct dentry *dir;
	char name[16];

	snprintf(name, sizeof(name), "queue%u", q->idx);
	dir = debugfs_create_dir(name, parent);
	debugfs_create_file_unsafe("stall", 0600, dir, q, &dms_stall_fops);
	debugfs_create_file_unsafe("starve", 0600, dir, q, &dms_starve_fops);
	debugfs_create_atomic_t("drop", 0600, dir, &q->faults.drop);
	debugfs_create_atomic_t("fail_payload_alloc", 0600, dir,
				&q->faults.payload_alloc);
	debugfs_create_atomic_t("fail_mem_alloc", 0600, dir,
				&q->faults.mem_alloc);
	debugfs_create_atomic_t("fail_start", 0600, dir, &q->faults.start);
	debugfs_create_file("state", 0400, dir, q, &dms_state_fops);
}

/*
 * Names of devices are unique in a network namespace only. The second of two
 * gets its namespace's inode number behind its name.
 */
static void dms_debugfs_name(struct dms_priv *priv, char *name, size_t size)
{
	struct dentry *other;

	strscpy(name, netdev_name(priv->dev), size);
	other = debugfs_lookup(name, dms_debugfs_root);
	if (IS_ERR_OR_NULL(other))
		return;
	if (other != priv->dir)
		snprintf(name, size, "%s.%u", netdev_name(priv->dev),
			 dev_net(priv->dev)->ns.inum);
	dput(other);
}

/**
 * dms_debugfs_add() - make the directory of a device
 * @priv: a registered device
 */
void dms_debugfs_add(struct dms_priv *priv)
{
	char name[IFNAMSIZ + 12];
	unsigned int i;

	dms_debugfs_name(priv, name, sizeof(name));
	priv->dir = debugfs_create_dir(name, dms_debugfs_root);
	debugfs_create_bool("no_dma_map", 0600, priv->dir, &priv->no_dma_map);
	debugfs_create_bool("ignore_provider", 0600, priv->dir,
			    &priv->ignore_provider);
	debugfs_create_u32("gro_timeout_ms", 0600, priv->dir,
			   &priv->gro_timeout_ms);
	debugfs_create_bool("lenient", 0600, priv->dir, &priv->lenient);
	for (i = 0; i < priv->num_queues; i++)
		dms_debugfs_add_queue(&priv->queues[i], priv->dir);
}

/**
 * dms_debugfs_del() - remove the directory of a device, wait for its users
 * @priv: the device
 */
void dms_debugfs_del(struct dms_priv *priv)
{
	debugfs_remove_recursive(priv->dir);
	priv->dir = NULL;
}

/**
 * dms_debugfs_follow_name() - rename the directory as the device was
 * @priv: the device
 */
void dms_debugfs_follow_name(struct dms_priv *priv)
{
	char name[IFNAMSIZ + 12];

	if (IS_ERR_OR_NULL(priv->dir))
		return;
	dms_debugfs_name(priv, name, sizeof(name));
	if (!strcmp(name, priv->dir->d_name.name))
		return;
	if (dms_debugfs_rename(dms_debugfs_root, priv->dir, name))
		netdev_warn(priv->dev, "cannot rename its debugfs directory to %s\n",
			    name);
}

/**
 * dms_debugfs_init() - make the directory of the driver
 */
void dms_debugfs_init(void)
{
	dms_debugfs_root = debugfs_create_dir(DMS_NAME, NULL);
}

/**
 * dms_debugfs_exit() - remove the directory of the driver
 */
void dms_debugfs_exit(void)
{
	debugfs_remove_recursive(dms_debugfs_root);
}
