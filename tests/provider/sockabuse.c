// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sockabuse IFACE QUEUE PORT: receive one connection into device memory and use
 * its socket in ways that no sane reader does.
 *
 * Prints one line for each, "NAME RESULT", where RESULT is a number or an errno.
 * The sender must send 64 KiB or more.
 */
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binding.h"
#include "devmemcat.h"

#define ONE_CMSG CMSG_SPACE(sizeof(struct dmabuf_cmsg))
#define MAX_FRAGS 16
#define NO_TOKEN 0x10000000

/* Far more than the limit: whoever loops over it all does not come back soon. */
#define HUGE_COUNT 0xffffffff

static int conn;

/* What one recvmsg() gave. */
struct got {
	long ret;
	unsigned int num;
	struct dmabuf_cmsg frag[MAX_FRAGS];
};

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

static void collect(struct got *got, struct msghdr *msg)
{
	struct cmsghdr *cm;

	for (cm = CMSG_FIRSTHDR(msg); cm && got->num < MAX_FRAGS; cm = CMSG_NXTHDR(msg, cm))
		if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_DEVMEM_DMABUF)
			memcpy(&got->frag[got->num++], CMSG_DATA(cm), sizeof(got->frag[0]));
}

/* Wait for data, then read up to @len with room for @control bytes of messages. */
static struct got receive(size_t len, size_t control, int flags)
{
	static char data[65536], room[ONE_CMSG * MAX_FRAGS];
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = control,
	};
	struct pollfd wait = { .fd = conn, .events = POLLIN };
	struct got got = { 0 };

	poll(&wait, 1, -1);
	got.ret = result(recvmsg(conn, &msg, flags | MSG_DONTWAIT));
	if (got.ret >= 0)
		collect(&got, &msg);
	return got;
}

static struct got receive_frags(unsigned int frags, int flags)
{
	return receive(65536, frags * ONE_CMSG, flags | MSG_SOCK_DEVMEM);
}

static long dontneed(int fd, const void *tokens, socklen_t len)
{
	return result(setsockopt(fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, tokens, len));
}

static long give_back(int fd, uint32_t start, uint32_t count)
{
	struct dmabuf_token token = { .token_start = start, .token_count = count };

	return dontneed(fd, &token, sizeof(token));
}

/* Reads that must not work, and must not lose data either. */

static long plain_read(void)
{
	return receive(4096, 0, 0).ret;
}

static long no_control(void)
{
	return receive(4096, 0, MSG_SOCK_DEVMEM).ret;
}

static long short_control(void)
{
	return receive(4096, CMSG_LEN(sizeof(struct dmabuf_cmsg)) - 1, MSG_SOCK_DEVMEM).ret;
}

static long splice_out(void)
{
	int pipes[2];
	long ret;

	if (pipe(pipes))
		return -errno;
	ret = result(splice(conn, NULL, pipes[1], NULL, 4096, SPLICE_F_NONBLOCK));
	close(pipes[0]);
	close(pipes[1]);
	return ret;
}

/* Room for one message gives one frag, whole: 0 if so. */
static long one_control(void)
{
	struct got got = receive_frags(1, 0);

	if (got.num != 1 || got.ret != got.frag[0].frag_size)
		return got.ret < 0 ? got.ret : 1;
	return give_back(conn, got.frag[0].frag_token, 1) - 1;
}

/* Discarding needs no tokens and makes none. */
static long discard(void)
{
	struct got got = receive(100, ONE_CMSG, MSG_SOCK_DEVMEM | MSG_TRUNC);

	return got.num ? -EINVAL : got.ret;
}

/* Each peek is a token of its own on the same memory; returns how many came back. */
static long peek_twice(void)
{
	struct got a = receive_frags(1, MSG_PEEK), b = receive_frags(1, MSG_PEEK);
	struct got c = receive_frags(1, 0);

	if (a.num + b.num + c.num != 3 || a.frag[0].frag_offset != b.frag[0].frag_offset ||
	    b.frag[0].frag_offset != c.frag[0].frag_offset)
		return -EINVAL;
	return give_back(conn, a.frag[0].frag_token, 1) +
	       give_back(conn, b.frag[0].frag_token, 1) +
	       give_back(conn, c.frag[0].frag_token, 1);
}

/* Tokens that are none. */

static long unknown_token(void)
{
	return give_back(conn, NO_TOKEN, 1);
}

static long no_count(void)
{
	return give_back(conn, 0, 0);
}

static long huge_count(void)
{
	return give_back(conn, NO_TOKEN, HUGE_COUNT);
}

static long wrapping_range(void)
{
	return give_back(conn, 0xfffffffe, 16);
}

static long many_huge_counts(void)
{
	struct dmabuf_token tokens[128];
	unsigned int i;

	for (i = 0; i < 128; i++)
		tokens[i] = (struct dmabuf_token){ NO_TOKEN, HUGE_COUNT };
	return dontneed(conn, tokens, sizeof(tokens));
}

static long twice_in_one_call(void)
{
	struct got got = receive_frags(1, 0);
	struct dmabuf_token tokens[2] = {
		{ got.frag[0].frag_token, 1 },
		{ got.frag[0].frag_token, 1 },
	};

	return got.num == 1 ? dontneed(conn, tokens, sizeof(tokens)) : -EINVAL;
}

/* The limit stops the loop, after what lies before it: 0 if all of it came back. */
static long held_in_huge_range(void)
{
	struct got got = receive_frags(8, 0);
	uint32_t first = HUGE_COUNT;
	unsigned int i;

	for (i = 0; i < got.num; i++)
		if (got.frag[i].frag_token < first)
			first = got.frag[i].frag_token;
	return got.num ? give_back(conn, first, HUGE_COUNT) - (long)got.num : -EINVAL;
}

/* Another socket has no say over our tokens: it frees none, we free one. */
static long other_socket(void)
{
	struct got got = receive_frags(1, 0);
	int other = socket(AF_INET, SOCK_STREAM, 0);
	long stolen;

	if (got.num != 1)
		return -EINVAL;
	stolen = give_back(other, got.frag[0].frag_token, 1);
	close(other);
	return stolen ? -EINVAL : give_back(conn, got.frag[0].frag_token, 1);
}

/* Arguments that are none. */

static long bad_length(socklen_t len)
{
	static struct dmabuf_token tokens[129];

	return dontneed(conn, tokens, len);
}

static long length_zero(void)
{
	return bad_length(0);
}

static long length_odd(void)
{
	return bad_length(sizeof(struct dmabuf_token) + 1);
}

static long length_negative(void)
{
	return bad_length(-8);
}

static long length_over_limit(void)
{
	return bad_length(129 * sizeof(struct dmabuf_token));
}

static long bad_pointer(void)
{
	return dontneed(conn, (void *)8, sizeof(struct dmabuf_token));
}

static long wrong_kind(int family, int type)
{
	int fd = socket(family, type, 0);
	long ret = give_back(fd, 0, 1);

	close(fd);
	return ret;
}

static long udp_socket(void)
{
	return wrong_kind(AF_INET, SOCK_DGRAM);
}

static long unix_socket(void)
{
	return wrong_kind(AF_UNIX, SOCK_STREAM);
}

static long getsockopt_of_it(void)
{
	struct dmabuf_token token;
	socklen_t len = sizeof(token);

	return result(getsockopt(conn, SOL_SOCKET, SO_DEVMEM_DONTNEED, &token, &len));
}

/* Left for close() to clean up: tokens of peeks and of reads. */
static long leave_some(void)
{
	struct got peeked = receive_frags(4, MSG_PEEK), read = receive_frags(4, 0);

	return peeked.num && read.num;
}

static const struct {
	const char *name;
	long (*run)(void);
} abuses[] = {
	{ "plain_read", plain_read },
	{ "no_control", no_control },
	{ "short_control", short_control },
	{ "splice_out", splice_out },
	{ "one_control", one_control },
	{ "discard", discard },
	{ "peek_twice", peek_twice },
	{ "unknown_token", unknown_token },
	{ "no_count", no_count },
	{ "huge_count", huge_count },
	{ "wrapping_range", wrapping_range },
	{ "many_huge_counts", many_huge_counts },
	{ "twice_in_one_call", twice_in_one_call },
	{ "held_in_huge_range", held_in_huge_range },
	{ "other_socket", other_socket },
	{ "length_zero", length_zero },
	{ "length_odd", length_odd },
	{ "length_negative", length_negative },
	{ "length_over_limit", length_over_limit },
	{ "bad_pointer", bad_pointer },
	{ "udp_socket", udp_socket },
	{ "unix_socket", unix_socket },
	{ "getsockopt", getsockopt_of_it },
	{ "leave_some", leave_some },
	{ NULL, NULL }
};

static void run_all(void)
{
	const char *name;
	unsigned int i;
	long ret;

	for (i = 0; abuses[i].name; i++) {
		ret = abuses[i].run();
		/* ETOOSMALL has no name in libc: the number, then */
		name = ret < 0 ? strerrorname_np(-ret) : NULL;
		if (name)
			printf("%s %s\n", abuses[i].name, name);
		else
			printf("%s %ld\n", abuses[i].name, ret);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct options opt = { .memory = "udmabuf", .size = 4 << 20, .num_queues = 1 };
	struct binding binding;
	int listener;

	if (argc != 4) {
		fprintf(stderr, "usage: sockabuse IFACE QUEUE PORT\n");
		return 2;
	}
	opt.ifname = argv[1];
	opt.queues[0] = atoi(argv[2]);
	if (binding_open(&binding, &opt))
		return 1;
	listener = net_listen(NULL, argv[3]);
	if (listener < 0)
		return 1;
	say("listening on port %s", argv[3]);
	conn = accept(listener, NULL, NULL);
	if (conn < 0)
		return 1;
	run_all();
	close(conn);
	binding_close(&binding);
	return 0;
}
