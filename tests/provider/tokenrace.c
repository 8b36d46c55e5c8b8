// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tokenrace MODE IFACE QUEUE PORT: receive one connection into device memory as
 * a reader without any privilege who is out to make the kernel lose count.
 *
 *   block  a read is held up where it tells of its second frag, while another
 *          thread gives back numbers that it guesses
 *   fault  each read's second control message lies in no memory
 *   guess  a thread reads while another gives back guesses, as fast as they can
 *   peek   peek until no more tokens are to be had, then stop, to be looked at
 *
 * Then gives back all tokens that it was told of, prints "NAME NUMBER" lines and
 * stays, with the socket open, until it is killed.
 */
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "binding.h"
#include "devmemcat.h"

#define ONE_CMSG CMSG_SPACE(sizeof(struct dmabuf_cmsg))
#define ROOM (2048 * ONE_CMSG)
#define GUESSES 256
#define MAX_TOKENS (2u << 20)

static int conn;
static char *control; /* ROOM bytes, then what the mode makes of the page behind */
static size_t page;

static uint32_t *tokens;
static unsigned long handed, guessed, returned;
static bool over;

static void die(const char *what)
{
	complain("%s: %s", what, strerror(errno));
	exit(1);
}

static long give_back(uint32_t start, uint32_t count)
{
	struct dmabuf_token token = { .token_start = start, .token_count = count };
	long ret = setsockopt(conn, SOL_SOCKET, SO_DEVMEM_DONTNEED, &token, sizeof(token));

	if (ret < 0)
		die("SO_DEVMEM_DONTNEED");
	return ret;
}

static void remember(struct msghdr *msg)
{
	struct dmabuf_cmsg frag;
	struct cmsghdr *cm;

	for (cm = CMSG_FIRSTHDR(msg); cm; cm = CMSG_NXTHDR(msg, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_DEVMEM_DMABUF)
			continue;
		memcpy(&frag, CMSG_DATA(cm), sizeof(frag));
		if (handed == MAX_TOKENS) {
			say("more than %u tokens", MAX_TOKENS);
			exit(1);
		}
		tokens[handed++] = frag.frag_token;
	}
}

/* One read with its control messages at @where; -errno when there is none. */
static long receive(char *where, size_t room, int flags)
{
	static char data[1 << 20];
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = where,
		.msg_controllen = room,
	};
	long ret = recvmsg(conn, &msg, flags | MSG_SOCK_DEVMEM);

	if (ret < 0)
		return -errno;
	remember(&msg);
	return ret;
}

/* The last so many bytes before the page behind the control buffer. */
static char *before_end(size_t bytes)
{
	return control + ROOM - bytes;
}

static void *block_reader(void *arg)
{
	(void)arg;
	receive(before_end(ONE_CMSG), ROOM, 0);
	return NULL;
}

/* Register the page behind the control buffer, so that touching it waits for us. */
static int block_open(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (unsigned long)control + ROOM, page },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		die("userfaultfd");
	return fd;
}

static void run_block(void)
{
	struct uffdio_zeropage zero = { .range = { (unsigned long)control + ROOM, page } };
	int fd = block_open();
	struct uffd_msg event;
	pthread_t reader;

	pthread_create(&reader, NULL, block_reader, NULL);
	if (read(fd, &event, sizeof(event)) != sizeof(event))
		die("userfaultfd");
	guessed = give_back(1, GUESSES);
	ioctl(fd, UFFDIO_ZEROPAGE, &zero);
	pthread_join(reader, NULL);
}

/* Reads on until the sender is done. */
static void drain(size_t bytes_before_end)
{
	while (receive(before_end(bytes_before_end), ROOM, 0) > 0)
		;
}

static void run_fault(void)
{
	munmap(control + ROOM, page);
	drain(ONE_CMSG);
}

static void *guesser(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
		guessed += give_back(1, GUESSES);
	return NULL;
}

static void run_guess(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, guesser, NULL);
	drain(ROOM);
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

static void run_peek(void)
{
	long ret;

	do
		ret = receive(control, ROOM, MSG_PEEK);
	while (ret > 0);
	printf("peek_errno %ld\n", -ret);
	printf("read_errno %ld\n", -receive(control, ROOM, MSG_DONTWAIT));
	raise(SIGSTOP);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* All that we were told of, in runs of at most 1,024. */
static void return_all(void)
{
	unsigned long i, n;

	qsort(tokens, handed, sizeof(*tokens), by_number);
	for (i = 0; i < handed; i += n) {
		for (n = 1; i + n < handed && n < 1024 && tokens[i + n] == tokens[i] + n; n++)
			;
		returned += give_back(tokens[i], n);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "block", run_block },
	{ "fault", run_fault },
	{ "guess", run_guess },
	{ "peek", run_peek },
	{ NULL, NULL }
};

/* userfaultfd needs a privilege to hold up the kernel; no other mode has any. */
static void drop(const char *mode)
{
	if (!strcmp(mode, "block"))
		return;
	if (setgroups(0, NULL) || setgid(1) || setuid(1))
		die("setuid");
}

static void run(const char *mode)
{
	unsigned int i;

	for (i = 0; modes[i].name; i++) {
		if (strcmp(mode, modes[i].name))
			continue;
		modes[i].run();
		return_all();
		printf("handed %lu\nguessed %lu\nreturned %lu\n", handed, guessed, returned);
		fflush(stdout);
		return;
	}
	say("no such mode: %s", mode);
	exit(2);
}

/* Enough for several tokens in one read. */
static void wait_for_data(void)
{
	struct pollfd wait = { .fd = conn, .events = POLLIN };
	int enough = 32768, any = 1;

	if (setsockopt(conn, SOL_SOCKET, SO_RCVLOWAT, &enough, sizeof(enough)))
		die("SO_RCVLOWAT");
	poll(&wait, 1, -1);
	setsockopt(conn, SOL_SOCKET, SO_RCVLOWAT, &any, sizeof(any));
}

int main(int argc, char **argv)
{
	struct options opt = { .memory = "udmabuf", .size = 4 << 20, .num_queues = 1 };
	struct binding binding;
	int listener;

	if (argc != 5) {
		fprintf(stderr, "usage: tokenrace MODE IFACE QUEUE PORT\n");
		return 2;
	}
	page = sysconf(_SC_PAGESIZE);
	control = mmap(NULL, ROOM + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	tokens = calloc(MAX_TOKENS, sizeof(*tokens));
	if (control == MAP_FAILED || !tokens)
		return 1;
	opt.ifname = argv[2];
	opt.queues[0] = atoi(argv[3]);
	if (binding_open(&binding, &opt))
		return 1;
	listener = net_listen(NULL, argv[4]);
	if (listener < 0)
		return 1;
	say("listening on port %s", argv[4]);
	conn = accept(listener, NULL, NULL);
	if (conn < 0)
		return 1;
	drop(argv[1]);
	wait_for_data();
	run(argv[1]);
	say("done");
	pause();
	return 0;
}
