/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a network device says of itself by ethtool's netlink */
#ifndef DEVMEM_CHECK_DEVICE_H
#define DEVMEM_CHECK_DEVICE_H

#include <stdbool.h>
#include <linux/types.h>

#include "inventory.h"
#include "nl.h"

#define DEVICE_UNKNOWN	(~0U)
#define DEVICE_QUEUES	1024

struct device {
	__u32 ring;		/* DEVICE_UNKNOWN: it does not say; so are the others */
	__u32 split;		/* ETHTOOL_TCP_DATA_SPLIT_* */
	__u32 threshold;	/* shorter payloads stay with their header */
	__u32 channels;		/* that receive */
	bool has_features;
	bool ntuple;
	bool checksums;
	bool spread[DEVICE_QUEUES];	/* queues that RSS sends packets to */
};

/* A device of this network namespace. What it does not tell is unknown. */
void device_ask(struct nl *nl, const struct nl_family *ethtool, int ifindex,
		struct device *device);

struct bound {
	unsigned int queues;
	bool spread;		/* RSS sends other packets there, too */
};

/* What of a device is bound */
struct bound device_bound(const struct inventory *inv, int ifindex,
			  const struct device *device);

#endif /* DEVMEM_CHECK_DEVICE_H */
