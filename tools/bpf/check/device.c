// SPDX-License-Identifier: GPL-2.0-or-later
/* What a network device says of itself by ethtool's netlink */

#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <string.h>

#include "device.h"

/* "net: ethtool: add support for configuring hds-thresh", after Linux 6.13: newer than
 * headers may be
 */
#define RINGS_HDS_THRESH	(ETHTOOL_A_RINGS_TX_PUSH_BUF_LEN_MAX + 1)

static int rings_attr(const struct nlattr *attr, void *data)
{
	struct device *device = data;

	switch (mnl_attr_get_type(attr)) {
	case ETHTOOL_A_RINGS_RX:
		device->ring = mnl_attr_get_u32(attr);
		break;
	case ETHTOOL_A_RINGS_TCP_DATA_SPLIT:
		device->split = mnl_attr_get_u8(attr);
		break;
	case RINGS_HDS_THRESH:
		device->threshold = mnl_attr_get_u32(attr);
		break;
	}
	return MNL_CB_OK;
}

static int channels_attr(const struct nlattr *attr, void *data)
{
	struct device *device = data;
	int type = mnl_attr_get_type(attr);

	if (type != ETHTOOL_A_CHANNELS_RX_COUNT && type != ETHTOOL_A_CHANNELS_COMBINED_COUNT)
		return MNL_CB_OK;
	if (device->channels == DEVICE_UNKNOWN)
		device->channels = 0;
	device->channels += mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int bit_attr(const struct nlattr *attr, void *data)
{
	struct device *device = data;

	if (mnl_attr_get_type(attr) != ETHTOOL_A_BITSET_BIT_NAME)
		return MNL_CB_OK;
	device->ntuple |= !strcmp(mnl_attr_get_str(attr), "rx-ntuple-filter");
	device->checksums |= !strcmp(mnl_attr_get_str(attr), "rx-checksum");
	return MNL_CB_OK;
}

static int bits_attr(const struct nlattr *attr, void *data)
{
	return mnl_attr_parse_nested(attr, bit_attr, data);
}

static int bitset_attr(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) != ETHTOOL_A_BITSET_BITS)
		return MNL_CB_OK;
	return mnl_attr_parse_nested(attr, bits_attr, data);
}

static int features_attr(const struct nlattr *attr, void *data)
{
	struct device *device = data;

	if (mnl_attr_get_type(attr) != ETHTOOL_A_FEATURES_ACTIVE)
		return MNL_CB_OK;
	device->has_features = true;
	return mnl_attr_parse_nested(attr, bitset_attr, data);
}

static int rss_attr(const struct nlattr *attr, void *data)
{
	struct device *device = data;
	const __u32 *queues;
	size_t i;

	if (mnl_attr_get_type(attr) != ETHTOOL_A_RSS_INDIR)
		return MNL_CB_OK;
	queues = mnl_attr_get_payload(attr);
	for (i = 0; i < mnl_attr_get_payload_len(attr) / sizeof(*queues); i++)
		if (queues[i] < DEVICE_QUEUES)
			device->spread[queues[i]] = true;
	return MNL_CB_OK;
}

void device_ask(struct nl *nl, const struct nl_family *ethtool, int ifindex,
		struct device *device)
{
	*device = (struct device){
		.ring = DEVICE_UNKNOWN,
		.split = DEVICE_UNKNOWN,
		.threshold = DEVICE_UNKNOWN,
		.channels = DEVICE_UNKNOWN,
	};
	nl_ethtool(nl, ethtool, ETHTOOL_MSG_RINGS_GET, ifindex, rings_attr, device);
	nl_ethtool(nl, ethtool, ETHTOOL_MSG_CHANNELS_GET, ifindex, channels_attr, device);
	nl_ethtool(nl, ethtool, ETHTOOL_MSG_FEATURES_GET, ifindex, features_attr, device);
	nl_ethtool(nl, ethtool, ETHTOOL_MSG_RSS_GET, ifindex, rss_attr, device);
}

struct bound device_bound(const struct inventory *inv, int ifindex,
			  const struct device *device)
{
	const struct inv_binding *binding;
	struct bound bound = {};
	const __u32 *queue;

	vec_for_each(binding, &inv->bindings) {
		if (binding->k.ifindex != ifindex || binding->k.unbound)
			continue;
		vec_for_each(queue, &binding->queues) {
			bound.queues++;
			bound.spread |= *queue < DEVICE_QUEUES && device->spread[*queue];
		}
	}
	return bound;
}
