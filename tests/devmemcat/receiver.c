// SPDX-License-Identifier: GPL-2.0-or-later
#include "conn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "report.h"
#include "signals.h"

#define MAX_CONNS 1024
#define STALL_MS 2000

struct receiver {
	const struct options *opt;
	struct binding binding;
	struct intake in;
	int listener;		/* -1 once all connections came */
	int signals;
	struct conn *conns[MAX_CONNS];
	bool ended[MAX_CONNS];	/* read to its end; open while it holds tokens */
	unsigned int accepted;
	unsigned int open;
	bool bound;
	bool interrupted;
	bool failed;
	bool mismatch;		/* some byte was not what the pattern says */
	unsigned long long bad_offset;	/* the first such one */
	bool stall_told;
	struct timespec start, end;
};

static void close_conn(struct receiver *r, unsigned int i)
{
	conn_free(r->conns[i]);
	r->conns[i] = NULL;
	r->open--;
	clock_gettime(CLOCK_MONOTONIC, &r->end);
}

static void judge(struct receiver *r, const struct conn *c)
{
	unsigned long long want = r->opt->bytes;

	if (c->bad) {
		if (!r->mismatch)
			r->bad_offset = c->bad_offset;
		r->mismatch = true;
		r->failed = true;
	} else if (want && c->offset != want) {
		complain("connection %u brought %llu bytes, not %llu", c->number,
			 c->offset, want);
		r->failed = true;
	}
}

static void end_conn(struct receiver *r, unsigned int i)
{
	struct conn *c = r->conns[i];

	judge(r, c);
	r->ended[i] = true;
	if (!c->num_kept) {
		close_conn(r, i);
		return;
	}
	if (r->opt->park && conn_park(c))
		r->failed = true;
	say("connection %u has ended, %zu of its tokens are held%s", c->number, c->num_kept,
	    c->parked ? " by a parked socket" : "");
}

static void read_conn(struct receiver *r, unsigned int i)
{
	r->stall_told = false;
	switch (conn_read(r->conns[i])) {
	case CONN_MORE:
		return;
	case CONN_EOF:
		end_conn(r, i);
		return;
	case CONN_ERROR:
		r->failed = true;
		close_conn(r, i);
		return;
	}
}

static void accept_conn(struct receiver *r)
{
	int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
	unsigned int i = r->accepted;
	char peer[128];

	if (fd < 0)
		return;
	r->conns[i] = conn_new(&r->in, fd, i + 1);
	if (!r->conns[i]) {
		close(fd);
		r->failed = true;
		return;
	}
	if (!r->accepted++)
		clock_gettime(CLOCK_MONOTONIC, &r->start);
	r->open++;
	say("connection %u from %s%s", i + 1, net_name(fd, true, peer, sizeof(peer)),
	    r->opt->no_read ? ", not reading it" : "");
	if (r->accepted == r->opt->accept || r->accepted == MAX_CONNS) {
		close(r->listener);
		r->listener = -1;
	}
}

static void release_held(struct receiver *r)
{
	unsigned long long held = r->in.held;
	unsigned int i;

	r->in.holding_over = true;
	for (i = 0; i < r->accepted; i++) {
		if (!r->conns[i])
			continue;
		if (conn_release(r->conns[i]))
			r->failed = true;
		if (r->ended[i])
			close_conn(r, i);
	}
	say("released %llu tokens", held - r->in.held);
}

/* The sockets live on with what they hold. */
static void unbind(struct receiver *r)
{
	if (r->bound)
		netdev_close(&r->binding.nd);
	r->bound = false;
}

static void handle_signal(struct receiver *r)
{
	switch (signals_read(r->signals)) {
	case SIGUSR1:
		release_held(r);
		break;
	case SIGUSR2:
		unbind(r);
		say("unbound binding %u", r->binding.id);
		break;
	case SIGINT:
	case SIGTERM:
		r->interrupted = true;
		break;
	}
}

static bool waits_for_data(const struct receiver *r)
{
	unsigned int i;

	for (i = 0; i < r->accepted; i++)
		if (r->conns[i] && !r->ended[i])
			return !r->opt->no_read;
	return false;
}

static void tell_stall(struct receiver *r)
{
	if (r->stall_told)
		return;
	r->stall_told = true;
	say("stalled: no data for %d s, holding %llu tokens (%llu bytes; the dma-buf has %zu)",
	    STALL_MS / 1000, r->in.held, r->in.held_bytes, r->binding.buf.size);
	say("if the queue is out of iovs, kill -USR1 %d gives the tokens back", getpid());
}

/* Wait for whatever comes first and handle it. */
static int step(struct receiver *r)
{
	struct pollfd fds[MAX_CONNS + 2];
	int timeout, ready;
	unsigned int i;

	fds[0] = (struct pollfd){ .fd = r->signals, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = r->listener, .events = POLLIN };
	for (i = 0; i < r->accepted; i++) {
		bool idle = !r->conns[i] || r->ended[i] || r->opt->no_read;

		fds[i + 2] = (struct pollfd){ .fd = idle ? -1 : r->conns[i]->batch.fd,
					      .events = POLLIN };
	}
	timeout = r->in.held && waits_for_data(r) ? STALL_MS : -1;
	ready = poll(fds, i + 2, timeout);
	if (ready < 0)
		return complain("poll: %s", strerror(errno));
	if (!ready) {
		tell_stall(r);
		return 0;
	}
	while (i--)
		if (fds[i + 2].revents)
			read_conn(r, i);
	if (fds[1].revents)
		accept_conn(r);
	if (fds[0].revents)
		handle_signal(r);
	return 0;
}

static void serve(struct receiver *r)
{
	char name[128];

	say("listening on %s", net_name(r->listener, false, name, sizeof(name)));
	while (!r->interrupted && (r->listener >= 0 || r->open))
		if (step(r)) {
			r->failed = true;
			break;
		}
}

/* What is left after an interruption. */
static void close_all(struct receiver *r)
{
	unsigned int i;

	for (i = 0; i < r->accepted; i++) {
		if (!r->conns[i])
			continue;
		if (!r->ended[i])
			judge(r, r->conns[i]);
		close_conn(r, i);
	}
	if (r->listener >= 0)
		close(r->listener);
}

static void blame_host_memory(struct receiver *r)
{
	const struct options *opt = r->opt;

	if (!r->in.host)
		return;
	complain("%llu bytes came in host memory: steer the flow to a bound queue, for instance",
		 r->in.host);
	complain("  ethtool -N %s flow-type tcp4 dst-port %s action %u", opt->ifname, opt->port,
		 opt->queues[0]);
	complain("and see that header split is on: ethtool -g %s", opt->ifname);
	r->failed = true;
}

static void summarize(struct receiver *r)
{
	struct report rep = {
		.opt = r->opt,
		.in = &r->in,
		.memory = r->binding.buf.size,
		.connections = r->accepted,
	};

	if (r->accepted)
		rep.seconds = r->end.tv_sec - r->start.tv_sec +
			      (r->end.tv_nsec - r->start.tv_nsec) / 1e9;
	rep.mismatch = r->mismatch;
	rep.bad_offset = r->bad_offset;
	report_print(&rep);
}

static int open_output(const struct options *opt)
{
	int fd;

	if (!opt->output)
		return -1;
	if (!strcmp(opt->output, "-"))
		return STDOUT_FILENO;
	fd = open(opt->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return fd < 0 ? complain("%s: %s", opt->output, strerror(errno)) : fd;
}

static int listen_and_serve(struct receiver *r)
{
	if (dmabuf_map(&r->binding.buf, PROT_READ))
		return -1;
	r->listener = net_listen(r->opt->host, r->opt->port);
	if (r->listener < 0)
		return -1;
	serve(r);
	close_all(r);
	blame_host_memory(r);
	summarize(r);
	return r->failed ? -1 : 0;
}

int run_receiver(const struct options *opt)
{
	struct receiver *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return complain("out of memory");
	r->opt = opt;
	r->in.opt = opt;
	r->in.binding = &r->binding;
	r->in.out = open_output(opt);
	r->signals = signals_open();
	if ((opt->output && r->in.out < 0) || r->signals < 0 || binding_open(&r->binding, opt)) {
		free(r);
		return -1;
	}
	r->bound = true;
	ret = listen_and_serve(r);
	unbind(r);
	dmabuf_destroy(&r->binding.buf);
	free(r);
	return ret;
}

/* Bind and unbind as often as asked; without a number, once, until interrupted. */
int run_bind_only(const struct options *opt)
{
	int signals = signals_open();
	struct binding b;
	unsigned long long i;

	if (signals < 0)
		return -1;
	for (i = 0; i < opt->count; i++) {
		if (binding_open(&b, opt))
			return complain("bind %llu of %llu failed", i + 1,
					opt->count);
		binding_close(&b);
	}
	if (opt->count)
		return 0;
	if (binding_open(&b, opt))
		return -1;
	do {
		i = signals_read(signals);
	} while (i != SIGINT && i != SIGTERM);
	binding_close(&b);
	return 0;
}
