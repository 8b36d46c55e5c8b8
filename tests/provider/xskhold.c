// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xskhold IFACE QUEUE: have an AF_XDP socket on a receive queue, without asking
 * anything of the driver, until it is killed. Says "holding" when it has it.
 */
#include <errno.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devmemcat.h"

#define CHUNK 4096
#define CHUNKS 64

static int set(int fd, int name, const void *value, socklen_t len)
{
	if (setsockopt(fd, SOL_XDP, name, value, len))
		return complain("AF_XDP option %d: %s", name, strerror(errno));
	return 0;
}

/* The memory and the three rings that an AF_XDP socket for receiving must have. */
static int give_memory(int fd)
{
	struct xdp_umem_reg reg = { .len = CHUNK * CHUNKS, .chunk_size = CHUNK };
	int entries = CHUNKS;
	void *memory;

	memory = mmap(NULL, reg.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return complain("no memory: %s", strerror(errno));
	reg.addr = (uintptr_t)memory;
	return set(fd, XDP_UMEM_REG, &reg, sizeof(reg)) ||
	       set(fd, XDP_UMEM_FILL_RING, &entries, sizeof(entries)) ||
	       set(fd, XDP_UMEM_COMPLETION_RING, &entries, sizeof(entries)) ||
	       set(fd, XDP_RX_RING, &entries, sizeof(entries)) ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_xdp addr = { .sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY };
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: xskhold IFACE QUEUE\n");
		return 2;
	}
	addr.sxdp_ifindex = if_nametoindex(argv[1]);
	addr.sxdp_queue_id = atoi(argv[2]);
	fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		complain("AF_XDP: %s: needs CONFIG_XDP_SOCKETS", strerror(errno));
		return 1;
	}
	if (give_memory(fd))
		return 1;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		complain("cannot have queue %s of %s: %s", argv[2], argv[1], strerror(errno));
		return 1;
	}
	say("holding queue %s of %s", argv[2], argv[1]);
	for (;;)
		pause();
}
