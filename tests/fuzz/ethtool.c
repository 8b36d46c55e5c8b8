// SPDX-License-Identifier: GPL-2.0-or-later
#include "ethtool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define INDIR_SIZE 128	/* of devmemsim */

int ethtool_open(struct ethtool *et)
{
	int err = genl_open(&et->genl), family;

	if (err)
		return err;
	family = genl_family(&et->genl, ETHTOOL_GENL_NAME);
	if (family < 0)
		return family;
	et->family = family;
	et->sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return et->sock < 0 ? -errno : 0;
}

static struct nlmsghdr *request(struct ethtool *et, void *buf, uint8_t cmd, uint16_t header,
				int ifindex)
{
	struct nlmsghdr *nlh = genl_request(buf, et->family, cmd, 0);
	struct nlattr *nest = mnl_attr_nest_start(nlh, header);

	mnl_attr_put_u32(nlh, ETHTOOL_A_HEADER_DEV_INDEX, ifindex);
	mnl_attr_nest_end(nlh, nest);
	return nlh;
}

int ethtool_rings(struct ethtool *et, int ifindex, uint32_t rx, uint8_t split)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh;

	nlh = request(et, buf, ETHTOOL_MSG_RINGS_SET, ETHTOOL_A_RINGS_HEADER, ifindex);
	mnl_attr_put_u32(nlh, ETHTOOL_A_RINGS_RX, rx);
	mnl_attr_put_u8(nlh, ETHTOOL_A_RINGS_TCP_DATA_SPLIT, split);
	return genl_talk(&et->genl, nlh, NULL, NULL);
}

int ethtool_channels(struct ethtool *et, int ifindex, uint32_t combined)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh;

	nlh = request(et, buf, ETHTOOL_MSG_CHANNELS_SET, ETHTOOL_A_CHANNELS_HEADER, ifindex);
	mnl_attr_put_u32(nlh, ETHTOOL_A_CHANNELS_COMBINED_COUNT, combined);
	return genl_talk(&et->genl, nlh, NULL, NULL);
}

/* Ioctls know a device by its name, which changes. */
static int by_ioctl(struct ethtool *et, int ifindex, void *data)
{
	struct ifreq ifr = { .ifr_ifindex = ifindex };

	if (ioctl(et->sock, SIOCGIFNAME, &ifr))
		return -errno;
	ifr.ifr_data = data;
	return ioctl(et->sock, SIOCETHTOOL, &ifr) ? -errno : 0;
}

int ethtool_steer(struct ethtool *et, int ifindex, uint32_t location, uint16_t port, bool ipv6,
		  uint32_t queue)
{
	struct ethtool_rxnfc nfc = { .cmd = ETHTOOL_SRXCLSRLINS };

	nfc.fs.location = location;
	nfc.fs.ring_cookie = queue;
	if (ipv6) {
		nfc.fs.flow_type = TCP_V6_FLOW;
		nfc.fs.h_u.tcp_ip6_spec.pdst = htons(port);
		nfc.fs.m_u.tcp_ip6_spec.pdst = 0xffff;
	} else {
		nfc.fs.flow_type = TCP_V4_FLOW;
		nfc.fs.h_u.tcp_ip4_spec.pdst = htons(port);
		nfc.fs.m_u.tcp_ip4_spec.pdst = 0xffff;
	}
	return by_ioctl(et, ifindex, &nfc);
}

int ethtool_unsteer(struct ethtool *et, int ifindex, uint32_t location)
{
	struct ethtool_rxnfc nfc = { .cmd = ETHTOOL_SRXCLSRLDEL };

	nfc.fs.location = location;
	return by_ioctl(et, ifindex, &nfc);
}

int ethtool_spread(struct ethtool *et, int ifindex, uint32_t first, uint32_t num)
{
	struct ethtool_rxfh *rxfh;
	unsigned int i;
	int err;

	rxfh = calloc(1, sizeof(*rxfh) + INDIR_SIZE * sizeof(rxfh->rss_config[0]));
	if (!rxfh)
		return -ENOMEM;
	rxfh->cmd = ETHTOOL_SRSSH;
	rxfh->indir_size = INDIR_SIZE;
	for (i = 0; i < INDIR_SIZE; i++)
		rxfh->rss_config[i] = first + (num ? i % num : 0);
	err = by_ioctl(et, ifindex, rxfh);
	free(rxfh);
	return err;
}

int ethtool_value(struct ethtool *et, int ifindex, uint32_t cmd, uint32_t value)
{
	struct ethtool_value data = { .cmd = cmd, .data = value };

	return by_ioctl(et, ifindex, &data);
}
