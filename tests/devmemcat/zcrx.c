// SPDX-License-Identifier: GPL-2.0-or-later
/* A receiver by io_uring: one connection after the other or at once, all in one ring. */
#include "conn.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "report.h"
#include "signals.h"
#include "zring.h"

#define MAX_CONNS 1024

struct zcrx {
	const struct options *opt;
	struct zring ring;
	struct intake in;
	int listener;		/* -1 once all connections came */
	int signals;
	struct conn *conns[MAX_CONNS];
	unsigned int accepted;
	unsigned int open;
	struct zring_buf *kept;
	size_t room;
	bool told;		/* that it holds what it was asked to */
	bool interrupted;
	struct report rep;
	struct timespec start;
};

static int accept_conn(struct zcrx *z)
{
	int fd = accept4(z->listener, NULL, NULL, SOCK_CLOEXEC);
	unsigned int i = z->accepted;
	char peer[128];

	if (fd < 0)
		return 0;
	z->conns[i] = conn_new(&z->in, fd, i + 1);
	if (!z->conns[i]) {
		close(fd);
		return -1;
	}
	if (!z->accepted++)
		clock_gettime(CLOCK_MONOTONIC, &z->start);
	z->open++;
	say("connection %u from %s%s", i + 1, net_name(fd, true, peer, sizeof(peer)),
	    z->opt->no_read ? ", not reading it" : "");
	if (z->accepted == z->opt->accept || z->accepted == MAX_CONNS) {
		close(z->listener);
		z->listener = -1;
	}
	return z->opt->no_read ? 0 : zring_receive(&z->ring, fd, i);
}

static int end_conn(struct zcrx *z, unsigned int i)
{
	struct conn *c = z->conns[i];
	int ret = c->bad ? -1 : 0;

	if (c->bad && !z->rep.mismatch) {
		z->rep.mismatch = true;
		z->rep.bad_offset = c->bad_offset;
	} else if (!c->bad && z->opt->bytes && c->offset != z->opt->bytes) {
		ret = complain("connection %u brought %llu bytes, not %llu", c->number, c->offset,
			       z->opt->bytes);
	}
	conn_free(c);
	z->conns[i] = NULL;
	z->open--;
	z->rep.seconds = seconds_since(&z->start);
	return ret;
}

static int keep(struct zcrx *z, struct zring_buf buf)
{
	struct zring_buf *kept;

	if (z->in.held == z->room) {
		z->room = z->room ? 2 * z->room : 1024;
		kept = reallocarray(z->kept, z->room, sizeof(*kept));
		if (!kept)
			return complain("out of memory");
		z->kept = kept;
	}
	z->kept[z->in.held++] = buf;
	z->in.held_bytes += buf.len;
	return 0;
}

/* Give back all but what is to be held; what finds no room now does so at the next step. */
static void give_back(struct zcrx *z)
{
	const unsigned long long hold = z->in.holding_over ? 0 : z->opt->hold;

	while (z->in.held > hold && zring_give(&z->ring, &z->kept[z->in.held - 1])) {
		z->in.held_bytes -= z->kept[--z->in.held].len;
		z->in.returned++;
	}
	if (hold && z->in.held >= hold && !z->told) {
		z->told = true;
		say("holding %llu buffers, %llu bytes", z->in.held, z->in.held_bytes);
	}
}

static int take(struct zcrx *z, struct conn *c, const struct io_uring_cqe *cqe)
{
	const struct zring_buf buf = zring_buf(&z->ring, cqe);
	const size_t at = buf.offset - z->ring.area_token;

	if (at > z->ring.size || buf.len > z->ring.size - at)
		return complain("connection %u: %u bytes at %zu are not in the area's %zu bytes",
				c->number, buf.len, at, z->ring.size);
	if (z->opt->verbose)
		say("connection %u: %u bytes at %zu", c->number, buf.len, at);
	if (!z->opt->discard)
		conn_verify(c, z->ring.area + at, buf.len, c->offset, "the ring's area");
	c->offset += buf.len;
	z->in.frags++;
	z->in.devmem += buf.len;
	return keep(z, buf);
}

static int complete(struct zcrx *z, const struct io_uring_cqe *cqe)
{
	struct conn *c = z->conns[cqe->user_data];

	if (cqe->res > 0 && take(z, c, cqe))
		return -1;
	if (cqe->flags & IORING_CQE_F_MORE)
		return 0;
	if (cqe->res == 0)
		return end_conn(z, cqe->user_data);
	/* The kernel ended a receive that is not over: no room for completions, or for data. */
	if (cqe->res > 0 || cqe->res == -ENOMEM || cqe->res == -ENOBUFS || cqe->res == -EAGAIN)
		return zring_receive(&z->ring, c->batch.fd, cqe->user_data);
	complain("connection %u: %s", c->number, strerror(-cqe->res));
	end_conn(z, cqe->user_data);
	return -1;
}

static int read_ring(struct zcrx *z)
{
	struct io_uring_cqe *cqe;
	int ret = 0;

	io_uring_get_events(&z->ring.ring);
	while (!ret && !io_uring_peek_cqe(&z->ring.ring, &cqe)) {
		ret = complete(z, cqe);
		io_uring_cqe_seen(&z->ring.ring, cqe);
	}
	return ret;
}

static void handle_signal(struct zcrx *z)
{
	const unsigned long long held = z->in.held;

	switch (signals_read(z->signals)) {
	case SIGUSR1:
		z->in.holding_over = true;
		give_back(z);
		say("released %llu buffers", held - z->in.held);
		break;
	case SIGINT:
	case SIGTERM:
		z->interrupted = true;
		break;
	}
}

static int step(struct zcrx *z)
{
	struct pollfd fds[] = {
		{ .fd = z->signals, .events = POLLIN },
		{ .fd = z->listener, .events = POLLIN },
		{ .fd = z->ring.ring.ring_fd, .events = POLLIN },
	};

	if (poll(fds, 3, -1) < 0)
		return complain("poll: %s", strerror(errno));
	if (fds[1].revents && accept_conn(z))
		return -1;
	if (fds[2].revents && read_ring(z))
		return -1;
	give_back(z);
	if (fds[0].revents)
		handle_signal(z);
	return 0;
}

/* Buffers that are held keep the ring open after the last connection. */
static bool goes_on(const struct zcrx *z)
{
	return !z->interrupted && (z->listener >= 0 || z->open || z->in.held);
}

static int serve(struct zcrx *z)
{
	char name[128];
	unsigned int i;
	int ret = 0;

	say("listening on %s", net_name(z->listener, false, name, sizeof(name)));
	while (!ret && goes_on(z))
		ret = step(z);
	for (i = 0; i < z->accepted; i++)
		if (z->conns[i] && end_conn(z, i))
			ret = -1;
	if (z->listener >= 0)
		close(z->listener);
	return ret;
}

static int run(struct zcrx *z)
{
	int ret;

	if (zring_open(&z->ring, z->opt))
		return -1;
	say("took %s queue %u for io_uring: an area of %zu bytes", z->opt->ifname,
	    z->opt->queues[0], z->ring.size);
	z->listener = net_listen(z->opt->host, z->opt->port);
	ret = z->listener < 0 ? -1 : serve(z);
	zring_close(&z->ring);
	if (z->listener < 0 && !z->accepted)
		return ret;
	z->rep.connections = z->accepted;
	z->rep.memory = z->ring.size;
	report_print(&z->rep);
	return ret;
}

int run_zcrx(const struct options *opt)
{
	struct zcrx *z = calloc(1, sizeof(*z));
	int ret;

	if (!z)
		return complain("out of memory");
	z->opt = opt;
	z->in.opt = opt;
	z->in.out = -1;
	z->rep.opt = opt;
	z->rep.in = &z->in;
	z->signals = signals_open();
	ret = z->signals < 0 ? -1 : run(z);
	free(z->kept);
	free(z);
	return ret;
}
