// SPDX-License-Identifier: GPL-2.0-or-later
#include "sender.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "pattern.h"

#define CHUNK (256 << 10)

/* Bytes of the next chunk, 0 at the end, -1 after an error. */
static ssize_t next_chunk(const struct options *opt, char *buf, unsigned long long sent)
{
	size_t len = CHUNK;
	ssize_t got;

	if (opt->bytes && opt->bytes - sent < len)
		len = opt->bytes - sent;
	if (!opt->from_stdin) {
		pattern_fill(buf, len, sent, opt->seed);
		return len;
	}
	got = len ? read(STDIN_FILENO, buf, len) : 0;
	return got < 0 ? complain("standard input: %s", strerror(errno)) : got;
}

static int send_all(int fd, const char *buf, size_t len)
{
	ssize_t sent;

	while (len) {
		sent = send(fd, buf, len, MSG_NOSIGNAL);
		if (sent < 0)
			return complain("send: %s", strerror(errno));
		buf += sent;
		len -= sent;
	}
	return 0;
}

/* The receiver closes when it has read everything: only then are we done. */
static int wait_for_peer(int fd)
{
	char byte;
	ssize_t got;

	if (shutdown(fd, SHUT_WR))
		return complain("shutdown: %s", strerror(errno));
	do {
		got = recv(fd, &byte, 1, 0);
	} while (got > 0);
	return got < 0 ? complain("the receiver did not close in order: %s", strerror(errno)) : 0;
}

int sender_end(const struct options *opt, int fd, unsigned long long sent,
	       const struct timespec *start)
{
	if (wait_for_peer(fd))
		return -1;
	if (opt->json)
		printf("{\"sent\":%llu,\"seconds\":%.3f}\n", sent, seconds_since(start));
	else
		say("sent %llu bytes in %.1f s", sent, seconds_since(start));
	return 0;
}

static int send_stream(const struct options *opt, int fd)
{
	struct timespec start;
	static char buf[CHUNK];
	unsigned long long sent = 0;
	ssize_t len;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while ((len = next_chunk(opt, buf, sent)) > 0) {
		if (send_all(fd, buf, len))
			return -1;
		sent += len;
	}
	return len < 0 ? -1 : sender_end(opt, fd, sent, &start);
}

int run_sender(const struct options *opt)
{
	char peer[128];
	int fd, ret;

	fd = net_connect(opt->host, opt->port);
	if (fd < 0)
		return -1;
	if (opt->verbose)
		say("connected to %s", net_name(fd, true, peer, sizeof(peer)));
	ret = send_stream(opt, fd);
	close(fd);
	return ret;
}
