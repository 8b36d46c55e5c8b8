// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a packet costs on its way to a reader, in four parts:
 *
 *   stack   the driver's poll, GRO, TCP, and the acknowledgments on their way
 *           back. The queue is stalled while the sender sends, then let go: all
 *           of this happens before the write that lets it go returns
 *   read    recvmsg()
 *   use     a look at all of the payload where it is then: in the reader's buffer, or
 *           in the dma-buf, with what the kernel asks for around that
 *   give    giving back the tokens; device memory only
 *
 * Both ends of the connection are in this process, so nothing runs that is not
 * part of the bench. Start it in the namespace rx of tests/lib/net.sh, with the
 * port steered to the queue. Prints one JSON object; tests/bench/receive.py
 * makes sense of it.
 */
#include "uapi.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rxconn.h"
#include "ticks.h"

#define EXIT_USAGE 2

#define STALL_KNOB "/sys/kernel/debug/devmemsim/" RX_IFNAME "/queue1/stall"
#define PORT 5201
#define BUFFER_SIZE (64u << 20)

/* One poll takes them all, so a round is one run of the softirq. */
#define PACKETS 60
#define USUAL_PAYLOAD 1448
#define MAX_PAYLOAD 4096
#define MAX_ROUND_BYTES (PACKETS * MAX_PAYLOAD)

/* What a payload is made of */
#define WORD 0x0101010101010101ull

#define WARM_UP 40
#define ROUNDS 101
/* Rounds that a timer spoilt are repeated; not without end. */
#define MAX_SPOILT 50

struct sample {
	uint64_t stack;
	uint64_t read;
	uint64_t use;
	uint64_t give;
};

struct bench {
	bool devmem;
	size_t round_bytes;
	uint64_t sum;		/* of the payload that was looked at */
	struct binding binding;
	int stall;
	int sender;
	int receiver;
	struct token_batch batch;
	char data[MAX_ROUND_BYTES] __attribute__((aligned(sizeof(uint64_t))));
	char control[2 * PACKETS * CMSG_SPACE(sizeof(struct dmabuf_cmsg))];
};

/* In words, which a payload fills */
static void look_at(struct bench *b, const char *from, size_t len)
{
	const uint64_t *word = (const uint64_t *)from, *end = (const uint64_t *)(from + len);

	for (; word < end; word++)
		b->sum += *word;
}

static void bind_queue(struct bench *b)
{
	rx_bind_queues(&b->binding, 1, BUFFER_SIZE);
	if (dmabuf_map(&b->binding.buf, PROT_READ))
		exit(EXIT_FAILURE);
	/* No page is to be missing when the clock runs. */
	look_at(b, b->binding.buf.map, BUFFER_SIZE);
}

static void make_connection(struct bench *b)
{
	rx_connect(rx_listen(PORT), &b->sender, &b->receiver);
	b->batch.fd = b->receiver;
}

static void set_stall(struct bench *b, const char *value)
{
	if (write(b->stall, value, 1) != 1)
		err(EXIT_FAILURE, STALL_KNOB);
}

static void send_round(struct bench *b)
{
	ssize_t n = send(b->sender, b->data, b->round_bytes, MSG_DONTWAIT);

	if (n != (ssize_t)b->round_bytes)
		errx(EXIT_FAILURE, "the sender took %zd of %zu bytes", n, b->round_bytes);
}

static void use_frags(struct bench *b, struct msghdr *msg)
{
	const struct dmabuf *buf = &b->binding.buf;
	const struct dmabuf_cmsg *frag;
	struct cmsghdr *cm;

	if (dmabuf_begin_read(buf))
		exit(EXIT_FAILURE);
	for (cm = CMSG_FIRSTHDR(msg); cm; cm = CMSG_NXTHDR(msg, cm)) {
		frag = (const struct dmabuf_cmsg *)CMSG_DATA(cm);
		look_at(b, buf->map + frag->frag_offset, frag->frag_size);
	}
	if (dmabuf_end_read(buf))
		exit(EXIT_FAILURE);
}

static void use_message(struct bench *b, struct msghdr *msg, size_t len, uint64_t *spent)
{
	uint64_t start = ticks();

	if (b->devmem)
		use_frags(b, msg);
	else
		look_at(b, b->data, len);
	*spent += ticks() - start;
}

/* Returns what recvmsg() does. */
static ssize_t read_message(struct bench *b, struct sample *s)
{
	struct iovec iov = { .iov_base = b->data, .iov_len = sizeof(b->data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = b->devmem ? b->control : NULL,
		.msg_controllen = b->devmem ? sizeof(b->control) : 0,
	};
	int flags = MSG_DONTWAIT | (b->devmem ? MSG_SOCK_DEVMEM : 0);
	uint64_t start;
	ssize_t n;

	start = ticks();
	n = recvmsg(b->receiver, &msg, flags);
	s->read += ticks() - start;
	if (n <= 0)
		return n;
	if (b->devmem)
		rx_take_tokens(&b->batch, &msg);
	use_message(b, &msg, n, &s->use);
	return n;
}

/* Read what a round sent. False if it was not all there at once. */
static bool read_round(struct bench *b, struct sample *s)
{
	bool whole = true;
	size_t got = 0;
	ssize_t n;

	s->read = 0;
	s->use = 0;
	while (got < b->round_bytes) {
		n = read_message(b, s);
		if (!n || (n < 0 && errno != EAGAIN))
			err(EXIT_FAILURE, "recvmsg");
		if (n < 0) {
			whole = false;
			sched_yield();
			continue;
		}
		got += n;
	}
	return whole;
}

/* Returns whether the round counts. */
static bool run_round(struct bench *b, struct sample *s)
{
	uint64_t start;
	bool whole;

	set_stall(b, "1");
	send_round(b);
	start = ticks();
	set_stall(b, "0");
	s->stack = ticks() - start;
	b->sum = 0;
	whole = read_round(b, s);
	if (b->sum != b->round_bytes / sizeof(uint64_t) * WORD)
		errx(EXIT_FAILURE, "what was read is not what was sent");
	if (b->devmem && b->batch.tokens != PACKETS)
		whole = false;
	start = ticks();
	if (tokens_flush(&b->batch))
		exit(EXIT_FAILURE);
	s->give = ticks() - start;
	return whole;
}

static void print_array(const char *name, const uint64_t *values)
{
	unsigned int i, stride = sizeof(struct sample) / sizeof(*values);

	printf(",\"%s\":[", name);
	for (i = 0; i < ROUNDS; i++)
		printf("%s%llu", i ? "," : "", (unsigned long long)values[i * stride]);
	printf("]");
}

static void measure(struct bench *b)
{
	struct sample samples[ROUNDS];
	unsigned int done = 0, spoilt = 0, i;

	for (i = 0; i < WARM_UP; i++)
		run_round(b, &samples[0]);
	while (done < ROUNDS) {
		if (run_round(b, &samples[done]))
			done++;
		else if (++spoilt > MAX_SPOILT)
			errx(EXIT_FAILURE, "%u rounds were not received in one go", spoilt);
	}
	printf("{\"packets\":%d,\"bytes\":%zu,\"spoilt\":%u,\"tokens\":%llu", PACKETS,
	       b->round_bytes, spoilt, b->batch.returned);
	printf(",\"empty\":%llu,\"stretch\":%llu,\"instructions\":%d",
	       (unsigned long long)ticks_of_nothing(), (unsigned long long)ticks_of_stretch(),
	       TICKS_STRETCH);
	print_array("stack", &samples[0].stack);
	print_array("read", &samples[0].read);
	print_array("use", &samples[0].use);
	print_array("give", &samples[0].give);
	printf("}\n");
}

/* Bytes of payload in each packet, which the MTU makes so; 0 if @text is no such number */
static size_t parse_payload(const char *text)
{
	unsigned long payload;
	char *end;

	payload = strtoul(text, &end, 10);
	return *end || payload > MAX_PAYLOAD || payload % sizeof(uint64_t) ? 0 : payload;
}

int main(int argc, char **argv)
{
	size_t payload = USUAL_PAYLOAD;
	static struct bench b;

	b.devmem = argc > 1 && !strcmp(argv[1], "devmem");
	if (argc == 3)
		payload = parse_payload(argv[2]);
	if (argc < 2 || argc > 3 || !payload || (!b.devmem && strcmp(argv[1], "host"))) {
		fprintf(stderr, "usage: rxbench devmem|host [PAYLOAD]\n");
		return EXIT_USAGE;
	}
	b.round_bytes = PACKETS * payload;
	memset(b.data, WORD & 0xff, sizeof(b.data));
	b.stall = open(STALL_KNOB, O_WRONLY | O_CLOEXEC);
	if (b.stall < 0)
		err(EXIT_FAILURE, STALL_KNOB);
	if (b.devmem)
		bind_queue(&b);
	make_connection(&b);
	measure(&b);
	return EXIT_SUCCESS;
}
