// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hazdump MODE IFACE: get hold of what a device receives by a packet socket.
 *
 * Prints "ready", and "data" when a packet has come that had TCP payload on the wire, cut by the
 * filter if the mode has one. Ends when it is killed. MODE says how: see below.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <unistd.h>

#include "devmemcat.h"

/* No acknowledgment is as long as this. */
#define WITH_PAYLOAD 500

#define BLOCK 65536
#define BLOCKS 4
#define FRAME 2048

/* Where a filter cuts: through the payload, and through the headers. */
#define CUT 200
#define CUT_HEADERS 40

struct mode {
	const char *name;
	int type;
	int version;	/* of the ring, or -1 for none */
	size_t frame;
	bool fanout, vnet, copy;
	unsigned int cut;
};

static const struct mode modes[] = {
	{ "raw", SOCK_RAW, -1 },
	{ "dgram", SOCK_DGRAM, -1 },
	{ "vnet", SOCK_RAW, -1, .vnet = true },
	{ "filter", SOCK_RAW, -1, .cut = CUT },
	{ "filter-headers", SOCK_RAW, -1, .cut = CUT_HEADERS },
	{ "filter-ring2", SOCK_RAW, TPACKET_V2, FRAME, .cut = CUT },
	{ "fanout", SOCK_RAW, -1, .fanout = true },
	{ "ring1", SOCK_RAW, TPACKET_V1, FRAME },
	{ "ring2", SOCK_RAW, TPACKET_V2, FRAME },
	{ "ring2-dgram", SOCK_DGRAM, TPACKET_V2, FRAME },
	/* What does not fit into a frame is also cloned into the socket's queue. */
	{ "ring2-copy", SOCK_RAW, TPACKET_V2, 512, .copy = true },
	{ "ring3", SOCK_RAW, TPACKET_V3, FRAME },
	{ "ring3-fanout", SOCK_RAW, TPACKET_V3, FRAME, .fanout = true },
	{ NULL }
};

static int set(int fd, int level, int option, const void *value, socklen_t len)
{
	return setsockopt(fd, level, option, value, len) ?
		       complain("setsockopt %d: %s", option, strerror(errno)) : 0;
}

static int set_int(int fd, int option, int value)
{
	return set(fd, SOL_PACKET, option, &value, sizeof(value));
}

static int set_filter(int fd, unsigned int cut)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, cut);
	struct sock_fprog prog = { .len = 1, .filter = &code };

	return set(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static void *make_ring(int fd, const struct mode *mode)
{
	struct tpacket_req3 req = {
		.tp_block_size = BLOCK,
		.tp_block_nr = BLOCKS,
		.tp_frame_size = mode->frame,
		.tp_frame_nr = BLOCK * BLOCKS / mode->frame,
		.tp_retire_blk_tov = 20,
	};
	socklen_t len = mode->version == TPACKET_V3 ? sizeof(req) : sizeof(struct tpacket_req);
	void *ring;

	if (set_int(fd, PACKET_VERSION, mode->version) ||
	    set(fd, SOL_PACKET, PACKET_RX_RING, &req, len))
		return NULL;
	ring = mmap(NULL, BLOCK * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return ring == MAP_FAILED ? NULL : ring;
}

/* The socket first, bound to the device, then the rest, as tcpdump does it. */
static int open_socket(const struct mode *mode, const char *ifname, void **ring)
{
	struct sockaddr_ll on = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, mode->type, htons(ETH_P_ALL));

	on.sll_ifindex = if_nametoindex(ifname);
	if (fd < 0 || bind(fd, (struct sockaddr *)&on, sizeof(on)))
		return complain("packet socket on %s: %s", ifname, strerror(errno));
	if (mode->cut && set_filter(fd, mode->cut))
		return -1;
	if (set_int(fd, PACKET_AUXDATA, 1))
		return -1;
	if (mode->vnet && set_int(fd, PACKET_VNET_HDR, 1))
		return -1;
	if (mode->copy && set_int(fd, PACKET_COPY_THRESH, 1))
		return -1;
	if (mode->version >= 0) {
		*ring = make_ring(fd, mode);
		if (!*ring)
			return -1;
	}
	if (mode->fanout && set_int(fd, PACKET_FANOUT, PACKET_FANOUT_HASH << 16 | 1))
		return -1;
	return fd;
}

/* Whether it is a packet with payload, as it is to be seen: on the wire it was long, and no
 * more of it is here than the filter lets through.
 */
static bool is_data(const struct mode *mode, unsigned int wire, unsigned int here)
{
	return wire > WITH_PAYLOAD && (!mode->cut || here <= mode->cut);
}

/* Each function tells whether such a packet was there. */

static bool read_queue(int fd, const struct mode *mode)
{
	char data[65536], room[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	bool found = false;

	for (;;) {
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = room, .msg_controllen = sizeof(room),
		};
		struct tpacket_auxdata aux;
		struct cmsghdr *cm;

		if (recvmsg(fd, &msg, MSG_DONTWAIT) <= 0)
			return found;
		cm = CMSG_FIRSTHDR(&msg);
		if (!cm || cm->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(cm), sizeof(aux));
		found |= is_data(mode, aux.tp_len, aux.tp_snaplen);
	}
}

static bool read_frames(char *ring, const struct mode *mode)
{
	bool found = false;
	size_t at;

	for (at = 0; at < BLOCK * BLOCKS; at += mode->frame) {
		struct tpacket_hdr *v1 = (struct tpacket_hdr *)(ring + at);
		struct tpacket2_hdr *v2 = (struct tpacket2_hdr *)(ring + at);

		if (mode->version == TPACKET_V1 && v1->tp_status & TP_STATUS_USER) {
			found |= is_data(mode, v1->tp_len, v1->tp_snaplen);
			v1->tp_status = TP_STATUS_KERNEL;
		} else if (mode->version == TPACKET_V2 && v2->tp_status & TP_STATUS_USER) {
			found |= is_data(mode, v2->tp_len, v2->tp_snaplen);
			v2->tp_status = TP_STATUS_KERNEL;
		}
	}
	return found;
}

static bool read_blocks(char *ring, const struct mode *mode)
{
	bool found = false;
	uint32_t i, b;

	for (b = 0; b < BLOCKS; b++) {
		struct tpacket_block_desc *block = (void *)(ring + b * BLOCK);
		char *first = (char *)block + block->hdr.bh1.offset_to_first_pkt;
		struct tpacket3_hdr *p = (struct tpacket3_hdr *)first;

		if (!(block->hdr.bh1.block_status & TP_STATUS_USER))
			continue;
		for (i = 0; i < block->hdr.bh1.num_pkts; i++) {
			found |= is_data(mode, p->tp_len, p->tp_snaplen);
			p = (void *)((char *)p + p->tp_next_offset);
		}
		block->hdr.bh1.block_status = TP_STATUS_KERNEL;
	}
	return found;
}

static bool look(int fd, void *ring, const struct mode *mode)
{
	bool found = false;

	if (ring)
		found = mode->version == TPACKET_V3 ? read_blocks(ring, mode) :
						      read_frames(ring, mode);
	if (!ring || mode->copy)
		found |= read_queue(fd, mode);
	return found;
}

static const struct mode *find(const char *name)
{
	const struct mode *mode = modes;

	while (mode->name && strcmp(mode->name, name))
		mode++;
	return mode->name ? mode : NULL;
}

int main(int argc, char **argv)
{
	const struct mode *mode = argc == 3 ? find(argv[1]) : NULL;
	struct pollfd fds[2] = { { .fd = -1 }, { .fd = -1 } };
	void *rings[2] = { NULL, NULL };
	unsigned int i, num;

	if (!mode) {
		fprintf(stderr, "usage: hazdump MODE IFACE\n");
		return 2;
	}
	setlinebuf(stdout);
	num = mode->fanout ? 2 : 1;
	for (i = 0; i < num; i++) {
		fds[i].fd = open_socket(mode, argv[2], &rings[i]);
		fds[i].events = POLLIN;
		if (fds[i].fd < 0)
			return 1;
	}
	puts("ready");
	for (;;) {
		poll(fds, num, -1);
		for (i = 0; i < num; i++)
			if (look(fds[i].fd, rings[i], mode))
				puts("data");
	}
}
