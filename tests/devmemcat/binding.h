/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_BINDING_H
#define DEVMEMCAT_BINDING_H

#include "devmemcat.h"
#include "dmabuf.h"
#include "netdev.h"

/* A dma-buf bound to receive queues of one device. */
struct binding {
	struct dmabuf buf;
	struct netdev nd;
	unsigned int ifindex;
	uint32_t id;
};

/*
 * Make the memory and bind it as @opt says. Returns 0, or -1 after telling the
 * user what is wrong and what to do about it.
 */
int binding_open(struct binding *b, const struct options *opt);
void binding_close(struct binding *b);

#endif
