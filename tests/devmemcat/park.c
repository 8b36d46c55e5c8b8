// SPDX-License-Identifier: GPL-2.0-or-later
#include "park.h"

#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devmemcat.h"

static int park_in_flight(int fd)
{
	char room[CMSG_SPACE(sizeof(fd))] __attribute__((aligned(__alignof__(struct cmsghdr))));
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room),
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair))
		return complain("unix socket: %s", strerror(errno));
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	if (sendmsg(pair[1], &msg, 0) != 1) {
		complain("sending a descriptor: %s", strerror(errno));
		close(pair[0]);
		pair[0] = -1;
	}
	close(pair[1]);
	return pair[0];
}

/* The ring is as old as its descriptor; what is mapped of it ends with the process. */
static int park_registered(int fd)
{
	struct io_uring ring;
	int err = io_uring_queue_init(2, &ring, 0);

	if (err)
		return complain("io_uring: %s", strerror(-err));
	err = io_uring_register_files(&ring, &fd, 1);
	if (!err)
		return ring.ring_fd;
	io_uring_queue_exit(&ring);
	return complain("io_uring: registering a file: %s", strerror(-err));
}

int park(enum park where, int fd)
{
	int at = where == PARK_IN_FLIGHT ? park_in_flight(fd) : park_registered(fd);

	if (at >= 0)
		close(fd);
	return at;
}
