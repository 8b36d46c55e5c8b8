// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smpbench THREADS...: how long it takes a number of threads, each on a processor of its
 * own, to receive from queues of their own that one binding feeds. Each thread sends to
 * itself, so a packet's whole way is on its processor; what they share is the binding.
 *
 * Start it in the namespace rx of tests/lib/net.sh, with ports from 5201 on steered to
 * the queues from 1 on. Prints one JSON object for each number of threads and
 * repetition; tests/bench/smp.py makes sense of it.
 */
#include "uapi.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "rxconn.h"

#define EXIT_USAGE 2

#define MAX_THREADS 4
#define FIRST_PORT 5201
#define BUFFER_SIZE (64u << 20)
#define PACKETS 60
#define ROUND_BYTES (PACKETS * 1448)
#define WARM_UP 40
#define ROUNDS 150
#define REPETITIONS 15

struct reader {
	pthread_t thread;
	pthread_barrier_t *start;
	int cpu;
	int sender;
	int receiver;
	struct token_batch batch;
	char data[ROUND_BYTES];
	char control[2 * PACKETS * CMSG_SPACE(sizeof(struct dmabuf_cmsg))];
};

static void read_round(struct reader *r)
{
	struct iovec iov = { .iov_base = r->data, .iov_len = sizeof(r->data) };
	size_t got = 0;
	ssize_t n;

	while (got < ROUND_BYTES) {
		struct msghdr msg = {
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = r->control,
			.msg_controllen = sizeof(r->control),
		};

		n = recvmsg(r->receiver, &msg, MSG_SOCK_DEVMEM);
		if (n <= 0)
			err(EXIT_FAILURE, "recvmsg");
		rx_take_tokens(&r->batch, &msg);
		got += n;
	}
}

static void run_rounds(struct reader *r, unsigned int rounds)
{
	while (rounds--) {
		if (send(r->sender, r->data, ROUND_BYTES, 0) != ROUND_BYTES)
			err(EXIT_FAILURE, "send");
		read_round(r);
		if (tokens_flush(&r->batch))
			exit(EXIT_FAILURE);
	}
}

static void *run_reader(void *arg)
{
	struct reader *r = arg;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(r->cpu, &cpus);
	errno = pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	if (errno)
		err(EXIT_FAILURE, "processor %d", r->cpu);
	run_rounds(r, WARM_UP);
	pthread_barrier_wait(r->start);
	run_rounds(r, ROUNDS);
	return NULL;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void measure(struct reader *readers, unsigned int threads)
{
	pthread_barrier_t start;
	uint64_t begin, end;
	unsigned int i;

	pthread_barrier_init(&start, NULL, threads + 1);
	for (i = 0; i < threads; i++) {
		readers[i].start = &start;
		errno = pthread_create(&readers[i].thread, NULL, run_reader, &readers[i]);
		if (errno)
			err(EXIT_FAILURE, "thread %u", i);
	}
	pthread_barrier_wait(&start);
	begin = now_ns();
	for (i = 0; i < threads; i++)
		pthread_join(readers[i].thread, NULL);
	end = now_ns();
	pthread_barrier_destroy(&start);
	printf("{\"threads\":%u,\"packets\":%u,\"ns\":%llu}\n", threads, threads * ROUNDS * PACKETS,
	       (unsigned long long)(end - begin));
	fflush(stdout);
}

static unsigned int parse_threads(const char *text)
{
	long threads = atol(text);

	if (threads < 1 || threads > MAX_THREADS)
		errx(EXIT_USAGE, "'%s' is not a number of threads from 1 to %d", text, MAX_THREADS);
	return threads;
}

int main(int argc, char **argv)
{
	static struct reader readers[MAX_THREADS];
	static struct binding binding;
	unsigned int i;
	int arg;

	if (argc < 2)
		errx(EXIT_USAGE, "usage: smpbench THREADS...");
	rx_bind_queues(&binding, MAX_THREADS, BUFFER_SIZE);
	for (i = 0; i < MAX_THREADS; i++) {
		readers[i].cpu = i;
		rx_connect(rx_listen(FIRST_PORT + i), &readers[i].sender, &readers[i].receiver);
		readers[i].batch.fd = readers[i].receiver;
	}
	for (i = 0; i < REPETITIONS; i++)
		for (arg = 1; arg < argc; arg++)
			measure(readers, parse_threads(argv[arg]));
	return EXIT_SUCCESS;
}
