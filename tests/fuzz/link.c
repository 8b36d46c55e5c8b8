// SPDX-License-Identifier: GPL-2.0-or-later
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>

int link_open(struct genl *rt)
{
	int one = 1;

	memset(rt, 0, sizeof(*rt));
	rt->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!rt->nl)
		return -errno;
	if (mnl_socket_bind(rt->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	mnl_socket_setsockopt(rt->nl, NETLINK_EXT_ACK, &one, sizeof(one));
	return 0;
}

static struct nlmsghdr *request(void *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	return nlh;
}

static struct ifinfomsg *put_link(struct nlmsghdr *nlh, int ifindex)
{
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = ifindex;
	return ifi;
}

int link_make_pair(struct genl *rt, const char *name, const char *peer, int peer_ns,
		   uint32_t queues)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlattr *info, *data, *peer_info;
	struct nlmsghdr *nlh;

	nlh = request(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	put_link(nlh, 0);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(nlh, IFLA_NUM_RX_QUEUES, queues);
	mnl_attr_put_u32(nlh, IFLA_NUM_TX_QUEUES, queues);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "devmemsim");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	/* devmemsim describes its peer as veth does */
	peer_info = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	put_link(nlh, 0);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, peer);
	mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, peer_ns);
	mnl_attr_nest_end(nlh, peer_info);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return genl_talk(rt, nlh, NULL, NULL);
}

int link_delete(struct genl *rt, int ifindex)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh = request(buf, RTM_DELLINK, 0);

	put_link(nlh, ifindex);
	return genl_talk(rt, nlh, NULL, NULL);
}

int link_flags(struct genl *rt, int ifindex, uint32_t flags, uint32_t mask)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh = request(buf, RTM_NEWLINK, 0);
	struct ifinfomsg *ifi = put_link(nlh, ifindex);

	ifi->ifi_flags = flags;
	ifi->ifi_change = mask;
	return genl_talk(rt, nlh, NULL, NULL);
}

int link_mtu(struct genl *rt, int ifindex, uint32_t mtu)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh = request(buf, RTM_NEWLINK, 0);

	put_link(nlh, ifindex);
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return genl_talk(rt, nlh, NULL, NULL);
}

int link_rename(struct genl *rt, int ifindex, const char *name)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh = request(buf, RTM_NEWLINK, 0);

	put_link(nlh, ifindex);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return genl_talk(rt, nlh, NULL, NULL);
}

int link_mac(struct genl *rt, int ifindex, const uint8_t *mac)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh = request(buf, RTM_NEWLINK, 0);

	put_link(nlh, ifindex);
	mnl_attr_put(nlh, IFLA_ADDRESS, 6, mac);
	return genl_talk(rt, nlh, NULL, NULL);
}

int link_move(struct genl *rt, int ifindex, int ns)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh = request(buf, RTM_NEWLINK, 0);

	put_link(nlh, ifindex);
	mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, ns);
	return genl_talk(rt, nlh, NULL, NULL);
}

int link_address(struct genl *rt, int ifindex, const char *text, uint8_t prefix, bool add)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh;
	struct ifaddrmsg *ifa;
	uint8_t addr[16];

	inet_pton(family, text, addr);
	nlh = request(buf, add ? RTM_NEWADDR : RTM_DELADDR, add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = family;
	ifa->ifa_prefixlen = prefix;
	ifa->ifa_index = ifindex;
	ifa->ifa_flags = IFA_F_NODAD;
	mnl_attr_put(nlh, IFA_LOCAL, family == AF_INET ? 4 : 16, addr);
	mnl_attr_put(nlh, IFA_ADDRESS, family == AF_INET ? 4 : 16, addr);
	return genl_talk(rt, nlh, NULL, NULL);
}
