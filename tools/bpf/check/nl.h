/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to the kernel by netlink */
#ifndef DEVMEM_CHECK_NL_H
#define DEVMEM_CHECK_NL_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

struct nl {
	struct mnl_socket *socket;
	unsigned int seq;
};

/* What a family can do, the commands 0 to 63 */
struct nl_family {
	uint16_t id;
	uint64_t commands;
};

/* All return 0 or a negative errno */
int nl_open(struct nl *nl);		/* generic netlink */
int nl_open_diag(struct nl *nl);	/* sock_diag */
void nl_close(struct nl *nl);
int nl_talk(struct nl *nl, struct nlmsghdr *nlh, mnl_cb_t reply, void *data);
int nl_family(struct nl *nl, const char *name, struct nl_family *family);

/* Calls @attr for each attribute of each reply to a message of ethtool about a device */
int nl_ethtool(struct nl *nl, const struct nl_family *family, uint8_t command, int ifindex,
	       mnl_attr_cb_t attr, void *data);

/* Calls @reply for each queue's statistics of a device */
int nl_queue_stats(struct nl *nl, const struct nl_family *netdev, int ifindex, mnl_cb_t reply,
		   void *data);

/* Whether the device is in this network namespace, and not just one with its number */
bool nl_is_here(int ifindex, const char *ifname);

#endif /* DEVMEM_CHECK_NL_H */
