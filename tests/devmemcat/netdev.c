// SPDX-License-Identifier: GPL-2.0-or-later
#include "netdev.h"

#include <errno.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/netdev.h>
#include <stdbool.h>

/* NETDEV_CMD_BIND_TX, of Linux 6.16: the headers are older. */
#define CMD_BIND_TX 15

int netdev_open(struct netdev *nd)
{
	int err, family;

	err = genl_open(&nd->genl);
	if (err)
		return err;
	family = genl_family(&nd->genl, "netdev");
	if (family < 0) {
		genl_close(&nd->genl);
		return family;
	}
	nd->family = family;
	return 0;
}

void netdev_close(struct netdev *nd)
{
	genl_close(&nd->genl);
}

static int bind_attr(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NETDEV_A_DMABUF_ID &&
	    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		*(uint32_t *)data = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int bind_cb(const struct nlmsghdr *nlh, void *data)
{
	return mnl_attr_parse(nlh, sizeof(struct genlmsghdr), bind_attr, data);
}

/* False if the message has no room left. */
static bool put_queue(struct nlmsghdr *req, size_t room, unsigned int queue)
{
	struct nlattr *nest = mnl_attr_nest_start_check(req, room, NETDEV_A_DMABUF_QUEUES);

	if (!nest || !mnl_attr_put_u32_check(req, room, NETDEV_A_QUEUE_TYPE,
					     NETDEV_QUEUE_TYPE_RX) ||
	    !mnl_attr_put_u32_check(req, room, NETDEV_A_QUEUE_ID, queue))
		return false;
	mnl_attr_nest_end(req, nest);
	return true;
}

int netdev_bind_rx(struct netdev *nd, unsigned int ifindex, int fd, const unsigned int *queues,
		   unsigned int num, uint32_t *id)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *req;
	unsigned int i;

	req = genl_request(buf, nd->family, NETDEV_CMD_BIND_RX, 0);
	mnl_attr_put_u32(req, NETDEV_A_DMABUF_IFINDEX, ifindex);
	mnl_attr_put_u32(req, NETDEV_A_DMABUF_FD, fd);
	for (i = 0; i < num; i++)
		if (!put_queue(req, sizeof(buf), queues[i]))
			return -EMSGSIZE;
	*id = 0;
	return genl_talk(&nd->genl, req, bind_cb, id);
}

int netdev_bind_tx(struct netdev *nd, unsigned int ifindex, int fd, uint32_t *id)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *req = genl_request(buf, nd->family, CMD_BIND_TX, 0);

	mnl_attr_put_u32(req, NETDEV_A_DMABUF_IFINDEX, ifindex);
	mnl_attr_put_u32(req, NETDEV_A_DMABUF_FD, fd);
	*id = 0;
	return genl_talk(&nd->genl, req, bind_cb, id);
}

struct queue_attrs {
	uint32_t id;
	uint32_t type;
	uint32_t binding;
};

static int queue_attr(const struct nlattr *attr, void *data)
{
	struct queue_attrs *q = data;

	switch (mnl_attr_get_type(attr)) {
	case NETDEV_A_QUEUE_ID:
		q->id = mnl_attr_get_u32(attr);
		break;
	case NETDEV_A_QUEUE_TYPE:
		q->type = mnl_attr_get_u32(attr);
		break;
	case NETDEV_A_QUEUE_DMABUF:
		q->binding = mnl_attr_get_u32(attr);
		break;
	}
	return MNL_CB_OK;
}

static int queue_cb(const struct nlmsghdr *nlh, void *data)
{
	struct queue_attrs attrs = { 0 };
	struct netdev_queues *q = data;

	if (mnl_attr_parse(nlh, sizeof(struct genlmsghdr), queue_attr, &attrs) < 0)
		return MNL_CB_ERROR;
	if (attrs.type != NETDEV_QUEUE_TYPE_RX)
		return MNL_CB_OK;
	q->count++;
	if (attrs.id == q->wanted)
		q->binding = attrs.binding;
	return MNL_CB_OK;
}

int netdev_get_queues(struct netdev *nd, unsigned int ifindex, struct netdev_queues *q)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *req;

	q->count = 0;
	q->binding = 0;
	req = genl_request(buf, nd->family, NETDEV_CMD_QUEUE_GET, NLM_F_DUMP);
	mnl_attr_put_u32(req, NETDEV_A_QUEUE_IFINDEX, ifindex);
	return genl_talk(&nd->genl, req, queue_cb, q);
}

static int rings_attr(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == ETHTOOL_A_RINGS_TCP_DATA_SPLIT &&
	    mnl_attr_validate(attr, MNL_TYPE_U8) >= 0)
		*(int *)data = mnl_attr_get_u8(attr);
	return MNL_CB_OK;
}

static int rings_cb(const struct nlmsghdr *nlh, void *data)
{
	return mnl_attr_parse(nlh, sizeof(struct genlmsghdr), rings_attr, data);
}

static int get_header_split(struct genl *g, uint16_t family, unsigned int ifindex)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	int split = -ENODATA, err;
	struct nlmsghdr *req;
	struct nlattr *nest;

	req = genl_request(buf, family, ETHTOOL_MSG_RINGS_GET, 0);
	nest = mnl_attr_nest_start(req, ETHTOOL_A_RINGS_HEADER);
	mnl_attr_put_u32(req, ETHTOOL_A_HEADER_DEV_INDEX, ifindex);
	mnl_attr_nest_end(req, nest);
	err = genl_talk(g, req, rings_cb, &split);
	return err ? err : split;
}

int netdev_header_split(unsigned int ifindex)
{
	struct genl genl;
	int ret;

	ret = genl_open(&genl);
	if (ret)
		return ret;
	ret = genl_family(&genl, ETHTOOL_GENL_NAME);
	if (ret >= 0)
		ret = get_header_split(&genl, ret, ifindex);
	genl_close(&genl);
	return ret;
}
