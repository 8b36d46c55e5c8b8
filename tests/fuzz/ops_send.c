// SPDX-License-Identifier: GPL-2.0-or-later
/* Operations on connections that send into device memory. */
#include "fuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "bed.h"

static void fill_slot(struct worker *w, uint32_t slot, int fd)
{
	int old = atomic_exchange(&w->proc->sender[slot], fd);

	if (old >= 0)
		close(old);
}

static socklen_t address(struct sockaddr_storage *addr, bool ipv6, uint16_t port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in *in4 = (struct sockaddr_in *)addr;

	memset(addr, 0, sizeof(*addr));
	if (ipv6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		inet_pton(AF_INET6, BED_RX_ADDR6, &in6->sin6_addr);
		return sizeof(*in6);
	}
	in4->sin_family = AF_INET;
	in4->sin_port = htons(port);
	inet_pton(AF_INET, BED_RX_ADDR4, &in4->sin_addr);
	return sizeof(*in4);
}

static long open_connection(struct worker *w, uint32_t slot, uint32_t port, bool ipv6)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, ipv6, FIRST_PORT + port);
	int one = 1, fd;

	fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&addr, len) && errno != EINPROGRESS) {
		int err = errno;

		close(fd);
		return -err;
	}
	fill_slot(w, slot, fd);
	return 0;
}

static long op_connect(struct worker *w, const uint32_t *arg)
{
	return open_connection(w, arg[0], arg[1], arg[2]);
}

/* Into an empty slot comes a connection first. */
static long op_send(struct worker *w, const uint32_t *arg)
{
	int fd = w->proc->sender[arg[0]];

	if (fd < 0)
		return open_connection(w, arg[0], arg[0] % PORTS, arg[0] & 1);
	return result(send(fd, w->data[PLACE_GOOD], arg[1], arg[2]));
}

static long op_drain(struct worker *w, const uint32_t *arg)
{
	int fd = w->proc->sender[arg[0]];

	if (fd < 0)
		return SKIPPED;
	return result(recv(fd, w->control[PLACE_GOOD], CONTROL_SIZE, arg[1] | MSG_DONTWAIT));
}

static long op_sendopt(struct worker *w, const uint32_t *arg)
{
	static const struct {
		int level;
		int name;
	} opts[] = {
		{ IPPROTO_TCP, TCP_NODELAY }, { IPPROTO_TCP, TCP_CORK },
		{ IPPROTO_TCP, TCP_MAXSEG }, { IPPROTO_TCP, TCP_NOTSENT_LOWAT },
		{ SOL_SOCKET, SO_SNDBUF }, { SOL_SOCKET, SO_MARK },
		{ SOL_SOCKET, SO_PRIORITY }, { SOL_SOCKET, SO_MAX_PACING_RATE },
	};
	const unsigned int which = arg[1] % ARRAY_SIZE(opts);
	int fd = w->proc->sender[arg[0]], value = arg[2];

	if (fd < 0)
		return SKIPPED;
	return result(setsockopt(fd, opts[which].level, opts[which].name, &value, sizeof(value)));
}

static long op_shut_sender(struct worker *w, const uint32_t *arg)
{
	int fd = w->proc->sender[arg[0]];

	return fd < 0 ? SKIPPED : result(shutdown(fd, arg[1] % 4));
}

static long op_close_sender(struct worker *w, const uint32_t *arg)
{
	if (w->proc->sender[arg[0]] < 0)
		return SKIPPED;
	fill_slot(w, arg[0], -1);
	return 0;
}

/* The peer gets an RST. */
static long op_reset(struct worker *w, const uint32_t *arg)
{
	const struct linger now = { .l_onoff = 1 };
	int fd = w->proc->sender[arg[0]];

	if (fd < 0)
		return SKIPPED;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	fill_slot(w, arg[0], -1);
	return 0;
}

const op_func send_ops[OP_KINDS] = {
	[OP_CONNECT] = op_connect,
	[OP_SEND] = op_send,
	[OP_DRAIN] = op_drain,
	[OP_SENDOPT] = op_sendopt,
	[OP_SHUT_SENDER] = op_shut_sender,
	[OP_CLOSE_SENDER] = op_close_sender,
	[OP_RESET] = op_reset,
};
