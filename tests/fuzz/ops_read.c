// SPDX-License-Identifier: GPL-2.0-or-later
/* Operations on connections that receive. */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bed.h"

#ifndef TCP_INQ
#define TCP_INQ 36
#endif

/* Whoever hangs in a child is seen at the end of the round; this ends a child that loops. */
#define CHILD_SECONDS 60
#define MAX_RANGES (DONTNEED_MAX_RANGES + 1)

/* A receive that polls does so for as long as root asked for, and no signal ends it. */
#define BUSY_POLL_MAX_US 1000

/* No token of what was in the slot before. */
static void forget_tokens(struct tokens *tokens)
{
	if (atomic_flag_test_and_set(&tokens->busy))
		return;
	tokens->num = 0;
	atomic_flag_clear(&tokens->busy);
}

/* Put @fd, or -1, into a slot; what was there is closed. */
static void fill_slot(struct worker *w, uint32_t slot, int fd)
{
	int old = atomic_exchange(&w->proc->conn[slot], fd);

	forget_tokens(&w->proc->tokens[slot]);
	if (old >= 0)
		close(old);
}

static void keep_tokens(struct tokens *tokens, struct msghdr *msg)
{
	struct dmabuf_cmsg frag;
	struct cmsghdr *cm;

	if (atomic_flag_test_and_set(&tokens->busy))
		return;
	for (cm = CMSG_FIRSTHDR(msg); cm && tokens->num < TOKENS; cm = CMSG_NXTHDR(msg, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_DEVMEM_DMABUF)
			continue;
		memcpy(&frag, CMSG_DATA(cm), sizeof(frag));
		tokens->token[tokens->num++] = frag.frag_token;
	}
	atomic_flag_clear(&tokens->busy);
}

/* Take up to @num of the tokens, the last ones, as ranges of one; returns how many. */
static unsigned int take_tokens(struct tokens *tokens, unsigned int num,
				struct dmabuf_token *ranges)
{
	unsigned int i;

	if (atomic_flag_test_and_set(&tokens->busy))
		return 0;
	for (i = 0; i < num && tokens->num; i++)
		ranges[i] = (struct dmabuf_token){ tokens->token[--tokens->num], 1 };
	atomic_flag_clear(&tokens->busy);
	return i;
}

static long dontneed(int fd, const void *tokens, socklen_t len)
{
	return result(setsockopt(fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, tokens, len));
}

static int take_connection(struct worker *w, uint32_t slot, uint32_t port)
{
	int fd = accept4(w->bed->listener[port], NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	fill_slot(w, slot, fd);
	return fd;
}

static long op_accept(struct worker *w, const uint32_t *arg)
{
	int fd = take_connection(w, arg[0], arg[1]);

	if (fd < 0)
		return fd == -EAGAIN ? SKIPPED : fd;
	return 0;
}

/* The connection in a slot; if there is none, one that waits to be accepted, or less than 0. */
static int conn_at(struct worker *w, uint32_t slot)
{
	int fd = w->proc->conn[slot];

	return fd < 0 ? take_connection(w, slot, slot % PORTS) : fd;
}

static long op_recv(struct worker *w, const uint32_t *arg)
{
	struct iovec iov = {
		.iov_base = worker_place(w->data, DATA_SIZE, arg[4], arg[1]),
		.iov_len = arg[1],
	};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = worker_place(w->control, CONTROL_SIZE, arg[5], arg[2]),
		.msg_controllen = arg[2],
	};
	int fd = conn_at(w, arg[0]);
	long ret;

	if (fd < 0)
		return SKIPPED;
	ret = result(recvmsg(fd, &msg, arg[3]));
	if (ret >= 0 && arg[5] == PLACE_GOOD)
		keep_tokens(&w->proc->tokens[arg[0]], &msg);
	return ret;
}

static long op_recvmmsg(struct worker *w, const uint32_t *arg)
{
	const unsigned int num = arg[1] < 4 ? arg[1] : 4;
	const size_t control = CONTROL_SIZE / 4, data = DATA_SIZE / 4;
	struct mmsghdr msgs[4] = { 0 };
	int fd = conn_at(w, arg[0]);
	struct iovec iov[4];
	unsigned int i;
	long ret;

	if (fd < 0)
		return SKIPPED;
	for (i = 0; i < num; i++) {
		iov[i].iov_base = w->data[PLACE_GOOD] + i * data;
		iov[i].iov_len = data;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
		msgs[i].msg_hdr.msg_control = w->control[PLACE_GOOD] + i * control;
		msgs[i].msg_hdr.msg_controllen = arg[2] < control ? arg[2] : control;
	}
	ret = result(recvmmsg(fd, msgs, num, arg[3], NULL));
	for (i = 0; (long)i < ret; i++)
		keep_tokens(&w->proc->tokens[arg[0]], &msgs[i].msg_hdr);
	return ret;
}

static long op_give(struct worker *w, const uint32_t *arg)
{
	struct dmabuf_token ranges[TOKENS];
	int fd = conn_at(w, arg[0]);
	unsigned int num;

	if (fd < 0)
		return SKIPPED;
	num = take_tokens(&w->proc->tokens[arg[0]],
			  arg[1] < DONTNEED_MAX_RANGES ? arg[1] : DONTNEED_MAX_RANGES, ranges);
	if (!num)
		return SKIPPED;
	return dontneed(fd, ranges, num * sizeof(ranges[0]));
}

static long op_give_twice(struct worker *w, const uint32_t *arg)
{
	struct dmabuf_token ranges[DONTNEED_MAX_RANGES];
	const unsigned int most = DONTNEED_MAX_RANGES / 2;
	int fd = conn_at(w, arg[0]);
	unsigned int num;
	long ret;

	if (fd < 0)
		return SKIPPED;
	num = take_tokens(&w->proc->tokens[arg[0]], arg[1] < most ? arg[1] : most, ranges);
	if (!num)
		return SKIPPED;
	if (arg[2]) {
		memcpy(ranges + num, ranges, num * sizeof(ranges[0]));
		return dontneed(fd, ranges, 2 * num * sizeof(ranges[0]));
	}
	ret = dontneed(fd, ranges, num * sizeof(ranges[0]));
	return ret < 0 ? ret : dontneed(fd, ranges, num * sizeof(ranges[0]));
}

static long op_guess(struct worker *w, const uint32_t *arg)
{
	struct dmabuf_token ranges[MAX_RANGES];
	int fd = conn_at(w, arg[0]);
	unsigned int i;

	if (fd < 0)
		return SKIPPED;
	for (i = 0; i < arg[3]; i++)
		ranges[i] = (struct dmabuf_token){ arg[1] + i * arg[4], arg[2] };
	return dontneed(fd, ranges, arg[3] * sizeof(ranges[0]));
}

static long op_give_odd(struct worker *w, const uint32_t *arg)
{
	struct dmabuf_token *at = worker_place(w->data, DATA_SIZE, arg[2], arg[1] & 4095);
	int fd = conn_at(w, arg[0]);

	if (fd < 0)
		return SKIPPED;
	if (arg[2] == PLACE_GOOD)
		*at = (struct dmabuf_token){ arg[3], 1 };
	return dontneed(fd, at, arg[1]);
}

static long splice_out(int fd, size_t len)
{
	int pipes[2];
	long ret;

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	ret = result(splice(fd, NULL, pipes[1], NULL, len, SPLICE_F_NONBLOCK));
	close(pipes[0]);
	close(pipes[1]);
	return ret;
}

static long zerocopy(struct worker *w, int fd, size_t len)
{
	struct tcp_zerocopy_receive zc = {
		.length = 4 * 4096,
		.copybuf_address = (uintptr_t)w->data[PLACE_GOOD],
		.copybuf_len = len,
	};
	socklen_t size = sizeof(zc);
	void *map = mmap(NULL, zc.length, PROT_READ, MAP_SHARED, fd, 0);
	long ret;

	if (map == MAP_FAILED)
		return -errno;
	zc.address = (uintptr_t)map;
	ret = result(getsockopt(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &zc, &size));
	munmap(map, 4 * 4096);
	return ret;
}

/* Read the receive queue as a checkpoint of the process would. */
static long repair(struct worker *w, int fd, size_t len)
{
	int on = 1, off = -1, queue = TCP_RECV_QUEUE;
	long ret;

	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)))
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue));
	ret = result(recv(fd, w->data[PLACE_GOOD], len, MSG_PEEK | MSG_DONTWAIT));
	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off));
	return ret;
}

/* As if it were an ordinary socket. */
static long op_read(struct worker *w, const uint32_t *arg)
{
	struct iovec iov[2] = {
		{ w->data[PLACE_GOOD], arg[2] / 2 },
		{ w->data[PLACE_GOOD] + DATA_SIZE / 2, arg[2] / 2 },
	};
	int fd = conn_at(w, arg[0]);

	if (fd < 0)
		return SKIPPED;
	switch (arg[1] % 8) {
	case 0:
		return result(read(fd, w->data[PLACE_GOOD], arg[2]));
	case 1:
		return result(readv(fd, iov, 2));
	case 2:
		return result(recv(fd, w->data[PLACE_GOOD], arg[2], MSG_DONTWAIT));
	case 3:
		return splice_out(fd, arg[2]);
	case 4:
		return zerocopy(w, fd, arg[2]);
	case 5:
		return result(recv(fd, w->data[PLACE_GOOD], arg[2], MSG_PEEK | MSG_DONTWAIT));
	case 6:
		return result(recv(fd, NULL, arg[2], MSG_TRUNC | MSG_DONTWAIT));
	default:
		return repair(w, fd, arg[2]);
	}
}

static long op_sockopt(struct worker *w, const uint32_t *arg)
{
	static const struct {
		int level;
		int name;
	} opts[] = {
		{ SOL_SOCKET, SO_RCVBUF }, { SOL_SOCKET, SO_RCVLOWAT },
		{ SOL_SOCKET, SO_PEEK_OFF }, { SOL_SOCKET, SO_BUSY_POLL },
		{ SOL_SOCKET, SO_TIMESTAMPING }, { SOL_SOCKET, SO_INCOMING_CPU },
		{ SOL_SOCKET, SO_PRIORITY }, { SOL_SOCKET, SO_MARK },
		{ SOL_SOCKET, SO_KEEPALIVE }, { SOL_SOCKET, SO_OOBINLINE },
		{ IPPROTO_TCP, TCP_INQ }, { IPPROTO_TCP, TCP_QUICKACK },
		{ IPPROTO_TCP, TCP_NODELAY }, { IPPROTO_TCP, TCP_WINDOW_CLAMP },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT }, { IPPROTO_TCP, TCP_MAXSEG },
	};
	const unsigned int which = arg[1] % ARRAY_SIZE(opts);
	int fd = conn_at(w, arg[0]), value = arg[2];

	if (fd < 0)
		return SKIPPED;
	if (opts[which].level == SOL_SOCKET && opts[which].name == SO_BUSY_POLL &&
	    value > BUSY_POLL_MAX_US)
		value = BUSY_POLL_MAX_US;
	return result(setsockopt(fd, opts[which].level, opts[which].name, &value, sizeof(value)));
}

static long op_query(struct worker *w, const uint32_t *arg)
{
	static const int opts[] = {
		SO_MEMINFO, SO_COOKIE, SO_INCOMING_NAPI_ID, SO_ERROR, SO_RCVBUF,
		SO_DEVMEM_DONTNEED,
	};
	const unsigned int num = ARRAY_SIZE(opts);
	struct pollfd poll_fd = { .fd = conn_at(w, arg[0]), .events = POLLIN };
	char value[256];
	socklen_t len = sizeof(value);
	int queued;

	if (poll_fd.fd < 0)
		return SKIPPED;
	if (arg[1] < num)
		return result(getsockopt(poll_fd.fd, SOL_SOCKET, opts[arg[1]], value, &len));
	switch (arg[1] % 4) {
	case 0:
		return result(getsockopt(poll_fd.fd, IPPROTO_TCP, TCP_INFO, value, &len));
	case 1:
		return result(ioctl(poll_fd.fd, SIOCINQ, &queued));
	case 2:
		return result(ioctl(poll_fd.fd, SIOCATMARK, &queued));
	default:
		return result(poll(&poll_fd, 1, 1));
	}
}

static long op_reply(struct worker *w, const uint32_t *arg)
{
	int fd = conn_at(w, arg[0]);

	if (fd < 0)
		return SKIPPED;
	return result(send(fd, w->data[PLACE_GOOD], arg[1], arg[2]));
}

static long op_shutdown(struct worker *w, const uint32_t *arg)
{
	int fd = conn_at(w, arg[0]);

	return fd < 0 ? SKIPPED : result(shutdown(fd, arg[1] % 4));
}

static long op_disconnect(struct worker *w, const uint32_t *arg)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	int fd = conn_at(w, arg[0]);

	return fd < 0 ? SKIPPED : result(connect(fd, &nobody, sizeof(nobody)));
}

static long op_close(struct worker *w, const uint32_t *arg)
{
	if (w->proc->conn[arg[0]] < 0)
		return SKIPPED;
	fill_slot(w, arg[0], -1);
	return 0;
}

static long op_dup(struct worker *w, const uint32_t *arg)
{
	int from = w->proc->conn[arg[0]], fd;

	if (from < 0 || arg[0] == arg[1])
		return SKIPPED;
	fd = fcntl(from, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	fill_slot(w, arg[1], fd);
	return 0;
}

static long op_fcntl(struct worker *w, const uint32_t *arg)
{
	int fd = conn_at(w, arg[0]);

	if (fd < 0)
		return SKIPPED;
	switch (arg[1] % 6) {
	case 0:
		return result(fcntl(fd, F_SETFL, arg[2] & (O_NONBLOCK | O_ASYNC)));
	case 1:
		return result(fcntl(fd, F_SETOWN, arg[2] % 2 ? getpid() : 0));
	case 2:
		/* Its default is to be ignored, unlike that of most others */
		return result(fcntl(fd, F_SETSIG, arg[2] % 2 ? SIGURG : 0));
	case 3:
		return result(fcntl(fd, F_SETFD, arg[2]));
	case 4:
		return result(fcntl(fd, F_SETLEASE, arg[2] % 3));
	default:
		return result(fcntl(fd, F_GETFL));
	}
}

/* Give another process a descriptor of it, whichever process takes it. */
static long op_pass(struct worker *w, const uint32_t *arg)
{
	int fd = conn_at(w, arg[0]);

	return fd < 0 ? SKIPPED : worker_pass(w, fd);
}

static long op_take(struct worker *w, const uint32_t *arg)
{
	char room[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room),
	};
	struct cmsghdr *cm;
	int fd;

	if (recvmsg(w->bed->mail[1], &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return errno == EAGAIN ? SKIPPED : -errno;
	cm = CMSG_FIRSTHDR(&msg);
	if (!cm || cm->cmsg_type != SCM_RIGHTS)
		return SKIPPED;
	memcpy(&fd, CMSG_DATA(cm), sizeof(fd));
	/* It may be a netlink socket */
	bed_limit_patience(fd, BED_READ_MS);
	fill_slot(w, arg[0], fd);
	return 0;
}

/* A child that has all sockets open as well, reads a little and ends. */
static long op_fork(struct worker *w, const uint32_t *arg)
{
	struct op op;
	uint32_t i;
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid)
		return waitpid(pid, &status, 0) == pid ? 0 : -errno;
	alarm(CHILD_SECONDS);
	gen_init(&w->gen, arg[1], 0, w->id);
	for (i = 0; i < arg[0]; i++) {
		gen_next(&w->gen, ROLE_READER, &op);
		if (op.kind != OP_FORK && !w->settings->without[op.kind])
			read_ops[op.kind](w, op.arg);
	}
	_exit(0);
}

static long op_migrate(struct worker *w, const uint32_t *arg)
{
	cpu_set_t set;

	(void)w;
	CPU_ZERO(&set);
	if (arg[0] < 2)
		CPU_SET(arg[0], &set);
	else
		memset(&set, 0xff, sizeof(set));
	return result(sched_setaffinity(0, sizeof(set), &set));
}

const op_func read_ops[OP_KINDS] = {
	[OP_ACCEPT] = op_accept,
	[OP_RECV] = op_recv,
	[OP_RECVMMSG] = op_recvmmsg,
	[OP_GIVE] = op_give,
	[OP_GIVE_TWICE] = op_give_twice,
	[OP_GUESS] = op_guess,
	[OP_GIVE_ODD] = op_give_odd,
	[OP_READ] = op_read,
	[OP_SOCKOPT] = op_sockopt,
	[OP_QUERY] = op_query,
	[OP_REPLY] = op_reply,
	[OP_SHUTDOWN] = op_shutdown,
	[OP_DISCONNECT] = op_disconnect,
	[OP_CLOSE] = op_close,
	[OP_DUP] = op_dup,
	[OP_FCNTL] = op_fcntl,
	[OP_PASS] = op_pass,
	[OP_TAKE] = op_take,
	[OP_FORK] = op_fork,
	[OP_MIGRATE] = op_migrate,
};
