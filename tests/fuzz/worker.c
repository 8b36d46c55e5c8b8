// SPDX-License-Identifier: GPL-2.0-or-later
/* Threads that run operations, and the processes that they are in. */
#include "fuzz.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bed.h"

#define PAGE 4096
#define FAIL_NTH "/proc/thread-self/fail-nth"

/* Which threads there are. */
static const struct {
	unsigned int proc;
	enum role role;
} plan[WORKERS] = {
	{ 0, ROLE_READER }, { 0, ROLE_READER }, { 0, ROLE_SENDER }, { 0, ROLE_BINDER },
	{ 0, ROLE_ADMIN },
	{ 1, ROLE_READER }, { 1, ROLE_READER }, { 1, ROLE_SENDER }, { 1, ROLE_BINDER },
};

enum role worker_role(unsigned int id)
{
	return plan[id].role;
}

/* Not a finding: the fuzzer itself cannot go on. */
static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	_exit(1);
}

static op_func func_of(enum op_kind kind)
{
	switch (op_role(kind)) {
	case ROLE_READER:
		return read_ops[kind];
	case ROLE_SENDER:
		return send_ops[kind];
	case ROLE_BINDER:
		return bind_ops[kind];
	default:
		return dev_ops[kind];
	}
}

static void set_fail_nth(const struct worker *w, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(w->fail_nth, text, len, 0) != len)
		die(FAIL_NTH);
}

/* Disarm; returns whether the allocation was made to fail. */
static bool fault_happened(const struct worker *w)
{
	char text[16] = "";

	if (pread(w->fail_nth, text, sizeof(text) - 1, 0) < 1)
		die(FAIL_NTH);
	set_fail_nth(w, 0);
	return atoi(text) == 0;
}

void worker_run_op(struct worker *w, const struct op *op)
{
	struct record *rec = &w->world->record[w->id][w->number % RECORDS];
	struct tally *tally = &w->world->tally[op->kind];
	const bool fail = op->fail_nth && w->fail_nth >= 0;
	const op_func func = func_of(op->kind);
	long ret;

	*rec = (struct record){ .number = w->number, .op = *op };
	w->world->number[w->id] = w->number++;
	if (fail)
		set_fail_nth(w, op->fail_nth);
	ret = func(w, op->arg);
	if (fail && fault_happened(w))
		tally->faults++;
	rec->result = ret;
	rec->done = true;
	if (ret == SKIPPED) {
		tally->skipped++;
		/* Others may bring something to operate on */
		sched_yield();
		return;
	}
	w->world->left--;
	if (ret < 0)
		tally->refused++;
	else
		tally->done++;
}

void *worker_place(char *const *regions, size_t size, enum place place, size_t len)
{
	/* Regions end where nothing is mapped */
	if (place == PLACE_EDGE)
		return regions[PLACE_GOOD] + size - (len / 2 < size ? len / 2 : size);
	return regions[place];
}

/* @size bytes of memory followed by nothing. */
static char *make_region(size_t size, int prot)
{
	char *map = mmap(NULL, size + PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map + size, PAGE, PROT_NONE))
		die("memory");
	return map;
}

static void make_regions(char **regions, size_t size)
{
	regions[PLACE_GOOD] = make_region(size, PROT_READ | PROT_WRITE);
	regions[PLACE_READ_ONLY] = make_region(size, PROT_READ);
	regions[PLACE_UNMAPPED] = make_region(size, PROT_NONE);
}

long worker_pass(struct worker *w, int fd)
{
	char room[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room),
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	return sendmsg(w->bed->mail[0], &msg, MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* Begin with something to bind. */
static void set_up_binder(struct worker *w)
{
	unsigned int i;

	if (netdev_open(&w->netdev))
		die("netlink family netdev");
	bed_limit_patience(mnl_socket_get_fd(w->netdev.genl.nl), BED_ANSWER_MS);
	for (i = 0; i < BUFFERS; i++)
		if (dmabuf_create(&w->proc->buffer[i], "udmabuf", (16 << i) * PAGE))
			w->proc->buffer[i].fd = -1;
}

static void set_up(struct worker *w)
{
	if (setns(w->bed->ns[w->role == ROLE_SENDER ? NS_TX : NS_RX], CLONE_NEWNET))
		die("setns");
	w->fail_nth = w->settings->faults ? open(FAIL_NTH, O_RDWR | O_CLOEXEC) : -1;
	if (w->settings->faults && w->fail_nth < 0)
		die(FAIL_NTH);
	if (w->role == ROLE_BINDER)
		set_up_binder(w);
	if (w->role == ROLE_ADMIN && admin_open(w->admin, w->bed, w->world))
		die("netlink");
	make_regions(w->data, DATA_SIZE);
	make_regions(w->control, CONTROL_SIZE);
}

static void *work(void *data)
{
	struct worker *w = data;
	struct op op;

	set_up(w);
	while (!w->world->stop && w->world->left > 0) {
		gen_next(&w->gen, w->role, &op);
		if (w->settings->without[op.kind])
			w->number++;
		else
			worker_run_op(w, &op);
	}
	w->world->working--;
	return NULL;
}

static void init_process(struct process *proc)
{
	int i;

	for (i = 0; i < CONNS; i++)
		proc->conn[i] = -1;
	for (i = 0; i < SENDERS; i++)
		proc->sender[i] = -1;
	for (i = 0; i < BUFFERS; i++)
		proc->buffer[i].fd = -1;
	for (i = 0; i < BINDINGS; i++)
		pthread_mutex_init(&proc->binding_lock[i], NULL);
	pthread_mutex_init(&proc->buffer_lock, NULL);
}

/* So that nothing lives on in a closed socket that waits for its peer. */
static void abort_connections(struct process *proc)
{
	const struct linger now = { .l_onoff = 1 };
	int i;

	for (i = 0; i < CONNS; i++)
		if (proc->conn[i] >= 0)
			setsockopt(proc->conn[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	for (i = 0; i < SENDERS; i++)
		if (proc->sender[i] >= 0)
			setsockopt(proc->sender[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

void worker_process(const struct settings *settings, const struct bed *bed, struct world *world,
		    unsigned int round, unsigned int proc, int until)
{
	static struct worker workers[WORKERS];
	static struct process process;
	static struct admin admin;
	pthread_t threads[WORKERS];
	unsigned int id;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	init_process(&process);
	for (id = 0; id < WORKERS; id++) {
		if (plan[id].proc != proc || settings->idle[id])
			continue;
		workers[id] = (struct worker){
			.settings = settings,
			.bed = bed,
			.world = world,
			.proc = &process,
			.id = id,
			.role = plan[id].role,
			.admin = &admin,
		};
		gen_init(&workers[id].gen, settings->seed, round, id);
		if (pthread_create(&threads[id], NULL, work, &workers[id]))
			die("pthread_create");
	}
	for (id = 0; id < WORKERS; id++)
		if (plan[id].proc == proc && !settings->idle[id])
			pthread_join(threads[id], NULL);
	/* What it holds is looked at now */
	while (read(until, &byte, 1) > 0)
		;
	abort_connections(&process);
	_exit(0);
}
