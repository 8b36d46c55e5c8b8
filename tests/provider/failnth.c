// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * failnth bind|unbind IFACE QUEUE...: let each allocation of a bind, or of an
 * unbind, fail once: the first in the first attempt, the second in the second,
 * until an attempt has no more allocations to fail.
 *
 * Prints "FAULTS attempts with a fault, REFUSED refused:" and the errnos of
 * those. The kernel needs CONFIG_FAULT_INJECTION and FAILSLAB, set up in
 * debugfs by the caller. Exit 1 if something else went wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devmemcat.h"
#include "dmabuf.h"
#include "netdev.h"

#define BUF_SIZE (256 << 10)
#define MAX_ERRNO 4096

struct attempt {
	unsigned int ifindex;
	unsigned int queues[MAX_QUEUES];
	unsigned int num_queues;
	bool on_unbind;
};

struct score {
	unsigned int faults;
	unsigned int refused;
	unsigned int errnos[MAX_ERRNO];
};

static int fail_nth_fd;

static int set_fail_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(fail_nth_fd, text, len, 0) != len)
		return complain("fail-nth: %s", strerror(errno));
	return 0;
}

/* Disarm; returns whether the fault happened since set_fail_nth(), or -1. */
static int fault_happened(void)
{
	char text[16] = "";

	if (pread(fail_nth_fd, text, sizeof(text) - 1, 0) < 1)
		return complain("fail-nth: %s", strerror(errno));
	if (set_fail_nth(0))
		return -1;
	return atoi(text) == 0;
}

/* Returns whether a fault happened, -1 if the test cannot go on. */
static int bind_once(const struct attempt *a, int dmabuf_fd, unsigned int nth, int *err)
{
	int fault = 0;
	struct netdev nd;
	uint32_t id;

	*err = netdev_open(&nd);
	if (*err)
		return complain("netlink: %s", strerror(-*err));
	if (!a->on_unbind && set_fail_nth(nth))
		return -1;
	*err = netdev_bind_rx(&nd, a->ifindex, dmabuf_fd, a->queues, a->num_queues, &id);
	if (!a->on_unbind)
		fault = fault_happened();
	else if (*err)
		return complain("bind without faults: %s: %s", strerror(-*err), nd.genl.extack);
	else if (set_fail_nth(nth))
		return -1;
	netdev_close(&nd);
	if (a->on_unbind)
		fault = fault_happened();
	return fault;
}

/* Returns whether a fault happened, -1 if the test cannot go on. */
static int try(const struct attempt *a, unsigned int nth, struct score *score)
{
	struct dmabuf buf;
	int err, fault;

	/*
	 * Each with memory of its own: that of the last attempts is unmapped a grace
	 * period later, and the DMA API's debugging minds many mappings of one page.
	 */
	if (dmabuf_create(&buf, "udmabuf", BUF_SIZE))
		return -1;
	fault = bind_once(a, buf.fd, nth, &err);
	dmabuf_destroy(&buf);
	if (fault < 0)
		return -1;
	if (err && !fault)
		return complain("a bind without a fault: %s", strerror(-err));
	score->faults += fault;
	if (err) {
		score->refused++;
		score->errnos[-err]++;
	}
	return fault;
}

static void print_score(const struct score *score)
{
	unsigned int i;

	printf("%u attempts with a fault, %u refused:", score->faults, score->refused);
	for (i = 0; i < MAX_ERRNO; i++)
		if (score->errnos[i])
			printf(" %u %s", score->errnos[i], strerrorname_np(i) ?: "unknown");
	printf("\n");
}

int main(int argc, char **argv)
{
	static struct score score;
	struct attempt a = { 0 };
	unsigned int nth = 0;
	int i, fault;

	if (argc < 4 || argc - 3 > MAX_QUEUES || (strcmp(argv[1], "bind") &&
						  strcmp(argv[1], "unbind"))) {
		fprintf(stderr, "usage: failnth bind|unbind IFACE QUEUE...\n");
		return 2;
	}
	a.on_unbind = !strcmp(argv[1], "unbind");
	a.ifindex = if_nametoindex(argv[2]);
	for (i = 3; i < argc; i++)
		a.queues[a.num_queues++] = atoi(argv[i]);
	fail_nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fail_nth_fd < 0) {
		complain("/proc/thread-self/fail-nth: %s: needs CONFIG_FAULT_INJECTION",
			 strerror(errno));
		return 1;
	}
	do {
		fault = try(&a, ++nth, &score);
	} while (fault > 0);
	print_score(&score);
	return fault < 0;
}
