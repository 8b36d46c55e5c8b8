// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A sender from device memory: the dma-buf is filled in halves, of which one is filled
 * while the other is on its way.
 */
#include "uapi.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "dmabuf.h"
#include "netdev.h"
#include "pattern.h"
#include "sender.h"

struct tx {
	const struct options *opt;
	struct dmabuf buf;
	struct netdev nd;
	uint32_t id;		/* of the binding */
	int fd;
	uint32_t calls;		/* that the kernel has taken memory in */
	uint32_t done;		/* of these, whose memory it needs no more */
};

static int explain_bind(const struct tx *tx, int err)
{
	const struct options *opt = tx->opt;

	complain("cannot bind %zu bytes of %s to %s for sending: %s%s%s", tx->buf.size,
		 opt->memory, opt->ifname, strerror(-err), tx->nd.genl.extack[0] ? ": " : "",
		 tx->nd.genl.extack);
	if (err == -EOPNOTSUPP)
		complain("use a kernel 6.16 or later with CONFIG_NET_DEVMEM, and a device whose driver sends unreadable memory");
	else if (err == -EPERM)
		complain("it needs CAP_NET_ADMIN: run as root");
	return -1;
}

static int bind_memory(struct tx *tx)
{
	unsigned int ifindex = if_nametoindex(tx->opt->ifname);
	int err;

	if (!ifindex)
		return complain("no interface %s in this network namespace: see ip link",
				tx->opt->ifname);
	err = netdev_open(&tx->nd);
	if (err)
		return complain("netlink family netdev: %s: use a kernel 6.16 or later with CONFIG_NET_DEVMEM",
				strerror(-err));
	err = netdev_bind_tx(&tx->nd, ifindex, tx->buf.fd, &tx->id);
	if (err) {
		explain_bind(tx, err);
		netdev_close(&tx->nd);
		return -1;
	}
	say("bound binding %u: %s for sending, %zu bytes of %s", tx->id, tx->opt->ifname,
	    tx->buf.size, tx->opt->memory);
	return 0;
}

/* Take what the kernel says it needs no more. Returns 0, also if that is nothing, or -1. */
static int reap(struct tx *tx)
{
	char control[256] __attribute__((aligned(__alignof__(struct cmsghdr))));
	struct msghdr msg = { .msg_control = control };
	const struct sock_extended_err *err;
	struct cmsghdr *cm;

	for (;;) {
		msg.msg_controllen = sizeof(control);
		if (recvmsg(tx->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return errno == EAGAIN ? 0 : complain("completions: %s", strerror(errno));
		for (cm = CMSG_FIRSTHDR(&msg); cm; cm = CMSG_NXTHDR(&msg, cm)) {
			err = (const struct sock_extended_err *)CMSG_DATA(cm);
			if (err->ee_origin == SO_EE_ORIGIN_ZEROCOPY)
				tx->done += err->ee_data - err->ee_info + 1;
		}
	}
}

/* Until the memory of the first @calls calls is free again. */
static int wait_done(struct tx *tx, uint32_t calls)
{
	struct pollfd pfd = { .fd = tx->fd };

	while ((int32_t)(tx->done - calls) < 0) {
		if (poll(&pfd, 1, -1) < 0)
			return complain("poll: %s", strerror(errno));
		if ((pfd.revents & POLLHUP) && !(pfd.revents & POLLERR))
			return complain("the receiver closed before it had everything");
		if (reap(tx))
			return -1;
	}
	return 0;
}

static int fill(struct tx *tx, size_t at, size_t len, unsigned long long offset)
{
	if (dmabuf_begin_write(&tx->buf))
		return -1;
	pattern_fill(tx->buf.map + at, len, offset, tx->opt->seed);
	return dmabuf_end_write(&tx->buf);
}

/* The address of an iovec is an offset in the dma-buf here. */
static int send_part(struct tx *tx, size_t at, size_t len)
{
	char control[CMSG_SPACE(sizeof(tx->id))]
		__attribute__((aligned(__alignof__(struct cmsghdr)))) = { 0 };
	struct iovec iov = { (void *)(uintptr_t)at, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
	ssize_t sent;

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_DEVMEM_DMABUF;
	cm->cmsg_len = CMSG_LEN(sizeof(tx->id));
	memcpy(CMSG_DATA(cm), &tx->id, sizeof(tx->id));
	while (iov.iov_len) {
		sent = sendmsg(tx->fd, &msg, MSG_ZEROCOPY | MSG_NOSIGNAL);
		if (sent < 0)
			return complain("sendmsg from device memory: %s", strerror(errno));
		tx->calls++;
		iov.iov_base += sent;
		iov.iov_len -= sent;
	}
	return 0;
}

static int send_stream(struct tx *tx)
{
	const unsigned long long bytes = tx->opt->bytes;
	const size_t half = tx->buf.size / 2;
	unsigned long long sent = 0;
	struct timespec start;
	uint32_t mark[2] = { 0 };
	unsigned int i;
	size_t len;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; !bytes || sent < bytes; i ^= 1) {
		len = bytes && bytes - sent < half ? bytes - sent : half;
		if (wait_done(tx, mark[i]) || fill(tx, i * half, len, sent) ||
		    send_part(tx, i * half, len))
			return -1;
		sent += len;
		mark[i] = tx->calls;
	}
	return wait_done(tx, tx->calls) ? -1 : sender_end(tx->opt, tx->fd, sent, &start);
}

static int connect_and_send(struct tx *tx)
{
	int one = 1, ret;

	tx->fd = net_connect(tx->opt->host, tx->opt->port);
	if (tx->fd < 0)
		return -1;
	if (setsockopt(tx->fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		ret = complain("SO_ZEROCOPY: %s", strerror(errno));
	else
		ret = send_stream(tx);
	close(tx->fd);
	return ret;
}

int run_tx(const struct options *opt)
{
	struct tx tx = { .opt = opt };
	int ret = -1;

	if (dmabuf_create(&tx.buf, opt->memory, opt->size))
		return -1;
	if (dmabuf_map(&tx.buf, PROT_READ | PROT_WRITE) || bind_memory(&tx))
		goto destroy;
	ret = connect_and_send(&tx);
	netdev_close(&tx.nd);
destroy:
	dmabuf_destroy(&tx.buf);
	return ret;
}
