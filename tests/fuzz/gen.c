// SPDX-License-Identifier: GPL-2.0-or-later
#include "uapi.h"

#include "gen.h"

#include <linux/ethtool_netlink.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

/* Steele, Lea, Flood: "Fast splittable pseudorandom number generators". */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint32_t gen_word(struct gen *gen)
{
	gen->state += 0x9e3779b97f4a7c15ULL;
	return mix(gen->state) >> 32;
}

uint32_t gen_below(struct gen *gen, uint32_t limit)
{
	return (uint64_t)gen_word(gen) * limit >> 32;
}

void gen_init(struct gen *gen, uint64_t seed, unsigned int round, unsigned int thread)
{
	gen->state = mix(mix(seed) ^ ((uint64_t)round << 32 | thread));
}

static bool one_in(struct gen *gen, uint32_t n)
{
	return !gen_below(gen, n);
}

static uint32_t one_of(struct gen *gen, const uint32_t *values, size_t num)
{
	return values[gen_below(gen, num)];
}

#define ONE_OF(gen, ...) \
	one_of(gen, (const uint32_t[]){ __VA_ARGS__ }, \
	       ARRAY_SIZE(((const uint32_t[]){ __VA_ARGS__ })))

/* Types of arguments: mostly right, sometimes wrong. */

static uint32_t any(struct gen *gen)
{
	return gen_word(gen);
}

static uint32_t flip(struct gen *gen)
{
	return gen_below(gen, 2);
}

static uint32_t conn_slot(struct gen *gen)
{
	return gen_below(gen, CONNS);
}

static uint32_t sender_slot(struct gen *gen)
{
	return gen_below(gen, SENDERS);
}

static uint32_t buffer_slot(struct gen *gen)
{
	return gen_below(gen, BUFFERS);
}

static uint32_t binding_slot(struct gen *gen)
{
	return gen_below(gen, BINDINGS);
}

static uint32_t port(struct gen *gen)
{
	return gen_below(gen, PORTS);
}

static uint32_t place(struct gen *gen)
{
	return one_in(gen, 10) ? 1 + gen_below(gen, PLACES - 1) : PLACE_GOOD;
}

static uint32_t data_len(struct gen *gen)
{
	if (one_in(gen, 8))
		return gen_below(gen, DATA_SIZE + 1);
	return ONE_OF(gen, 1, 100, 4096, 8192, 16384, 65536, DATA_SIZE, 0);
}

static uint32_t control_len(struct gen *gen)
{
	if (one_in(gen, 8))
		return gen_below(gen, CONTROL_SIZE + 1);
	return ONE_OF(gen, ONE_CMSG, 2 * ONE_CMSG, 4 * ONE_CMSG, 16 * ONE_CMSG, 16 * ONE_CMSG,
		      CONTROL_SIZE, CONTROL_SIZE, ONE_CMSG - 8, ONE_CMSG - 1, 16, 0);
}

static uint32_t recv_flags(struct gen *gen)
{
	static const uint32_t extra[] = {
		MSG_PEEK, MSG_PEEK, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, MSG_OOB, MSG_ERRQUEUE,
		MSG_CMSG_CLOEXEC, MSG_NOSIGNAL, MSG_PEEK | MSG_TRUNC,
	};
	uint32_t flags = one_in(gen, 12) ? 0 : MSG_SOCK_DEVMEM;

	if (one_in(gen, 200))
		return gen_word(gen);
	if (!one_in(gen, 50))
		flags |= MSG_DONTWAIT;
	while (one_in(gen, 4))
		flags |= one_of(gen, extra, ARRAY_SIZE(extra));
	return flags;
}

static uint32_t small_count(struct gen *gen)
{
	return one_in(gen, 4) ? 1 + gen_below(gen, TOKENS) : 1 + gen_below(gen, 16);
}

static uint32_t token(struct gen *gen)
{
	if (one_in(gen, 4))
		return ONE_OF(gen, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff, any(gen));
	return gen_below(gen, 128);
}

static uint32_t token_count(struct gen *gen)
{
	return ONE_OF(gen, 0, 1, 1, 1, 2, 16, 128, 1024, 1025, 0x7fffffff, 0xffffffff);
}

static uint32_t ranges(struct gen *gen)
{
	return ONE_OF(gen, 1, 1, 1, 2, 8, 16, 127, 128, 129);
}

static uint32_t odd_len(struct gen *gen)
{
	return ONE_OF(gen, 0, 1, 7, 9, 12, 128 * 8 + 1, 129 * 8, 0x7ffffff8, 0xfffffff8, 8);
}

static uint32_t signed_value(struct gen *gen)
{
	return ONE_OF(gen, 0, 1, 1, 2, 100, 4096, 65536, 0x7fffffff, 0xffffffff);
}

static uint32_t choice(struct gen *gen)
{
	return gen_below(gen, 32);
}

static uint32_t send_len(struct gen *gen)
{
	return ONE_OF(gen, 1, 100, 1448, 4096, 16384, 16384, 65536, 65536);
}

static uint32_t send_flags(struct gen *gen)
{
	if (one_in(gen, 100))
		return gen_word(gen) | MSG_NOSIGNAL | MSG_DONTWAIT;
	return MSG_NOSIGNAL | MSG_DONTWAIT |
	       (one_in(gen, 8) ? ONE_OF(gen, MSG_MORE, MSG_OOB, MSG_ZEROCOPY, MSG_EOR) : 0);
}

static uint32_t pages(struct gen *gen)
{
	return ONE_OF(gen, 1, 4, 32, 64, 64, 128, 128, 256);
}

/* A set of queues: mostly one of those that ports are steered to. */
static uint32_t queues(struct gen *gen)
{
	if (one_in(gen, 8))
		return gen_below(gen, 1 << QUEUES);
	return 2 << gen_below(gen, PORTS);
}

static uint32_t ring_size(struct gen *gen)
{
	return ONE_OF(gen, 32, 32, 64, 64, 128, 33, 1, 0, 4096, 4097, 0xffffffff);
}

static uint32_t split(struct gen *gen)
{
	return one_in(gen, 4) ? ETHTOOL_TCP_DATA_SPLIT_DISABLED : ETHTOOL_TCP_DATA_SPLIT_ENABLED;
}

static uint32_t channels(struct gen *gen)
{
	return ONE_OF(gen, QUEUES, QUEUES, 1, 2, 3, 0, QUEUES + 1, 0xffffffff);
}

static uint32_t mtu(struct gen *gen)
{
	return ONE_OF(gen, 1500, 1500, 1280, 9000, 576, 68, 67, 65535, 0xffffffff);
}

/* The end that receives has the bindings. */
static uint32_t end(struct gen *gen)
{
	return one_in(gen, 4);
}

static uint32_t queue(struct gen *gen)
{
	return one_in(gen, 16) ? any(gen) : gen_below(gen, QUEUES);
}

static uint32_t location(struct gen *gen)
{
	return one_in(gen, 8) ? any(gen) : gen_below(gen, 8);
}

static uint32_t knob_value(struct gen *gen)
{
	return ONE_OF(gen, 0, 0, 1, 1, 2, 8);
}

static uint32_t pause_us(struct gen *gen)
{
	return ONE_OF(gen, 100, 1000, 10000, 50000);
}

static uint32_t forked_ops(struct gen *gen)
{
	return 1 + gen_below(gen, 12);
}

struct arg {
	const char *name;
	uint32_t (*pick)(struct gen *gen);
};

struct kind {
	const char *name;
	enum role role;
	uint16_t weight;
	bool may_fail;	/* its allocations may be made to fail */
	struct arg arg[OP_ARGS];
};

static const struct kind kinds[OP_KINDS] = {
	[OP_ACCEPT] = { "accept", ROLE_READER, 60, true,
		{ { "slot", conn_slot }, { "port", port } } },
	[OP_RECV] = { "recv", ROLE_READER, 400, true,
		{ { "slot", conn_slot }, { "len", data_len }, { "control", control_len },
		  { "flags", recv_flags }, { "data_at", place }, { "control_at", place } } },
	[OP_RECVMMSG] = { "recvmmsg", ROLE_READER, 30, true,
		{ { "slot", conn_slot }, { "num", small_count }, { "control", control_len },
		  { "flags", recv_flags } } },
	[OP_GIVE] = { "give", ROLE_READER, 250, true,
		{ { "slot", conn_slot }, { "num", small_count } } },
	[OP_GIVE_TWICE] = { "give_twice", ROLE_READER, 20, true,
		{ { "slot", conn_slot }, { "num", small_count }, { "at_once", flip } } },
	[OP_GUESS] = { "guess", ROLE_READER, 100, true,
		{ { "slot", conn_slot }, { "start", token }, { "count", token_count },
		  { "ranges", ranges }, { "step", token_count } } },
	[OP_GIVE_ODD] = { "give_odd", ROLE_READER, 20, false,
		{ { "slot", conn_slot }, { "len", odd_len }, { "at", place },
		  { "start", token } } },
	[OP_READ] = { "read", ROLE_READER, 40, true,
		{ { "slot", conn_slot }, { "how", choice }, { "len", data_len } } },
	[OP_SOCKOPT] = { "sockopt", ROLE_READER, 30, true,
		{ { "slot", conn_slot }, { "which", choice }, { "value", signed_value } } },
	[OP_QUERY] = { "query", ROLE_READER, 50, false,
		{ { "slot", conn_slot }, { "which", choice } } },
	[OP_REPLY] = { "reply", ROLE_READER, 30, true,
		{ { "slot", conn_slot }, { "len", send_len }, { "flags", send_flags } } },
	[OP_SHUTDOWN] = { "shutdown", ROLE_READER, 6, false,
		{ { "slot", conn_slot }, { "how", choice } } },
	[OP_DISCONNECT] = { "disconnect", ROLE_READER, 6, true,
		{ { "slot", conn_slot } } },
	[OP_CLOSE] = { "close", ROLE_READER, 20, false,
		{ { "slot", conn_slot } } },
	[OP_DUP] = { "dup", ROLE_READER, 10, true,
		{ { "from", conn_slot }, { "to", conn_slot } } },
	[OP_FCNTL] = { "fcntl", ROLE_READER, 15, true,
		{ { "slot", conn_slot }, { "which", choice }, { "value", signed_value } } },
	[OP_PASS] = { "pass", ROLE_READER, 10, true,
		{ { "slot", conn_slot } } },
	[OP_TAKE] = { "take", ROLE_READER, 12, true,
		{ { "slot", conn_slot } } },
	[OP_FORK] = { "fork", ROLE_READER, 1, false,
		{ { "ops", forked_ops }, { "seed", any } } },
	[OP_MIGRATE] = { "migrate", ROLE_READER, 2, false,
		{ { "cpu", choice } } },

	[OP_CONNECT] = { "connect", ROLE_SENDER, 10, true,
		{ { "slot", sender_slot }, { "port", port }, { "family", flip } } },
	[OP_SEND] = { "send", ROLE_SENDER, 300, true,
		{ { "slot", sender_slot }, { "len", send_len }, { "flags", send_flags } } },
	[OP_DRAIN] = { "drain", ROLE_SENDER, 40, false,
		{ { "slot", sender_slot }, { "flags", recv_flags } } },
	[OP_SENDOPT] = { "sendopt", ROLE_SENDER, 10, true,
		{ { "slot", sender_slot }, { "which", choice }, { "value", signed_value } } },
	[OP_SHUT_SENDER] = { "shut_sender", ROLE_SENDER, 4, false,
		{ { "slot", sender_slot }, { "how", choice } } },
	[OP_CLOSE_SENDER] = { "close_sender", ROLE_SENDER, 10, false,
		{ { "slot", sender_slot } } },
	[OP_RESET] = { "reset", ROLE_SENDER, 5, false,
		{ { "slot", sender_slot } } },

	[OP_BUFFER] = { "buffer", ROLE_BINDER, 10, true,
		{ { "slot", buffer_slot }, { "pages", pages }, { "heap", flip } } },
	[OP_BUFFER_CLOSE] = { "buffer_close", ROLE_BINDER, 4, false,
		{ { "slot", buffer_slot } } },
	[OP_BUFFER_USE] = { "buffer_use", ROLE_BINDER, 6, false,
		{ { "slot", buffer_slot }, { "how", choice } } },
	[OP_BIND] = { "bind", ROLE_BINDER, 30, true,
		{ { "slot", binding_slot }, { "buffer", buffer_slot }, { "queues", queues },
		  { "again", flip } } },
	[OP_BIND_BAD] = { "bind_bad", ROLE_BINDER, 10, true,
		{ { "slot", binding_slot }, { "buffer", buffer_slot }, { "wrong", choice },
		  { "value", any }, { "queue", queue } } },
	[OP_UNBIND] = { "unbind", ROLE_BINDER, 10, true,
		{ { "slot", binding_slot } } },
	[OP_PASS_BINDING] = { "pass_binding", ROLE_BINDER, 4, true,
		{ { "slot", binding_slot } } },
	[OP_DUMP] = { "dump", ROLE_BINDER, 20, true,
		{ { "what", choice } } },
	[OP_TRACE] = { "trace", ROLE_BINDER, 1, false,
		{ { "on", flip } } },
	[OP_PAUSE_BINDER] = { "pause_binder", ROLE_BINDER, 40, false,
		{ { "us", pause_us } } },

	[OP_UPDOWN] = { "updown", ROLE_ADMIN, 10, true,
		{ { "end", end }, { "up", flip } } },
	[OP_MEND] = { "mend", ROLE_ADMIN, 60, false, { } },
	[OP_RINGS] = { "rings", ROLE_ADMIN, 10, true,
		{ { "end", end }, { "size", ring_size }, { "split", split } } },
	[OP_CHANNELS] = { "channels", ROLE_ADMIN, 8, true,
		{ { "end", end }, { "num", channels } } },
	[OP_MTU] = { "mtu", ROLE_ADMIN, 8, true,
		{ { "end", end }, { "mtu", mtu } } },
	[OP_RENAME] = { "rename", ROLE_ADMIN, 4, false,
		{ { "end", end }, { "name", choice } } },
	[OP_MOVE] = { "move", ROLE_ADMIN, 4, false,
		{ { "back", flip } } },
	[OP_STEER] = { "steer", ROLE_ADMIN, 10, true,
		{ { "location", location }, { "port", port }, { "queue", queue },
		  { "delete", flip } } },
	[OP_RSS] = { "rss", ROLE_ADMIN, 6, true,
		{ { "first", queue }, { "num", queue } } },
	[OP_FEATURE] = { "feature", ROLE_ADMIN, 6, true,
		{ { "end", end }, { "which", choice }, { "on", flip } } },
	[OP_RX_CSUM] = { "rx_csum", ROLE_ADMIN, 2, true,
		{ { "on", flip } } },
	[OP_FLAGS] = { "flags", ROLE_ADMIN, 4, true,
		{ { "end", end }, { "which", choice }, { "on", flip } } },
	[OP_MAC] = { "mac", ROLE_ADMIN, 2, true,
		{ { "end", end }, { "last", any } } },
	[OP_ADDRESS] = { "address", ROLE_ADMIN, 3, true,
		{ { "end", end }, { "add", flip } } },
	[OP_KNOB] = { "knob", ROLE_ADMIN, 20, false,
		{ { "end", end }, { "queue", queue }, { "knob", choice },
		  { "value", knob_value } } },
	[OP_REMAKE] = { "remake", ROLE_ADMIN, 2, false, { } },
	[OP_OFFLINE] = { "offline", ROLE_ADMIN, 1, false,
		{ { "offline", flip } } },
	[OP_PAUSE_ADMIN] = { "pause_admin", ROLE_ADMIN, 100, false,
		{ { "us", pause_us } } },
};

static enum op_kind pick_kind(struct gen *gen, enum role role)
{
	uint32_t sum = 0, left;
	unsigned int kind;

	for (kind = 0; kind < OP_KINDS; kind++)
		sum += kinds[kind].role == role ? kinds[kind].weight : 0;
	left = gen_below(gen, sum);
	for (kind = 0; kind < OP_KINDS; kind++) {
		if (kinds[kind].role != role)
			continue;
		if (left < kinds[kind].weight)
			break;
		left -= kinds[kind].weight;
	}
	return kind;
}

void gen_next(struct gen *gen, enum role role, struct op *op)
{
	const struct kind *kind;
	unsigned int i;

	memset(op, 0, sizeof(*op));
	op->kind = pick_kind(gen, role);
	kind = &kinds[op->kind];
	for (i = 0; i < OP_ARGS && kind->arg[i].pick; i++)
		op->arg[i] = kind->arg[i].pick(gen);
	/* Drawn in any case, so that the stream is the same with and without faults */
	i = one_in(gen, 8) ? 1 + gen_below(gen, 24) : 0;
	op->fail_nth = kind->may_fail ? i : 0;
}

const char *op_name(enum op_kind kind)
{
	return kinds[kind].name;
}

enum role op_role(enum op_kind kind)
{
	return kinds[kind].role;
}

enum op_kind op_by_name(const char *name)
{
	unsigned int kind;

	for (kind = 0; kind < OP_KINDS; kind++)
		if (!strcmp(kinds[kind].name, name))
			break;
	return kind;
}

char *op_text(const struct op *op, char *text, size_t size)
{
	const struct kind *kind = &kinds[op->kind];
	size_t len;
	int i;

	len = snprintf(text, size, "%s", kind->name);
	for (i = 0; i < OP_ARGS && kind->arg[i].pick && len < size; i++)
		len += snprintf(text + len, size - len, " %s=%#x", kind->arg[i].name, op->arg[i]);
	if (op->fail_nth && len < size)
		snprintf(text + len, size - len, " fail_nth=%u", op->fail_nth);
	return text;
}
