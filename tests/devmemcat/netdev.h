/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_NETDEV_H
#define DEVMEMCAT_NETDEV_H

#include <stdint.h>

#include "genl.h"

/* A socket of the netlink family "netdev". A binding lives as long as it does. */
struct netdev {
	struct genl genl;
	uint16_t family;
};

/* Returns 0 or a negative errno; -ENOENT: the kernel has no such family. */
int netdev_open(struct netdev *nd);

/* Closes the socket, which unbinds what was bound through it. */
void netdev_close(struct netdev *nd);

/*
 * Bind the dma-buf @fd to @num receive queues of @ifindex and put the id of the
 * binding into @id. Returns 0 or a negative errno; nd->genl.extack has the
 * kernel's reason.
 */
int netdev_bind_rx(struct netdev *nd, unsigned int ifindex, int fd, const unsigned int *queues,
		   unsigned int num, uint32_t *id);

/* Bind the dma-buf @fd to @ifindex for sending from it; otherwise as netdev_bind_rx(). */
int netdev_bind_tx(struct netdev *nd, unsigned int ifindex, int fd, uint32_t *id);

/* What queue-get says of a device's receive queues. */
struct netdev_queues {
	unsigned int count;	/* how many there are */
	unsigned int wanted;	/* the one to look up */
	uint32_t binding;	/* bound to it, 0: none */
};

/* Look at the receive queues of @ifindex, at queue q->wanted closer. 0 or -errno. */
int netdev_get_queues(struct netdev *nd, unsigned int ifindex, struct netdev_queues *q);

/*
 * Whether @ifindex splits headers from payload: an ETHTOOL_TCP_DATA_SPLIT_*
 * value, or a negative errno if the device does not say.
 */
int netdev_header_split(unsigned int ifindex);

#endif
