/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ethtool(8) does, of a device in one namespace. 0 or a negative errno. */
#ifndef FUZZ_ETHTOOL_H
#define FUZZ_ETHTOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "genl.h"

/* Devices of the namespace that ethtool_open() was called in. */
struct ethtool {
	struct genl genl;
	uint16_t family;
	int sock;	/* for ioctls */
};

int ethtool_open(struct ethtool *et);

int ethtool_rings(struct ethtool *et, int ifindex, uint32_t rx, uint8_t split);
int ethtool_channels(struct ethtool *et, int ifindex, uint32_t combined);
/* TCP to @port, of IPv4 or IPv6, goes to @queue, by the rule at @location. */
int ethtool_steer(struct ethtool *et, int ifindex, uint32_t location, uint16_t port, bool ipv6,
		  uint32_t queue);
int ethtool_unsteer(struct ethtool *et, int ifindex, uint32_t location);
/* Spread what no rule steers over @num queues from @first on. */
int ethtool_spread(struct ethtool *et, int ifindex, uint32_t first, uint32_t num);
/* A command that takes one value, as ETHTOOL_SGRO. */
int ethtool_value(struct ethtool *et, int ifindex, uint32_t cmd, uint32_t value);

#endif
