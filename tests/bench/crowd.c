// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crowd SOCKETS HOLDERS: make a host of many sockets, so many of which hold a token, and
 * then as many open files as each line of standard input says, at least; says
 * "ready FILES" when they are there. Ends at the input's end, and all of it with it.
 *
 * The other sockets are connections over the loopback device. The files are in many
 * processes that do nothing, each with FILES_EACH descriptors of /dev/null: what looks
 * at descriptors sees as many files as there are of those, and they take little memory.
 *
 * Start it in the namespace rx of tests/lib/net.sh, with PORT steered to queue 1.
 */
#include "uapi.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "rxconn.h"

#define EXIT_USAGE 2

#define PORT 5201
#define BUFFER_SIZE (64u << 20)
#define FILES_EACH 25000
#define MAX_FILES 1000000
/* Connections to one address, by the ports that there are */
#define CONNECTIONS_EACH 20000

static void allow_files(void)
{
	struct rlimit limit = { .rlim_cur = MAX_FILES, .rlim_max = MAX_FILES };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		err(EXIT_FAILURE, "RLIMIT_NOFILE %d", MAX_FILES);
}

static void open_files(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), i;

	for (i = 1; i < FILES_EACH; i++)
		if (dup(fd) < 0)
			err(EXIT_FAILURE, "file %d", i);
}

/* A process with many files, which has another one made by each byte that comes */
static int start_seed(void)
{
	int pair[2];
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		err(EXIT_FAILURE, "socketpair");
	if (fork()) {
		close(pair[1]);
		return pair[0];
	}
	close(pair[0]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	open_files();
	while (read(pair[1], &byte, 1) == 1) {
		switch (fork()) {
		case -1:
			err(EXIT_FAILURE, "fork");
		case 0:
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			while (true)
				pause();
		}
		if (write(pair[1], &byte, 1) != 1)
			break;
	}
	_exit(EXIT_SUCCESS);
}

static void add_process(int seed)
{
	char byte = 0;

	if (write(seed, &byte, 1) != 1 || read(seed, &byte, 1) != 1)
		err(EXIT_FAILURE, "another process");
}

/* A socket that has a token, and its sender */
static void add_holder(int listener)
{
	char control[CMSG_SPACE(sizeof(struct dmabuf_cmsg))], data[100] = {};
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct token_batch batch = {};
	int sender, receiver;

	rx_connect(listener, &sender, &receiver);
	if (send(sender, data, sizeof(data), 0) != sizeof(data) ||
	    recvmsg(receiver, &msg, MSG_SOCK_DEVMEM) != sizeof(data))
		err(EXIT_FAILURE, "a holder");
	rx_take_tokens(&batch, &msg);
	if (batch.tokens != 1)
		errx(EXIT_FAILURE, "%u tokens where one was to be", batch.tokens);
}

static int listen_locally(struct sockaddr_in *addr)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*addr);

	if (bind(listener, (struct sockaddr *)addr, len) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)addr, &len))
		err(EXIT_FAILURE, "a local port");
	return listener;
}

static void add_connections(unsigned int num)
{
	struct sockaddr_in addr;
	int listener = -1, fd;
	unsigned int i;

	for (i = 0; i < num; i++) {
		if (!(i % CONNECTIONS_EACH)) {
			addr = (struct sockaddr_in) { .sin_family = AF_INET };
			inet_pton(AF_INET, "127.0.0.1", &addr.sin_addr);
			listener = listen_locally(&addr);
		}
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
		    accept(listener, NULL, NULL) < 0)
			err(EXIT_FAILURE, "connection %u", i);
	}
}

static unsigned long parse(const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (end == text || (*end && *end != '\n'))
		errx(EXIT_USAGE, "'%s' is not a number", text);
	return number;
}

int main(int argc, char **argv)
{
	unsigned long sockets, holders, files, i;
	static struct binding binding;
	int seed, listener;
	char line[32];

	if (argc != 3)
		errx(EXIT_USAGE, "usage: crowd SOCKETS HOLDERS");
	sockets = parse(argv[1]);
	holders = parse(argv[2]);
	if (sockets < 2 * holders)
		errx(EXIT_USAGE, "%lu holders are %lu sockets with their senders", holders,
		     2 * holders);
	allow_files();
	seed = start_seed();
	rx_bind_queues(&binding, 1, BUFFER_SIZE);
	listener = rx_listen(PORT);
	for (i = 0; i < holders; i++)
		add_holder(listener);
	add_connections((sockets - 2 * holders) / 2);
	files = sockets + FILES_EACH;
	while (fgets(line, sizeof(line), stdin)) {
		for (; files < parse(line); files += FILES_EACH)
			add_process(seed);
		printf("ready %lu\n", files);
		fflush(stdout);
	}
	return EXIT_SUCCESS;
}
