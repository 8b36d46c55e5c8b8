// SPDX-License-Identifier: GPL-2.0-or-later
#include "binding.h"

#include <errno.h>
#include <linux/ethtool_netlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* "1,2,5" of the queues asked for. */
static void queue_list(const struct options *opt, char *text, size_t size)
{
	unsigned int i;
	size_t len = 0;

	text[0] = '\0';
	for (i = 0; i < opt->num_queues && len < size; i++)
		len += snprintf(text + len, size - len, "%s%u", i ? "," : "", opt->queues[i]);
}

/* The first queue asked for that is bound already, and to what; 0 if none is. */
static uint32_t taken_queue(struct binding *b, const struct options *opt, unsigned int *queue)
{
	struct netdev_queues q;
	unsigned int i;

	for (i = 0; i < opt->num_queues; i++) {
		q.wanted = opt->queues[i];
		if (!netdev_get_queues(&b->nd, b->ifindex, &q) && q.binding) {
			*queue = q.wanted;
			return q.binding;
		}
	}
	return 0;
}

static void explain_taken(struct binding *b, const struct options *opt)
{
	unsigned int queue = 0;
	uint32_t id = taken_queue(b, opt, &queue);

	if (id)
		complain("queue %u of %s belongs to binding %u: end its owner or use another",
			 queue, opt->ifname, id);
}

static void explain_range(struct binding *b, const struct options *opt)
{
	struct netdev_queues q = { 0 };

	if (!netdev_get_queues(&b->nd, b->ifindex, &q) && q.count)
		complain("%s has %u receive queues, 0 to %u: see ethtool -l %s", opt->ifname,
			 q.count, q.count - 1, opt->ifname);
}

/*
 * The same errno comes from a driver without queue management and from a kernel
 * without devmem. The latter gives it before it looks at the dma-buf.
 */
static void explain_unsupported(struct binding *b, const struct options *opt)
{
	uint32_t id;
	int err;

	err = netdev_bind_rx(&b->nd, b->ifindex, -1, opt->queues, opt->num_queues, &id);
	if (err == -EOPNOTSUPP && !b->nd.genl.extack[0])
		complain("this kernel takes no device memory: use 6.12 or later with CONFIG_NET_DEVMEM");
	else
		complain("the driver of %s has no queue management API: use another device",
			 opt->ifname);
}

static int explain_bind(struct binding *b, const struct options *opt, int err)
{
	char queues[256];

	queue_list(opt, queues, sizeof(queues));
	complain("cannot bind %zu bytes of %s to %s queue %s: %s%s%s", b->buf.size, opt->memory,
		 opt->ifname, queues, strerror(-err), b->nd.genl.extack[0] ? ": " : "",
		 b->nd.genl.extack);
	switch (-err) {
	case EPERM:
		complain("binding needs CAP_NET_ADMIN in the initial user namespace: run as root");
		break;
	case EINVAL:
		complain("if %s is a virtual device, it cannot: DMA needs hardware (or devmemsim)",
			 opt->ifname);
		break;
	case ENETDOWN:
		complain("%s is down: ip link set %s up", opt->ifname, opt->ifname);
		break;
	case ERANGE:
		explain_range(b, opt);
		break;
	case EEXIST:
	case EBUSY:
		explain_taken(b, opt);
		break;
	case EOPNOTSUPP:
		explain_unsupported(b, opt);
		break;
	}
	return -1;
}

/* Some kernels bind anyway, and then every byte comes in host memory. */
static int check_header_split(const struct options *opt, unsigned int ifindex)
{
	if (netdev_header_split(ifindex) == ETHTOOL_TCP_DATA_SPLIT_DISABLED)
		return complain("header split is off on %s: ethtool -G %s tcp-data-split on",
				opt->ifname, opt->ifname);
	return 0;
}

static int open_netdev(struct netdev *nd)
{
	int err = netdev_open(nd);

	if (err == -ENOENT)
		return complain("no netlink family netdev: use a kernel 6.12 or later with CONFIG_NET_DEVMEM");
	if (err)
		return complain("generic netlink: %s", strerror(-err));
	return 0;
}

static int bind_queues(struct binding *b, const struct options *opt)
{
	int err;

	if (open_netdev(&b->nd))
		return -1;
	err = netdev_bind_rx(&b->nd, b->ifindex, b->buf.fd, opt->queues, opt->num_queues, &b->id);
	if (err) {
		explain_bind(b, opt, err);
		netdev_close(&b->nd);
		return -1;
	}
	return 0;
}

int binding_open(struct binding *b, const struct options *opt)
{
	char queues[256];

	b->ifindex = if_nametoindex(opt->ifname);
	if (!b->ifindex)
		return complain("no interface %s in this network namespace: see ip link",
				opt->ifname);
	if (check_header_split(opt, b->ifindex))
		return -1;
	if (dmabuf_create(&b->buf, opt->memory, opt->size))
		return -1;
	if (bind_queues(b, opt)) {
		dmabuf_destroy(&b->buf);
		return -1;
	}
	if (opt->count && !opt->verbose)
		return 0;
	queue_list(opt, queues, sizeof(queues));
	say("bound binding %u: %s queue %s, %zu bytes of %s", b->id, opt->ifname, queues,
	    b->buf.size, opt->memory);
	return 0;
}

void binding_close(struct binding *b)
{
	netdev_close(&b->nd);
	dmabuf_destroy(&b->buf);
}
