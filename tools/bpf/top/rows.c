// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes the rows of a view */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "holders.h"
#include "output.h"
#include "rates.h"
#include "rows.h"

const struct view_info views[NUM_VIEWS] = {
	[VIEW_BINDING] = { "binding", {
		{ "BINDING", 7, "binding" }, { "IFNAME", -10, "ifname" },
		{ "IOVS", 8, "iovs" }, { "FREE", 8, "free" },
		{ "POOL", 8, "pool" }, { "USER", 8, "user" },
		{ "USED%", 6, "used_percent" },
		{ "ALLOC/s", 9, "alloc_per_second" },
		{ "GET/s", 9, "get_per_second" },
		{ "PUT/s", 9, "put_per_second" },
		{ "EXH/s", 6, "exhausted_per_second" }, { "STATE", -9, "state" },
	}, 6, TOP_BINDINGS },
	[VIEW_SOCKET] = { "socket", {
		{ "COOKIE", 7, "cookie" }, { "BINDING", 7, "binding" },
		{ "IFNAME", -10, "ifname" }, { "IOVS", 8, "iovs" },
		{ "TOKENS", 8, "tokens" }, { "BYTES", 8, "bytes" },
		{ "OLDEST", 8, "oldest_seconds" },
		{ "GET/s", 9, "get_per_second" },
		{ "PUT/s", 9, "put_per_second" },
		{ "LOCAL", -21, "local" }, { "REMOTE", -21, "remote" },
		{ "PROCESS", -20, "process" },
	}, 3, TOP_SOCKETS },
	[VIEW_PROCESS] = { "process", {
		{ "PID", 7, "pid" }, { "COMM", -15, "comm" },
		{ "SOCKETS", 7, "sockets" }, { "IOVS", 8, "iovs" },
		{ "TOKENS", 8, "tokens" }, { "BYTES", 10, "bytes" },
		{ "OLDEST", 8, "oldest_seconds" },
		{ "GET/s", 9, "get_per_second" },
		{ "PUT/s", 9, "put_per_second" },
	}, 3, TOP_SOCKETS },
};

int rows_find_column(enum view view, const char *name)
{
	int i;

	for (i = 0; i < MAX_COLUMNS && views[view].columns[i].name; i++)
		if (!strcasecmp(name, views[view].columns[i].name))
			return i;
	return -1;
}

static struct cell *add_cell(struct row *row)
{
	struct cell *cell = &row->cells[row->num++];

	memset(cell, 0, sizeof(*cell));
	return cell;
}

static void add_number(struct row *row, __u64 value)
{
	struct cell *cell = add_cell(row);

	cell->unknown = value == REC_UNKNOWN;
	cell->value = cell->unknown ? -1.0 : (double)value;
}

/* NAN is unknown */
static void add_real(struct row *row, double value)
{
	struct cell *cell = add_cell(row);

	cell->unknown = isnan(value);
	cell->value = cell->unknown ? -1 : value;
}

static void add_text(struct row *row, const char *text)
{
	struct cell *cell = add_cell(row);
	char name[OUT_NAME_LEN];

	cell->unknown = !*text;
	snprintf(cell->text, CELL_LEN, "%s", out_name(name, text));
}

static void add_age(struct row *row, __u64 ns)
{
	add_real(row, ns == REC_UNKNOWN ? NAN : ns / 1000000 / 1e3);
}

static void add_binding(const struct top *top, struct rows *rows, const struct inv_binding *binding)
{
	const struct rec_binding *k = &binding->k;
	struct rates rates = rates_of_binding(top, binding);
	__u64 used = k->total - k->free;
	struct row *row = vec_add(rows);

	row->num = 0;
	row->exhausted = !k->free || rates.exhausted > 0;
	add_number(row, k->id);
	add_text(row, k->ifname);
	add_number(row, k->total);
	add_number(row, k->free);
	add_number(row, used > k->user ? used - k->user : 0);
	add_number(row, k->user);
	add_real(row, k->total ? used * 100.0 / k->total : 0);
	add_real(row, rates.allocs);
	add_real(row, rates.gets);
	add_real(row, rates.puts);
	add_real(row, rates.exhausted);
	add_text(row, row->exhausted ? "EXHAUSTED" : k->unbound ? "unbound" : "ok");
}

static void add_holder(const struct top *top, struct rows *rows,
		       const struct inv_binding *binding,
		       const struct inv_holder *holder)
{
	const struct rec_file *sock = &holder->sock;
	struct rates rates = rates_of_socket(top, binding->k.id, sock->sk);
	struct row *row = vec_add(rows);
	char text[OUT_ADDR_LEN];

	row->num = 0;
	row->exhausted = false;
	add_number(row, sock->cookie ?: REC_UNKNOWN);
	add_number(row, binding->k.id);
	add_text(row, binding->k.ifname);
	add_number(row, holder->iovs);
	add_number(row, holder->tokens);
	add_number(row, holder->iovs << binding->k.iov_shift);
	add_age(row, inventory_age(holder->since_ns));
	add_real(row, rates.gets);
	add_real(row, rates.puts);
	add_text(row, out_addr(text, sock->family, sock->local_addr, sock->local_port));
	add_text(row, out_addr(text, sock->family, sock->remote_addr, sock->remote_port));
	if (holder->tasks.num)
		snprintf(text, sizeof(text), "%.15s[%u]", holder->tasks.at[0].comm,
			 holder->tasks.at[0].pid);
	add_text(row, holder->tasks.num ? text : "");
}

/* A process: the sum over the sockets that it has open */
struct process {
	struct inv_task task;
	struct vec_u64 socks;	/* its sockets: one can be in two bindings */
	__u64 iovs, tokens, bytes;
	__u64 since_ns;
	struct rates rates;
};

DEFINE_VEC(processes, struct process);

static struct process *get_process(struct processes *processes,
				   const struct inv_task *task)
{
	struct process *process;

	vec_for_each(process, processes)
		if (process->task.pid == task->pid)
			return process;

	process = vec_add(processes);
	memset(process, 0, sizeof(*process));
	process->task = *task;
	process->since_ns = REC_UNKNOWN;
	return process;
}

static void add_socket(struct process *process, __u64 sk)
{
	const __u64 *known;

	vec_for_each(known, &process->socks)
		if (*known == sk)
			return;
	*vec_add(&process->socks) = sk;
}

static void add_to_processes(const struct top *top, struct processes *processes,
			     const struct inv_binding *binding,
			     const struct inv_holder *holder)
{
	struct rates rates = rates_of_socket(top, binding->k.id, holder->sock.sk);
	const struct inv_task *task;
	unsigned int last = 0;

	vec_for_each(task, &holder->tasks) {
		struct process *process;

		if (task->pid == last)
			continue;
		last = task->pid;
		process = get_process(processes, task);
		add_socket(process, holder->sock.sk);
		process->iovs += holder->iovs;
		process->tokens += holder->tokens;
		process->bytes += holder->iovs << binding->k.iov_shift;
		if (holder->since_ns < process->since_ns)
			process->since_ns = holder->since_ns;
		process->rates.gets += rates.gets;
		process->rates.puts += rates.puts;
	}
}

static void add_process(struct rows *rows, const struct process *process)
{
	struct row *row = vec_add(rows);

	row->num = 0;
	row->exhausted = false;
	add_number(row, process->task.pid);
	add_text(row, process->task.comm);
	add_number(row, process->socks.num);
	add_number(row, process->iovs);
	add_number(row, process->tokens);
	add_number(row, process->bytes);
	add_age(row, inventory_age(process->since_ns));
	add_real(row, process->rates.gets);
	add_real(row, process->rates.puts);
}

static void add_rows(struct rows *rows, const struct top *top, const struct choice *choice)
{
	const struct inv_binding *binding;
	const struct inv_holder *holder;
	struct processes processes = {};
	struct process *process;

	vec_for_each(binding, &top->inv->bindings) {
		if (!binding_wanted(binding, &choice->args))
			continue;
		if (choice->view == VIEW_BINDING) {
			add_binding(top, rows, binding);
			continue;
		}
		vec_for_each(holder, &binding->holders) {
			if (!holder_wanted(holder, &choice->args))
				continue;
			if (choice->view == VIEW_SOCKET)
				add_holder(top, rows, binding, holder);
			else
				add_to_processes(top, &processes, binding, holder);
		}
	}
	vec_for_each(process, &processes) {
		add_process(rows, process);
		vec_free(&process->socks);
	}
	vec_free(&processes);
}

/* For qsort(), which hands nothing on */
static int sort_column;

static int cmp_rows(const void *a, const void *b)
{
	const struct cell *l = &((const struct row *)a)->cells[sort_column];
	const struct cell *r = &((const struct row *)b)->cells[sort_column];

	if (*l->text || *r->text)
		return strcmp(l->text, r->text);
	return (l->value < r->value) - (l->value > r->value);
}

void rows_make(struct rows *rows, const struct top *top, const struct choice *choice)
{
	add_rows(rows, top, choice);
	sort_column = choice->sort;
	vec_sort(rows, cmp_rows);
}
