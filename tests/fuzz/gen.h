/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a thread does: a stream of operations with typed arguments, made of its
 * seed and of nothing else. The results of operations do not come in, so the
 * stream is the same in every run, and can be listed without running it.
 */
#ifndef FUZZ_GEN_H
#define FUZZ_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OP_ARGS 6

/* What one thread is for: the groups of operations. */
enum role {
	ROLE_READER,	/* connections that receive, in the namespace "rx" */
	ROLE_SENDER,	/* their other ends, in "tx" */
	ROLE_BINDER,	/* dma-bufs, binds, unbinds */
	ROLE_ADMIN,	/* devices and processors */
	ROLES,
};

enum op_kind {
	OP_ACCEPT, OP_RECV, OP_RECVMMSG, OP_GIVE, OP_GIVE_TWICE, OP_GUESS, OP_GIVE_ODD,
	OP_READ, OP_SOCKOPT, OP_QUERY, OP_REPLY, OP_SHUTDOWN, OP_DISCONNECT, OP_CLOSE, OP_DUP,
	OP_FCNTL, OP_PASS, OP_TAKE, OP_FORK, OP_MIGRATE,

	OP_CONNECT, OP_SEND, OP_DRAIN, OP_SENDOPT, OP_SHUT_SENDER, OP_CLOSE_SENDER, OP_RESET,

	OP_BUFFER, OP_BUFFER_CLOSE, OP_BUFFER_USE, OP_BIND, OP_BIND_BAD, OP_UNBIND,
	OP_PASS_BINDING, OP_DUMP, OP_TRACE, OP_PAUSE_BINDER,

	OP_UPDOWN, OP_MEND, OP_RINGS, OP_CHANNELS, OP_MTU, OP_RENAME, OP_MOVE, OP_STEER,
	OP_RSS, OP_FEATURE, OP_RX_CSUM, OP_FLAGS, OP_MAC, OP_ADDRESS, OP_KNOB, OP_REMAKE,
	OP_OFFLINE, OP_PAUSE_ADMIN,

	OP_KINDS,
};

struct op {
	uint16_t kind;
	uint16_t fail_nth;	/* which allocation fails in it, if faults are on; 0: none */
	uint32_t arg[OP_ARGS];
};

/* A stream of random numbers, and so of operations. */
struct gen {
	uint64_t state;
};

/* What memory a system call gets to see. */
enum place {
	PLACE_GOOD,
	PLACE_EDGE,	/* its second half is not there */
	PLACE_READ_ONLY,
	PLACE_UNMAPPED,
	PLACES,
};

/* The stream of @thread in round @round of @seed. */
void gen_init(struct gen *gen, uint64_t seed, unsigned int round, unsigned int thread);
void gen_next(struct gen *gen, enum role role, struct op *op);

/* A number below @limit; the same for all of the fuzzer's random numbers. */
uint32_t gen_below(struct gen *gen, uint32_t limit);

const char *op_name(enum op_kind kind);
enum role op_role(enum op_kind kind);
/* The kind called @name, or OP_KINDS. */
enum op_kind op_by_name(const char *name);
/* "recv slot=3 len=4096 ..." into @text, which it returns. */
char *op_text(const struct op *op, char *text, size_t size);

#endif
