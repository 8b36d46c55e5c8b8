// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hazsend [-m|-5|-t] ADDRESS PORT: a sender of devmemcat's pattern that waits to be told.
 *
 * Each line of standard input is a number of bytes to send. When the peer's kernel has
 * all that was sent so far, it prints "acked TOTAL". The line "urgent" is one byte that is
 * marked as urgent. The line "end" closes this direction
 * and waits for the peer to close the other: "closed". An error ends it: "failed ERRNO".
 * With -m it speaks MPTCP, with -5 it signs segments by MD5, with -t the first bytes are
 * the header of a TLS record.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devmemcat.h"
#include "hazmd5.h"
#include "pattern.h"

/* Application data, TLS 1.2, of the greatest length. */
static const char tls_header[] = { 0x17, 0x03, 0x03, 0x40, 0x00 };

static unsigned long long total;
static bool with_header;

static int end_with(int err)
{
	printf("failed %s\n", strerrorname_np(err));
	return 1;
}

static int dial(const char *address, const char *port, int protocol, bool sign)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM, protocol);

	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    (sign && sign_md5(fd, to.sin_addr)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return complain("cannot connect to %s port %s: %s", address, port, strerror(errno));
	return fd;
}

static int push_urgent(int fd)
{
	char byte = pattern_byte(total, 0);

	if (send(fd, &byte, 1, MSG_OOB | MSG_NOSIGNAL) < 0)
		return -errno;
	total++;
	return 0;
}

static int push(int fd, unsigned long long len)
{
	char data[16384];
	size_t part;
	ssize_t done;

	while (len) {
		part = len < sizeof(data) ? len : sizeof(data);
		pattern_fill(data, part, total, 0);
		if (with_header && !total && part >= sizeof(tls_header))
			memcpy(data, tls_header, sizeof(tls_header));
		done = send(fd, data, part, MSG_NOSIGNAL);
		if (done < 0)
			return -errno;
		total += done;
		len -= done;
	}
	return 0;
}

/* Nothing tells of an acknowledgment, so ask every few milliseconds. */
static int wait_acked(int fd)
{
	struct pollfd watch = { .fd = fd };
	socklen_t len = sizeof(int);
	int queued, err = 0;

	for (;;) {
		if (ioctl(fd, SIOCOUTQ, &queued))
			return -errno;
		if (!queued)
			return 0;
		if (poll(&watch, 1, 5) > 0) {
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
			return -(err ?: EPIPE);
		}
	}
}

static int close_in_order(int fd)
{
	char byte;
	ssize_t got;

	shutdown(fd, SHUT_WR);
	do {
		got = read(fd, &byte, 1);
	} while (got > 0);
	return got ? -errno : 0;
}

int main(int argc, char **argv)
{
	int protocol = 0, fd, err, option;
	bool sign = false;
	char line[64];

	while ((option = getopt(argc, argv, "m5t")) != -1) {
		if (option == 'm')
			protocol = IPPROTO_MPTCP;
		sign |= option == '5';
		with_header |= option == 't';
	}
	if (argc - optind != 2) {
		fprintf(stderr, "usage: hazsend [-m|-5|-t] ADDRESS PORT\n");
		return 2;
	}
	setlinebuf(stdout);
	fd = dial(argv[optind], argv[optind + 1], protocol, sign);
	if (fd < 0)
		return 1;
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "end\n")) {
		if (strcmp(line, "urgent\n"))
			err = push(fd, strtoull(line, NULL, 0));
		else
			err = push_urgent(fd);
		if (!err)
			err = wait_acked(fd);
		if (err)
			return end_with(-err);
		printf("acked %llu\n", total);
	}
	err = close_in_order(fd);
	if (err)
		return end_with(-err);
	puts("closed");
	return 0;
}
