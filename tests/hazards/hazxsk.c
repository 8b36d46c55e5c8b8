// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hazxsk IFACE QUEUE: bind an AF_XDP socket to a receive queue, in copy mode.
 *
 * Prints "bound" and waits to be killed, or "refused ERRNO" and ends.
 */
#include <errno.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devmemcat.h"

#define FRAMES 64
#define FRAME 4096

static int make_rings(int fd)
{
	struct xdp_umem_reg umem = { .len = FRAMES * FRAME, .chunk_size = FRAME };
	int entries = FRAMES;
	void *memory;

	memory = mmap(NULL, umem.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -1;
	umem.addr = (unsigned long)memory;
	return setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)) ||
	       setsockopt(fd, SOL_XDP, XDP_UMEM_FILL_RING, &entries, sizeof(entries)) ||
	       setsockopt(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &entries, sizeof(entries)) ||
	       setsockopt(fd, SOL_XDP, XDP_RX_RING, &entries, sizeof(entries)) ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_xdp on = { .sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY };
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: hazxsk IFACE QUEUE\n");
		return 2;
	}
	setlinebuf(stdout);
	fd = socket(AF_XDP, SOCK_RAW, 0);
	if (fd < 0 || make_rings(fd))
		return complain("AF_XDP: %s", strerror(errno)) < 0;
	on.sxdp_ifindex = if_nametoindex(argv[1]);
	on.sxdp_queue_id = atoi(argv[2]);
	if (bind(fd, (struct sockaddr *)&on, sizeof(on))) {
		printf("refused %s\n", strerrorname_np(errno));
		return 1;
	}
	puts("bound");
	pause();
	return 0;
}
