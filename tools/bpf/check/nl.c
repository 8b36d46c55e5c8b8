// SPDX-License-Identifier: GPL-2.0-or-later
/* Questions to the kernel by generic netlink */

#include <errno.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/netdev.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "nl.h"

/* No kernel's answer is longer */
#define ANSWER_SIZE	32768

static int open_bus(struct nl *nl, int bus)
{
	int err;

	*nl = (struct nl){ .socket = mnl_socket_open2(bus, SOCK_CLOEXEC) };
	if (!nl->socket)
		return -errno;
	if (!mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID))
		return 0;
	err = -errno;
	mnl_socket_close(nl->socket);
	nl->socket = NULL;
	return err;
}

int nl_open(struct nl *nl)
{
	return open_bus(nl, NETLINK_GENERIC);
}

int nl_open_diag(struct nl *nl)
{
	return open_bus(nl, NETLINK_SOCK_DIAG);
}

void nl_close(struct nl *nl)
{
	if (nl->socket)
		mnl_socket_close(nl->socket);
	nl->socket = NULL;
}

static struct nlmsghdr *request(void *buf, uint16_t family, uint8_t command, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = command;
	genl->version = 1;
	return nlh;
}

int nl_talk(struct nl *nl, struct nlmsghdr *nlh, mnl_cb_t reply, void *data)
{
	unsigned int portid = mnl_socket_get_portid(nl->socket);
	char buf[ANSWER_SIZE];
	ssize_t len;
	int ret;

	nlh->nlmsg_seq = ++nl->seq;
	if (mnl_socket_sendto(nl->socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(nl->socket, buf, sizeof(buf));
		if (len < 0)
			return -errno;
		ret = mnl_cb_run(buf, len, nl->seq, portid, reply, data);
	} while (ret > MNL_CB_STOP);
	return ret < 0 ? -errno : 0;
}

static int op_attr(const struct nlattr *attr, void *data)
{
	struct nl_family *family = data;

	if (mnl_attr_get_type(attr) == CTRL_ATTR_OP_ID && mnl_attr_get_u32(attr) < 64)
		family->commands |= 1ULL << mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int family_attr(const struct nlattr *attr, void *data)
{
	const struct nlattr *op;
	struct nl_family *family = data;

	if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
		family->id = mnl_attr_get_u16(attr);
	if (mnl_attr_get_type(attr) == CTRL_ATTR_OPS)
		mnl_attr_for_each_nested(op, attr)
			mnl_attr_parse_nested(op, op_attr, family);
	return MNL_CB_OK;
}

static int family_reply(const struct nlmsghdr *nlh, void *data)
{
	return mnl_attr_parse(nlh, sizeof(struct genlmsghdr), family_attr, data);
}

int nl_family(struct nl *nl, const char *name, struct nl_family *family)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh;

	*family = (struct nl_family){};
	nlh = request(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, name);
	return nl_talk(nl, nlh, family_reply, family);
}

struct each {
	mnl_attr_cb_t attr;
	void *data;
};

static int each_reply(const struct nlmsghdr *nlh, void *data)
{
	const struct each *each = data;

	return mnl_attr_parse(nlh, sizeof(struct genlmsghdr), each->attr, each->data);
}

/* The header is attribute 1 of each message of ethtool's */
int nl_ethtool(struct nl *nl, const struct nl_family *family, uint8_t command, int ifindex,
	       mnl_attr_cb_t attr, void *data)
{
	struct each each = { attr, data };
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh;
	struct nlattr *nest;

	nlh = request(buf, family->id, command, 0);
	nest = mnl_attr_nest_start(nlh, ETHTOOL_A_RINGS_HEADER);
	mnl_attr_put_u32(nlh, ETHTOOL_A_HEADER_DEV_INDEX, ifindex);
	mnl_attr_nest_end(nlh, nest);
	return nl_talk(nl, nlh, each_reply, &each);
}

/* The scope is of a type whose size the kernel chooses as it likes for what is small */
int nl_queue_stats(struct nl *nl, const struct nl_family *netdev, int ifindex, mnl_cb_t reply,
		   void *data)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh;

	nlh = request(buf, netdev->id, NETDEV_CMD_QSTATS_GET, NLM_F_DUMP);
	mnl_attr_put_u32(nlh, NETDEV_A_QSTATS_IFINDEX, ifindex);
	mnl_attr_put_u32(nlh, NETDEV_A_QSTATS_SCOPE, NETDEV_QSTATS_SCOPE_QUEUE);
	return nl_talk(nl, nlh, reply, data);
}

bool nl_is_here(int ifindex, const char *ifname)
{
	char name[IF_NAMESIZE];

	return if_indextoname(ifindex, name) && !strcmp(name, ifname);
}
