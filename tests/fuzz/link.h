/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices by rtnetlink. All of these return 0 or a negative errno. */
#ifndef FUZZ_LINK_H
#define FUZZ_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "genl.h"

/* Operations are on devices of the namespace that the caller is in now. */
int link_open(struct genl *rt);

/* A pair of devmemsim devices: @name here, @peer in the namespace @peer_ns. */
int link_make_pair(struct genl *rt, const char *name, const char *peer, int peer_ns,
		   uint32_t queues);
int link_delete(struct genl *rt, int ifindex);
/* Set those IFF_* of @mask to what @flags says. */
int link_flags(struct genl *rt, int ifindex, uint32_t flags, uint32_t mask);
int link_mtu(struct genl *rt, int ifindex, uint32_t mtu);
int link_rename(struct genl *rt, int ifindex, const char *name);
int link_mac(struct genl *rt, int ifindex, const uint8_t *mac);
int link_move(struct genl *rt, int ifindex, int ns);
/* Add or delete the IPv4 or IPv6 address @text with its prefix. */
int link_address(struct genl *rt, int ifindex, const char *text, uint8_t prefix, bool add);

#endif
