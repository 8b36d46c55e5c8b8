// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * badbind IFACE FD [QUEUE]...: ask for a bind that no sane client asks for.
 *
 * IFACE  name of an interface, or #N: whatever has the index N
 * FD     udmabuf (a good one), closed, negative, file, memfd, or none: leave it out
 * QUEUE  N, tx:N (a transmit queue), empty, notype:N, noid; no QUEUE: leave the
 *        list out
 *
 * Prints the kernel's answer, "ERRNO: EXTACK" or "bound", and exits 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netdev.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dmabuf.h"
#include "netdev.h"

#define BUF_SIZE (1 << 20)
#define NO_FD INT32_MIN

static const char usage_text[] =
	"usage: badbind IFACE|#IFINDEX FD [QUEUE]...\n"
	"FD: udmabuf, closed, negative, file, memfd, none\n"
	"QUEUE: N, tx:N, empty, notype:N, noid\n";

static void usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

static unsigned int number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end)
		usage();
	return n;
}

static int udmabuf(void)
{
	struct dmabuf buf;

	if (dmabuf_create(&buf, "udmabuf", BUF_SIZE))
		exit(1);
	return buf.fd;
}

/* A number that is no open file, and does not become one. */
static int closed_fd(void)
{
	int fd = getdtablesize() - 1;

	close(fd);
	return fd;
}

static int memfd(void)
{
	int fd = memfd_create("badbind", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, BUF_SIZE))
		exit(1);
	return fd;
}

static int fd_of_kind(const char *kind)
{
	if (!strcmp(kind, "udmabuf"))
		return udmabuf();
	if (!strcmp(kind, "closed"))
		return closed_fd();
	if (!strcmp(kind, "negative"))
		return -1;
	if (!strcmp(kind, "file"))
		return open("/dev/null", O_RDWR);
	if (!strcmp(kind, "memfd"))
		return memfd();
	if (!strcmp(kind, "none"))
		return NO_FD;
	usage();
	return -1;
}

static void put_queue(struct nlmsghdr *req, const char *queue)
{
	struct nlattr *nest = mnl_attr_nest_start(req, NETDEV_A_DMABUF_QUEUES);

	if (!strcmp(queue, "noid")) {
		mnl_attr_put_u32(req, NETDEV_A_QUEUE_TYPE, NETDEV_QUEUE_TYPE_RX);
	} else if (!strncmp(queue, "notype:", 7)) {
		mnl_attr_put_u32(req, NETDEV_A_QUEUE_ID, number(queue + 7));
	} else if (!strncmp(queue, "tx:", 3)) {
		mnl_attr_put_u32(req, NETDEV_A_QUEUE_TYPE, NETDEV_QUEUE_TYPE_TX);
		mnl_attr_put_u32(req, NETDEV_A_QUEUE_ID, number(queue + 3));
	} else if (strcmp(queue, "empty")) {
		mnl_attr_put_u32(req, NETDEV_A_QUEUE_TYPE, NETDEV_QUEUE_TYPE_RX);
		mnl_attr_put_u32(req, NETDEV_A_QUEUE_ID, number(queue));
	}
	mnl_attr_nest_end(req, nest);
}

int main(int argc, char **argv)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	unsigned int ifindex;
	struct nlmsghdr *req;
	struct netdev nd;
	int i, fd, err;

	if (argc < 3)
		usage();
	ifindex = argv[1][0] == '#' ? number(argv[1] + 1) : if_nametoindex(argv[1]);
	fd = fd_of_kind(argv[2]);
	err = netdev_open(&nd);
	if (err) {
		fprintf(stderr, "badbind: netlink: %s\n", strerror(-err));
		return 1;
	}
	req = genl_request(buf, nd.family, NETDEV_CMD_BIND_RX, 0);
	mnl_attr_put_u32(req, NETDEV_A_DMABUF_IFINDEX, ifindex);
	if (fd != NO_FD)
		mnl_attr_put_u32(req, NETDEV_A_DMABUF_FD, fd);
	for (i = 3; i < argc; i++)
		put_queue(req, argv[i]);
	err = genl_talk(&nd.genl, req, NULL, NULL);
	if (err)
		printf("%s: %s\n", strerrorname_np(-err), nd.genl.extack);
	else
		printf("bound\n");
	return 0;
}
