// SPDX-License-Identifier: GPL-2.0-or-later
#include "rxconn.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define ADDRESS "10.0.0.1"
#define SENDER_NAMESPACE "/run/netns/tx"

void rx_bind_queues(struct binding *binding, unsigned int num, size_t size)
{
	struct options opt = {
		.ifname = RX_IFNAME,
		.num_queues = num,
		.memory = "udmabuf",
		.size = size,
		.count = 1,
	};
	unsigned int i;

	for (i = 0; i < num; i++)
		opt.queues[i] = i + 1;
	if (binding_open(binding, &opt))
		exit(EXIT_FAILURE);
}

static int tcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), size = 4 << 20;

	if (fd < 0)
		err(EXIT_FAILURE, "socket");
	/* Never full, so never in the way. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		err(EXIT_FAILURE, "socket buffers");
	return fd;
}

static int sender_socket(void)
{
	int home, there, fd;

	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	there = open(SENDER_NAMESPACE, O_RDONLY | O_CLOEXEC);
	if (home < 0 || there < 0 || setns(there, CLONE_NEWNET))
		err(EXIT_FAILURE, SENDER_NAMESPACE);
	fd = tcp_socket();
	if (setns(home, CLONE_NEWNET))
		err(EXIT_FAILURE, "/proc/self/ns/net");
	close(home);
	close(there);
	return fd;
}

int rx_listen(int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int listener = tcp_socket();

	inet_pton(AF_INET, ADDRESS, &addr.sin_addr);
	if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) || listen(listener, 1))
		err(EXIT_FAILURE, "port %d", port);
	return listener;
}

void rx_connect(int listener, int *sender, int *receiver)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	int one = 1;

	if (getsockname(listener, (struct sockaddr *)&addr, &len))
		err(EXIT_FAILURE, "getsockname");
	*sender = sender_socket();
	if (setsockopt(*sender, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		err(EXIT_FAILURE, "TCP_NODELAY");
	if (connect(*sender, (struct sockaddr *)&addr, sizeof(addr)))
		err(EXIT_FAILURE, "connect");
	*receiver = accept(listener, NULL, NULL);
	if (*receiver < 0)
		err(EXIT_FAILURE, "accept");
}

void rx_take_tokens(struct token_batch *batch, struct msghdr *msg)
{
	const struct dmabuf_cmsg *frag;
	struct cmsghdr *cm;

	for (cm = CMSG_FIRSTHDR(msg); cm; cm = CMSG_NXTHDR(msg, cm)) {
		if (cm->cmsg_type != SCM_DEVMEM_DMABUF)
			errx(EXIT_FAILURE, "payload that is not in device memory");
		frag = (const struct dmabuf_cmsg *)CMSG_DATA(cm);
		if (tokens_add(batch, frag->frag_token))
			exit(EXIT_FAILURE);
	}
}
