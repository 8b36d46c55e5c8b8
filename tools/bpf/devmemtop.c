// SPDX-License-Identifier: GPL-2.0-or-later
/* devmemtop - device memory, live: by binding, socket or process */

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "args.h"
#include "attach.h"
#include "devmemtop.h"
#include "devmemtop.skel.h"
#include "diag.h"
#include "holders.h"
#include "inventory.h"
#include "json.h"
#include "output.h"
#include "stream.h"
#include "vec.h"

#define MAX_COLUMNS	12
#define CELL_LEN	64
#define HEADER_LINES	3

enum view {
	VIEW_BINDING,
	VIEW_SOCKET,
	VIEW_PROCESS,
	NUM_VIEWS,
};

struct column {
	const char *name;
	int width;		/* negative: flush left, as in printf */
	const char *json;
};

static const struct {
	const char *name;
	struct column columns[MAX_COLUMNS];
	int sort;		/* column, unless the user wants another */
} views[] = {
	[VIEW_BINDING] = { "binding", {
		{ "BINDING", 7, "binding" }, { "IFNAME", -10, "ifname" },
		{ "IOVS", 8, "iovs" }, { "FREE", 8, "free" },
		{ "POOL", 8, "pool" }, { "USER", 8, "user" },
		{ "USED%", 6, "used_percent" },
		{ "ALLOC/s", 9, "alloc_per_second" },
		{ "GET/s", 9, "get_per_second" },
		{ "PUT/s", 9, "put_per_second" },
		{ "EXH/s", 6, "exhausted_per_second" }, { "STATE", -9, "state" },
	}, 6 },
	[VIEW_SOCKET] = { "socket", {
		{ "COOKIE", 7, "cookie" }, { "BINDING", 7, "binding" },
		{ "IFNAME", -10, "ifname" }, { "IOVS", 8, "iovs" },
		{ "TOKENS", 8, "tokens" }, { "BYTES", 8, "bytes" },
		{ "OLDEST", 8, "oldest_seconds" },
		{ "GET/s", 9, "get_per_second" },
		{ "PUT/s", 9, "put_per_second" },
		{ "LOCAL", -21, "local" }, { "REMOTE", -21, "remote" },
		{ "PROCESS", -20, "process" },
	}, 3 },
	[VIEW_PROCESS] = { "process", {
		{ "PID", 7, "pid" }, { "COMM", -15, "comm" },
		{ "SOCKETS", 7, "sockets" }, { "IOVS", 8, "iovs" },
		{ "TOKENS", 8, "tokens" }, { "BYTES", 10, "bytes" },
		{ "OLDEST", 8, "oldest_seconds" },
		{ "GET/s", 9, "get_per_second" },
		{ "PUT/s", 9, "put_per_second" },
	}, 3 },
};

static struct env {
	struct args args;
	unsigned long interval;
	unsigned long count;
	enum view view;
	const char *sort_name;
	int sort;
	bool batch;
} env = {
	.interval = 1,
	.sort = -1,
};

static const char doc[] =
	"Show device memory live, by binding, socket or process.\v"
	"KEYS: b s p choose the view, < and > the column to sort by, q ends.\n\n"
	"EXAMPLES:\n"
	"  devmemtop                 every second\n"
	"  devmemtop -w process 5    by process, every 5 seconds\n"
	"  devmemtop -B 1 10         10 times as text, for a file\n"
	"  devmemtop -j -b 3 1 1     once, binding 3, as JSON\n";

static const struct argp_option options[] = {
	{ "batch", 'B', NULL, 0, "Print text, no screen; the default without a terminal", 0 },
	{ "view", 'w', "VIEW", 0, "binding (default), socket or process", 0 },
	{ "sort", 's', "COLUMN", 0, "Sort by this column, the largest first", 0 },
	{},
};

static enum view parse_view(struct argp_state *state, const char *name)
{
	unsigned int view;

	for (view = 0; view < NUM_VIEWS; view++)
		if (!strcmp(name, views[view].name))
			return view;

	argp_error(state, "'%s' is no view: there are binding, socket and process", name);
	return VIEW_BINDING;
}

static int find_column(enum view view, const char *name)
{
	int i;

	for (i = 0; i < MAX_COLUMNS && views[view].columns[i].name; i++)
		if (!strcasecmp(name, views[view].columns[i].name))
			return i;
	return -1;
}

static void choose_sort(struct argp_state *state)
{
	env.sort = views[env.view].sort;
	if (!env.sort_name)
		return;

	env.sort = find_column(env.view, env.sort_name);
	if (env.sort < 0)
		argp_error(state, "'%s' is no column of the view by %s",
			   env.sort_name, views[env.view].name);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &env.args;
		state->child_inputs[1] = &env.args;
		return 0;
	case 'B':
		env.batch = true;
		return 0;
	case 'w':
		env.view = parse_view(state, arg);
		return 0;
	case 's':
		env.sort_name = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			argp_error(state, "'%s': there is only INTERVAL and COUNT", arg);
		if (!state->arg_num)
			env.interval = args_number(state, "INTERVAL", arg, 1, INT_MAX);
		else
			env.count = args_number(state, "COUNT", arg, 1, INT_MAX);
		return 0;
	case ARGP_KEY_END:
		choose_sort(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A cell is a number, unless it has text; unknown numbers are REC_UNKNOWN */
struct cell {
	double value;
	bool unknown;
	char text[CELL_LEN];
};

struct row {
	struct cell cells[MAX_COLUMNS];
	int num;
	bool exhausted;
};

DEFINE_VEC(rows, struct row);

/* What was counted of all bindings and sockets, also those not listed just then */
struct counted {
	struct top_key key;
	struct top_counts counts;
};

DEFINE_VEC(snapshot, struct counted);

struct rates {
	double allocs, gets, puts, exhausted;
};

struct top {
	struct inventory_bpf *inv_skel;
	struct devmemtop_bpf *skel;
	unsigned int events;	/* EV_BIT()s that are seen */
	struct inventory *inv;	/* as it was at the last interval's end */
	bool has_holders;	/* that one has */
	struct snapshot now;
	struct snapshot last;	/* of the interval before; empty at first */
	__u64 now_ns;		/* when @now was read */
	double seconds;		/* from @last to @now; 0: there is no @last */
	bool counts_users;	/* the kernel does, without a look at all files */
};

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

/* NAN is unknown as well */
static void add_rate(struct row *row, double value, bool known)
{
	struct cell *cell = add_cell(row);

	cell->unknown = !known || isnan(value);
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
	add_rate(row, ns / 1000000 / 1e3, ns != REC_UNKNOWN);
}

static int cmp_counted(const void *a, const void *b)
{
	const struct top_key *l = &((const struct counted *)a)->key;
	const struct top_key *r = &((const struct counted *)b)->key;

	return (l->binding > r->binding) - (l->binding < r->binding) ?:
	       (l->sk > r->sk) - (l->sk < r->sk);
}

/* In one system call, sorted, so that it can be searched */
static int read_counts(struct top *top)
{
	static struct top_key keys[TOP_ENTRIES];
	static struct top_counts counts[TOP_ENTRIES];
	__u32 bucket, i, num = TOP_ENTRIES;
	int err;

	err = bpf_map_lookup_batch(bpf_map__fd(top->skel->maps.counts), NULL, &bucket,
				   keys, counts, &num, NULL);
	/* ENOENT says that this was all */
	if (err && err != -ENOENT) {
		diag("cannot read what was counted: %s", strerror(-err));
		return err;
	}

	top->now.num = 0;
	for (i = 0; i < num; i++)
		*vec_add(&top->now) = (struct counted){ keys[i], counts[i] };
	vec_sort(&top->now, cmp_counted);
	return 0;
}

static bool is_half_full(const struct top *top)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	return !bpf_map_get_info_by_fd(bpf_map__fd(top->skel->maps.counts), &info, &size) &&
	       top->now.num > info.max_entries / 2;
}

static struct top_counts find_counts(const struct snapshot *snapshot,
				     const struct top_key *addrs)
{
	const struct counted key = { .key = *addrs }, *found = NULL;

	if (snapshot->num)
		found = bsearch(&key, snapshot->at, snapshot->num,
				sizeof(*snapshot->at), cmp_counted);
	return found ? found->counts : (struct top_counts){};
}

/* Removes what was not counted in the last interval. If it was since then, that is in the
 * difference to what is read next.
 */
static void forget_idle(struct top *top)
{
	struct top_counts last, removed;
	struct counted *counted;

	vec_for_each(counted, &top->now) {
		last = find_counts(&top->last, &counted->key);
		if (memcmp(&counted->counts, &last, sizeof(last)) ||
		    bpf_map_lookup_and_delete_elem(bpf_map__fd(top->skel->maps.counts),
						   &counted->key, &removed))
			continue;
		counted->counts.allocs -= removed.allocs;
		counted->counts.gets -= removed.gets;
		counted->counts.puts -= removed.puts;
		counted->counts.exhausted -= removed.exhausted;
	}
}

/* Events in the last interval, by the second: of @binding, with @sk or, if that is 0, in
 * all. Not a number, while there was none.
 */
static struct rates get_rates(const struct top *top, __u64 binding, __u64 sk)
{
	const struct top_key key = { .binding = binding, .sk = sk };
	struct top_counts now = find_counts(&top->now, &key);
	struct top_counts last = find_counts(&top->last, &key);

	if (!top->seconds)
		return (struct rates){ NAN, NAN, NAN, NAN };
	return (struct rates){
		.allocs = (now.allocs - last.allocs) / top->seconds,
		.gets = (now.gets - last.gets) / top->seconds,
		.puts = (now.puts - last.puts) / top->seconds,
		.exhausted = (now.exhausted - last.exhausted) / top->seconds,
	};
}

static bool sees(const struct top *top, enum devmem_event event)
{
	return top->events & EV_BIT(event);
}

static void add_gets_and_puts(const struct top *top, struct row *row,
			      const struct rates *rates)
{
	add_rate(row, rates->gets, sees(top, EV_TOKEN_GET));
	add_rate(row, rates->puts, sees(top, EV_TOKEN_PUT) && sees(top, EV_TOKEN_CLOSE));
}

static void add_binding(const struct top *top, struct rows *rows, const struct inv_binding *binding)
{
	const struct rec_binding *k = &binding->k;
	struct rates rates = get_rates(top, k->addr, 0);
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
	add_rate(row, k->total ? used * 100.0 / k->total : 0, true);
	add_rate(row, rates.allocs, sees(top, EV_ALLOC));
	add_gets_and_puts(top, row, &rates);
	add_rate(row, rates.exhausted, sees(top, EV_EXHAUSTED));
	add_text(row, row->exhausted ? "EXHAUSTED" : k->unbound ? "unbound" : "ok");
}

static void add_holder(const struct top *top, struct rows *rows,
		       const struct inv_binding *binding,
		       const struct inv_holder *holder)
{
	const struct rec_file *sock = &holder->sock;
	struct rates rates = get_rates(top, binding->k.addr, sock->sk);
	struct row *row = vec_add(rows);
	char text[OUT_ADDR_LEN];

	row->num = 0;
	row->exhausted = false;
	add_number(row, sock->cookie);
	add_number(row, binding->k.id);
	add_text(row, binding->k.ifname);
	add_number(row, holder->iovs);
	add_number(row, holder->tokens);
	add_number(row, holder->iovs << binding->k.iov_shift);
	add_age(row, inventory_age(holder->since_ns));
	add_gets_and_puts(top, row, &rates);
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
	struct vec_u64 cookies;	/* of its sockets: one can be in two bindings */
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

static void add_socket(struct process *process, __u64 cookie)
{
	const __u64 *known;

	vec_for_each(known, &process->cookies)
		if (*known == cookie)
			return;
	*vec_add(&process->cookies) = cookie;
}

static void add_to_processes(const struct top *top, struct processes *processes,
			     const struct inv_binding *binding,
			     const struct inv_holder *holder)
{
	struct rates rates = get_rates(top, binding->k.addr, holder->sock.sk);
	const struct inv_task *task;
	unsigned int last = 0;

	vec_for_each(task, &holder->tasks) {
		struct process *process;

		if (task->pid == last)
			continue;
		last = task->pid;
		process = get_process(processes, task);
		add_socket(process, holder->sock.cookie);
		process->iovs += holder->iovs;
		process->tokens += holder->tokens;
		process->bytes += holder->iovs << binding->k.iov_shift;
		if (holder->since_ns < process->since_ns)
			process->since_ns = holder->since_ns;
		process->rates.gets += rates.gets;
		process->rates.puts += rates.puts;
	}
}

static void add_process(const struct top *top, struct rows *rows, const struct process *process)
{
	struct row *row = vec_add(rows);

	row->num = 0;
	row->exhausted = false;
	add_number(row, process->task.pid);
	add_text(row, process->task.comm);
	add_number(row, process->cookies.num);
	add_number(row, process->iovs);
	add_number(row, process->tokens);
	add_number(row, process->bytes);
	add_age(row, inventory_age(process->since_ns));
	add_gets_and_puts(top, row, &process->rates);
}

static void add_rows(const struct top *top, struct rows *rows)
{
	const struct inv_binding *binding;
	const struct inv_holder *holder;
	struct processes processes = {};
	struct process *process;

	vec_for_each(binding, &top->inv->bindings) {
		if (!binding_wanted(binding, &env.args))
			continue;
		if (env.view == VIEW_BINDING) {
			add_binding(top, rows, binding);
			continue;
		}
		vec_for_each(holder, &binding->holders) {
			if (!holder_wanted(holder, &env.args))
				continue;
			if (env.view == VIEW_SOCKET)
				add_holder(top, rows, binding, holder);
			else
				add_to_processes(top, &processes, binding, holder);
		}
	}
	vec_for_each(process, &processes) {
		add_process(top, rows, process);
		vec_free(&process->cookies);
	}
	vec_free(&processes);
}

static int cmp_rows(const void *a, const void *b)
{
	const struct cell *l = &((const struct row *)a)->cells[env.sort];
	const struct cell *r = &((const struct row *)b)->cells[env.sort];

	if (*l->text || *r->text)
		return strcmp(l->text, r->text);
	return (l->value < r->value) - (l->value > r->value);
}

/* Who is there, as the view needs it */
static int read_inventory(struct top *top)
{
	unsigned int what = env.view == VIEW_BINDING && top->counts_users ? 0 : INV_HOLDERS;
	struct inventory *inv;

	inv = inventory_read(top->inv_skel, what);
	if (!inv)
		return -EIO;
	inventory_free(top->inv);
	top->inv = inv;
	top->has_holders = what;
	top->counts_users = inv->layout == LAYOUT_PPDEVMEM;
	return 0;
}

/* An interval is over. Counts are read first: a socket that comes in between has its rate in
 * the next one, and not in none.
 */
static int collect(struct top *top)
{
	struct snapshot last = top->last;
	__u64 now;
	int err;

	if (is_half_full(top))
		forget_idle(top);
	top->last = top->now;
	top->now = last;
	err = read_counts(top);
	if (err)
		return err;
	now = stream_now_ns();
	top->seconds = top->now_ns ? (now - top->now_ns) / 1e9 : 0;
	top->now_ns = now;
	return read_inventory(top);
}

/* Large values lose their fraction, so that columns stay narrow */
static const char *cell_text(char buf[CELL_LEN], const struct cell *cell)
{
	if (*cell->text)
		return cell->text;
	if (cell->unknown)
		return "-";

	snprintf(buf, CELL_LEN, cell->value != (__u64)cell->value && cell->value < 1e5 ?
		 "%.1f" : "%.0f", cell->value);
	return buf;
}

static void format_header(char *line, size_t len)
{
	const struct column *col = views[env.view].columns;
	size_t used = 0;
	int i;

	for (i = 0; i < MAX_COLUMNS && col[i].name && used < len; i++)
		used += snprintf(line + used, len - used, "%*s ", col[i].width,
				 col[i].name);
}

static void format_row(char *line, size_t len, const struct row *row)
{
	const struct column *col = views[env.view].columns;
	char text[CELL_LEN];
	size_t used = 0;
	int i;

	for (i = 0; i < row->num && used < len; i++)
		used += snprintf(line + used, len - used, "%*s ", col[i].width,
				 cell_text(text, &row->cells[i]));
}

static void print_text(const struct top *top, const struct rows *rows)
{
	const struct row *row;
	char line[512], time[32];

	printf("%s by %s, every %lu s\n", stream_time(time, top->now_ns),
	       views[env.view].name, env.interval);
	format_header(line, sizeof(line));
	puts(line);
	vec_for_each(row, rows) {
		format_row(line, sizeof(line), row);
		puts(line);
	}
	putchar('\n');
}

static void cell_json(const char *name, const struct cell *cell)
{
	if (cell->unknown)
		json_null(name);
	else if (*cell->text)
		json_string(name, cell->text);
	else
		json_real(name, cell->value);
}

static void print_json(const struct top *top, const struct rows *rows)
{
	const struct column *col = views[env.view].columns;
	const struct row *row;
	int i;

	json_begin_object(NULL);
	json_real("time", top->now_ns / 1000 / 1e6);
	json_string("view", views[env.view].name);
	json_begin_array("rows");
	vec_for_each(row, rows) {
		json_begin_object(NULL);
		for (i = 0; i < row->num; i++)
			cell_json(col[i].json, &row->cells[i]);
		json_end_object();
	}
	json_end_array();
	json_end_document();
}

static void draw(const struct top *top, const struct rows *rows)
{
	char line[512], time[32];
	int y = HEADER_LINES;
	const struct row *row;

	erase();
	mvprintw(0, 0, "devmemtop %s  by %s, sorted by %s", stream_time(time, top->now_ns),
		 views[env.view].name, views[env.view].columns[env.sort].name);
	format_header(line, sizeof(line));
	attron(A_REVERSE);
	mvaddnstr(HEADER_LINES - 1, 0, line, COLS);
	attroff(A_REVERSE);
	vec_for_each(row, rows) {
		if (y >= LINES)
			break;
		format_row(line, sizeof(line), row);
		if (row->exhausted)
			attron(A_BOLD | COLOR_PAIR(1));
		mvaddnstr(y++, 0, line, COLS);
		attroff(A_BOLD | COLOR_PAIR(1));
	}
	refresh();
}

static void set_view(enum view view)
{
	env.view = view;
	env.sort = views[view].sort;
}

static void move_sort(int step)
{
	int next = env.sort + step;

	if (next >= 0 && next < MAX_COLUMNS && views[env.view].columns[next].name)
		env.sort = next;
}

/* Does what a key says; false if it says nothing */
static bool handle_key(int key)
{
	switch (key) {
	case 'q':
		stream_stop = true;
		return true;
	case 'b':
		set_view(VIEW_BINDING);
		return true;
	case 's':
		set_view(VIEW_SOCKET);
		return true;
	case 'p':
		set_view(VIEW_PROCESS);
		return true;
	case '<':
	case KEY_LEFT:
		move_sort(-1);
		return true;
	case '>':
	case KEY_RIGHT:
		move_sort(1);
		return true;
	case KEY_RESIZE:
		return true;
	default:
		return false;
	}
}

static int open_screen(void)
{
	if (!newterm(NULL, stdout, stdin)) {
		diag("terminal '%s' is not known: set TERM, or use -b",
		     getenv("TERM") ?: "");
		return -EINVAL;
	}
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	start_color();
	use_default_colors();
	init_pair(1, COLOR_RED, -1);
	return 0;
}

static void show(const struct top *top)
{
	struct rows rows = {};

	add_rows(top, &rows);
	vec_sort(&rows, cmp_rows);
	if (env.args.json)
		print_json(top, &rows);
	else if (env.batch)
		print_text(top, &rows);
	else
		draw(top, &rows);
	vec_free(&rows);
}

/* Keys change what is shown of the last interval, and not how long this one lasts */
static int watch_keys(struct top *top)
{
	__u64 now, end = top->now_ns + env.interval * 1000000000ULL;
	int err;

	if (!isatty(STDIN_FILENO)) {
		stream_sleep(env.interval);
		return 0;
	}
	for (now = stream_now_ns(); !stream_stop && now < end; now = stream_now_ns()) {
		timeout((end - now) / 1000000 + 1);
		if (!handle_key(getch()))
			continue;
		if (env.view != VIEW_BINDING && !top->has_holders) {
			err = read_inventory(top);
			if (err)
				return err;
		}
		show(top);
	}
	return 0;
}

/* The first time there are no rates yet */
static int follow(struct top *top)
{
	unsigned long i;
	int err = 0;

	for (i = 0; !stream_stop && (!env.count || i < env.count); i++) {
		if (i && env.batch)
			stream_sleep(env.interval);
		else if (i)
			err = watch_keys(top);
		if (stream_stop || err)
			break;
		err = collect(top);
		if (err)
			break;
		show(top);
		if (fflush(stdout))
			break;
	}
	return err;
}

/* What cannot be seen on this kernel is shown as unknown */
static int load(struct top *top)
{
	const unsigned int events = EV_BIT(EV_TOKEN_GET) | EV_BIT(EV_TOKEN_PUT) |
				    EV_BIT(EV_TOKEN_CLOSE) | EV_BIT(EV_ALLOC) |
				    EV_BIT(EV_EXHAUSTED);

	top->skel = devmemtop_bpf__open();
	if (!top->skel) {
		diag("cannot open the BPF programs: %s", strerror(errno));
		return -errno;
	}
	top->events = attach_plan(top->skel->obj, events);
	return attach_start(top->skel->skeleton, top->events, 0);
}

static void report_missed(const struct top *top)
{
	unsigned long long missed = attach_missed(top->skel->obj);

	if (missed)
		diag("%llu events were missed, so rates were higher than shown", missed);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[INTERVAL [COUNT]]",
		.doc = doc,
	};
	struct top top = {};
	int err = -1;

	args_parse_binding(&argp, argc, argv);
	args_say_unknown_device(&env.args);
	if (env.args.json || !isatty(STDOUT_FILENO))
		env.batch = true;
	top.inv_skel = inventory_open();
	if (!top.inv_skel)
		return EXIT_FOUND;
	if (load(&top))
		goto out;

	stream_catch_signals();
	if (!env.batch && open_screen())
		goto out;
	err = follow(&top);
	if (!env.batch)
		endwin();
	report_missed(&top);
out:
	inventory_free(top.inv);
	vec_free(&top.last);
	vec_free(&top.now);
	devmemtop_bpf__destroy(top.skel);
	inventory_close(top.inv_skel);
	return err ? EXIT_FOUND : EXIT_DONE;
}
