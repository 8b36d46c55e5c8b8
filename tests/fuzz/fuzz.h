/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of devfuzz share: limits, the world, the worker. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "uapi.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dmabuf.h"
#include "gen.h"
#include "netdev.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define PROCESSES	2
#define WORKERS		9	/* threads, over all processes */
#define QUEUES		4	/* of each device; no port is steered to queue 0 */
#define PORTS		3	/* port P is steered to queue P + 1 */
#define FIRST_PORT	5201
#define CONNS		16	/* of a process: connections that receive */
#define SENDERS		12	/* of a process: connections that send */
#define BUFFERS		6	/* of a process: dma-bufs */
#define BINDINGS	4	/* of a process: netlink sockets to bind with */
#define TOKENS		256	/* remembered of a connection */

#define ONE_CMSG	CMSG_SPACE(sizeof(struct dmabuf_cmsg))
#define DATA_SIZE	(256 << 10)
#define CONTROL_SIZE	4096

/* Operations of a thread that are remembered for who asks what led here. */
#define RECORDS		16

/* The result of an operation that found nothing to operate on. */
#define SKIPPED		LONG_MIN

/* The two devices of the pair. */
enum end {
	END_RX,
	END_TX,
	ENDS,
};

/* Network namespaces. */
enum ns {
	NS_RX,
	NS_TX,
	NS_AWAY,	/* where the receiving device is moved to, and back */
	NAMESPACES,
};

struct record {
	uint64_t number;	/* of the operation in its thread's stream, from 0 */
	struct op op;
	long result;
	bool done;
};

struct tally {
	_Atomic uint64_t done;	/* operations that succeeded */
	_Atomic uint64_t refused;
	_Atomic uint64_t skipped;
	_Atomic uint64_t faults;	/* operations in which an allocation was made to fail */
};

/* Shared by all processes of a round. */
struct world {
	_Atomic int64_t left;	/* operations until the end of the round */
	_Atomic bool stop;
	_Atomic unsigned int working;	/* threads that have not come to their end */
	_Atomic int ifindex[ENDS];
	_Atomic bool away;	/* where the receiving device is */
	_Atomic bool offline;	/* a processor is */
	_Atomic bool knobs;	/* some may be turned */
	_Atomic uint64_t number[WORKERS];	/* the operation that a thread is at */
	struct record record[WORKERS][RECORDS];	/* by number modulo RECORDS */
	struct tally tally[OP_KINDS];
};

/* What the user asked for; the same for all rounds. */
struct settings {
	uint64_t seed;
	bool faults;
	bool map_once;	/* the kernel complains of memory that is mapped twice */
	bool without[OP_KINDS];
	bool idle[WORKERS];
};

/* What processes of a round inherit. */
struct bed {
	int ns[NAMESPACES];
	int listener[PORTS];
	int mail[2];
};

/* Tokens of a connection that its readers know of. */
struct tokens {
	atomic_flag busy;	/* only tried: who forks may leave it set for ever */
	unsigned int num;
	uint32_t token[TOKENS];
};

/* Sockets and memory of a process, shared by its threads. An fd of -1: nothing there. */
struct process {
	_Atomic int conn[CONNS];
	struct tokens tokens[CONNS];
	_Atomic int sender[SENDERS];
	pthread_mutex_t buffer_lock;
	struct dmabuf buffer[BUFFERS];
	pthread_mutex_t binding_lock[BINDINGS];
	struct netdev binding[BINDINGS];
	bool bound[BINDINGS];	/* the socket is open */
};

/* One thread. */
struct worker {
	const struct settings *settings;
	const struct bed *bed;
	struct world *world;
	struct process *proc;
	unsigned int id;
	enum role role;
	struct gen gen;
	uint64_t number;
	int fail_nth;	/* /proc/thread-self/fail-nth, or -1 */
	char *data[PLACES];
	char *control[PLACES];
	struct netdev netdev;	/* for requests that bind nothing */
	struct admin *admin;	/* of the thread that changes devices */
};

typedef long (*op_func)(struct worker *w, const uint32_t *arg);

/* ops_read.c, ops_send.c, ops_bind.c, ops_dev.c: the operations of each role */
extern const op_func read_ops[OP_KINDS];
extern const op_func send_ops[OP_KINDS];
extern const op_func bind_ops[OP_KINDS];
extern const op_func dev_ops[OP_KINDS];

/* worker.c */

/* Run @op, remember and count it. */
void worker_run_op(struct worker *w, const struct op *op);
/* Memory of @len bytes at @place for a system call; @regions is w->data or w->control. */
void *worker_place(char *const *regions, size_t size, enum place place, size_t len);
/* Send a descriptor of @fd to whoever takes it. Returns 0 or a negative errno. */
long worker_pass(struct worker *w, int fd);
/* Be process @proc of the round until it is over; does not return. */
void worker_process(const struct settings *settings, const struct bed *bed, struct world *world,
		    unsigned int round, unsigned int proc, int until) __attribute__((noreturn));
enum role worker_role(unsigned int id);

static inline long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

#endif
