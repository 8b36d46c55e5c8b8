// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For each size asked for, bind a dma-buf of that many iovs to the allocbench
 * device and let it measure what an iov costs, with nothing taken and with
 * nine tenths of the iovs taken. Or, for "events", measure every action of the
 * provider that a tracepoint tells of. Prints what was measured, one JSON object
 * per line; tests/bench/alloc.py and tracepoints.py make sense of it.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "allocbench.h"
#include "netdev.h"
#include "sgbuf_user.h"
#include "ticks.h"

#define EXIT_USAGE 2
#define IOV_SIZE 4096ull
#define MAX_IOVS 0x1000000
#define EVENT_IOVS 1024
#define ROUNDS 33
#define BIND_ROUNDS 201

/* No memory of the guest is there, and none is needed. */
#define BASE_ADDRESS 0x10000000000ull
/* A segment's length is 32 bits. */
#define MAX_SEGMENT 0x80000000ull

/* Returns the dma-buf's file descriptor. */
static int make_buffer(unsigned long iovs)
{
	unsigned long long size = iovs * IOV_SIZE, at;
	unsigned int count = (size + MAX_SEGMENT - 1) / MAX_SEGMENT, i;
	struct sgbuf_segment *segments;
	int fd;

	segments = calloc(count, sizeof(*segments));
	if (!segments)
		err(EXIT_FAILURE, "%u segments", count);
	for (i = 0, at = 0; i < count; i++, at += MAX_SEGMENT) {
		segments[i].addr = BASE_ADDRESS + at;
		segments[i].len = size - at < MAX_SEGMENT ? size - at : MAX_SEGMENT;
	}
	fd = sgbuf_open(segments, count);
	if (fd < 0)
		exit(EXIT_FAILURE);
	free(segments);
	return fd;
}

/* Returns how many ticks the bind itself took. */
static uint64_t bind_buffer(struct netdev *nd, int buffer)
{
	unsigned int ifindex = if_nametoindex(ALLOCBENCH_NETDEV), queue = 0;
	uint64_t start, spent;
	uint32_t id;
	int ret;

	if (!ifindex)
		errx(EXIT_FAILURE, "no device " ALLOCBENCH_NETDEV ": is the module loaded?");
	ret = netdev_open(nd);
	if (ret)
		errx(EXIT_FAILURE, "netlink family netdev: %s", strerror(-ret));
	start = ticks();
	ret = netdev_bind_rx(nd, ifindex, buffer, &queue, 1, &id);
	spent = ticks() - start;
	if (ret)
		errx(EXIT_FAILURE, "bind: %s %s", strerror(-ret), nd->genl.extack);
	return spent;
}

static void print_array(const char *name, const __u64 *values, unsigned int count,
			unsigned int stride)
{
	unsigned int i;

	printf(",\"%s\":[", name);
	for (i = 0; i < count; i++)
		printf("%s%llu", i ? "," : "", (unsigned long long)values[i * stride]);
	printf("]");
}

/* Prints an object that is still open. */
static void measure(int bench, unsigned long iovs, unsigned long held)
{
	struct allocbench_sample samples[ROUNDS];
	struct allocbench_run run = {
		.samples = (uintptr_t)samples,
		.rounds = ROUNDS,
		.held = held,
	};
	unsigned int stride = sizeof(*samples) / sizeof(__u64);

	if (ioctl(bench, ALLOCBENCH_RUN, &run))
		err(EXIT_FAILURE, "%lu iovs, %lu held", iovs, held);
	printf("{\"iovs\":%lu,\"held\":%lu,\"batch\":%u,\"released\":%u", iovs, held,
	       ALLOCBENCH_BATCH, ALLOCBENCH_RELEASED);
	print_array("alloc", &samples[0].alloc, ROUNDS, stride);
	print_array("release", &samples[0].release, ROUNDS, stride);
	print_array("destroy", &samples[0].destroy, ROUNDS, stride);
}

static void end_object(void)
{
	printf("}\n");
	fflush(stdout);
}

/* At least nine tenths, in whole batches. */
static unsigned long nine_tenths(unsigned long iovs)
{
	unsigned long batches = (iovs * 9 / 10 + ALLOCBENCH_BATCH - 1) / ALLOCBENCH_BATCH;

	return batches * ALLOCBENCH_BATCH;
}

static void measure_size(int bench, unsigned long iovs)
{
	struct netdev nd;
	int buffer;

	buffer = make_buffer(iovs);
	bind_buffer(&nd, buffer);
	measure(bench, iovs, 0);
	end_object();
	measure(bench, iovs, nine_tenths(iovs));
	end_object();
	netdev_close(&nd);
	close(buffer);
}

/*
 * What a bind costs, and the closing of the socket that ends it. As few iovs as
 * can be: to make many costs much, and not the same each time.
 */
static void measure_binds(void)
{
	uint64_t bind[BIND_ROUNDS], unbind[BIND_ROUNDS], start;
	int buffer = make_buffer(1);
	struct netdev nd;
	unsigned int i;

	for (i = 0; i < BIND_ROUNDS; i++) {
		bind[i] = bind_buffer(&nd, buffer);
		start = ticks();
		netdev_close(&nd);
		unbind[i] = ticks() - start;
	}
	print_array("bind", (__u64 *)bind, BIND_ROUNDS, 1);
	print_array("unbind", (__u64 *)unbind, BIND_ROUNDS, 1);
	close(buffer);
}

/* Everything that makes an event, on a small buffer. */
static void measure_events(int bench)
{
	struct allocbench_exhaust exhaust;
	struct netdev nd;
	int buffer;

	buffer = make_buffer(EVENT_IOVS);
	bind_buffer(&nd, buffer);
	measure(bench, EVENT_IOVS, 0);
	if (ioctl(bench, ALLOCBENCH_EXHAUST, &exhaust))
		err(EXIT_FAILURE, "ALLOCBENCH_EXHAUST");
	print_array("failure", exhaust.failure, ALLOCBENCH_FAILURES, 1);
	netdev_close(&nd);
	close(buffer);
	measure_binds();
	end_object();
}

static void calibrate(int bench)
{
	struct allocbench_calibrate cal;

	if (ioctl(bench, ALLOCBENCH_CALIBRATE, &cal))
		err(EXIT_FAILURE, "ALLOCBENCH_CALIBRATE");
	printf("{\"empty\":%llu,\"stretch\":%llu,\"instructions\":%u}\n",
	       (unsigned long long)cal.empty, (unsigned long long)cal.stretch,
	       ALLOCBENCH_STRETCH);
}

static unsigned long parse_iovs(const char *text)
{
	unsigned long iovs;
	char *end;

	errno = 0;
	iovs = strtoul(text, &end, 0);
	if (errno || *end || iovs < 1024 || iovs > MAX_IOVS)
		errx(EXIT_USAGE, "'%s' is not a number of iovs from 1024 to %u", text, MAX_IOVS);
	return iovs;
}

int main(int argc, char **argv)
{
	int bench, i;

	if (argc < 2) {
		fprintf(stderr, "usage: allocbench IOVS... | events\n");
		return EXIT_USAGE;
	}
	bench = open(ALLOCBENCH_DEVICE, O_RDWR | O_CLOEXEC);
	if (bench < 0)
		err(EXIT_FAILURE, ALLOCBENCH_DEVICE);
	calibrate(bench);
	if (argc == 2 && !strcmp(argv[1], "events")) {
		measure_events(bench);
		return EXIT_SUCCESS;
	}
	for (i = 1; i < argc; i++)
		measure_size(bench, parse_iovs(argv[i]));
	return EXIT_SUCCESS;
}
