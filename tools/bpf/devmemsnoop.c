// SPDX-License-Identifier: GPL-2.0-or-later
/* devmemsnoop - what happens to device memory, event by event */

#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>

#include "args.h"
#include "attach.h"
#include "diag.h"
#include "devmemsnoop.h"
#include "devmemsnoop.skel.h"
#include "json.h"
#include "ksyms.h"
#include "output.h"
#include "stream.h"

#define LINE_LEN	512
#define OUTPUT_BYTES	(64 * 1024)
#define POLL_MS		100
#define BATCH		1024	/* records between two looks at whether to stop */
#define WAKE_KIB	64	/* so much is in the buffer before the reader is woken */

static struct env {
	struct args args;
	unsigned int events;
	bool named;		/* the events, by the user */
	unsigned long seconds;
	unsigned long buffer_kib;
	bool stacks;
	bool timestamps;
} env = {
	.events = EV_ALL,
	.buffer_kib = 8192,
};

static const char doc[] =
	"Show what happens to device memory, event by event.\v"
	"EVENTS: bind unbind binding_free queue_bind queue_unbind alloc release exhausted token_get token_put token_close pool_destroy drop\n\n"
	"EXAMPLES:\n"
	"  devmemsnoop                            everything\n"
	"  devmemsnoop -T -e bind,unbind,drop     rare events only, with the time\n"
	"  devmemsnoop -p 311 -e token_get -k     who reads, and from where\n"
	"  devmemsnoop -j -d 10 -b 1              binding 1 for 10 seconds, as JSON\n";

enum {
	OPT_BUFFER = 256,
};

static const struct argp_option options[] = {
	{ "events", 'e', "EVENT[,EVENT...]", 0, "Only these events", 0 },
	{ "stacks", 'k', NULL, 0, "Show kernel stacks", 0 },
	{ "timestamps", 'T', NULL, 0, "Show the time", 0 },
	{ "duration", 'd', "SECONDS", 0, "End after so many seconds", 0 },
	{ "buffer", OPT_BUFFER, "KIB", 0, "Size of the event buffer (default 8192)", 0 },
	{},
};

static unsigned int parse_event(struct argp_state *state, const char *name)
{
	unsigned int event;

	for (event = 0; event < EV_NUM; event++)
		if (!strcmp(name, event_name(event)))
			return EV_BIT(event);

	argp_error(state, "'%s' is no event, see --help", name);
	return 0;
}

static unsigned int parse_events(struct argp_state *state, char *names)
{
	unsigned int events = 0;
	char *name;

	for (name = strtok(names, ","); name; name = strtok(NULL, ","))
		events |= parse_event(state, name);
	return events;
}

/* With -p, what no process does would be waited for in vain */
static void choose_by_process(struct argp_state *state)
{
	unsigned int event;

	if (!env.args.pid)
		return;
	for (event = 0; event < EV_NUM; event++)
		if (env.named && env.events & EV_BIT(event) & ~EV_BY_PROCESS)
			argp_error(state, "-p: no process does '%s', it happens in softirq or when a socket is closed",
				   event_name(event));
	env.events &= EV_BY_PROCESS;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &env.args;
		state->child_inputs[1] = &env.args;
		return 0;
	case 'e':
		env.events = parse_events(state, arg);
		env.named = true;
		return 0;
	case 'k':
		env.stacks = true;
		return 0;
	case 'T':
		env.timestamps = true;
		return 0;
	case 'd':
		env.seconds = args_number(state, "SECONDS", arg, 1, INT_MAX);
		return 0;
	case OPT_BUFFER:
		env.buffer_kib = args_number(state, "KIB", arg, 4, 1 << 20);
		if (env.buffer_kib & (env.buffer_kib - 1))
			argp_error(state, "KIB is %s, not a power of two", arg);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s': there are only options", arg);
		return 0;
	case ARGP_KEY_END:
		choose_by_process(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool is_token(const struct snoop_record *rec)
{
	return EV_BIT(rec->kind) & (EV_BIT(EV_TOKEN_GET) | EV_BIT(EV_TOKEN_PUT) |
				    EV_BIT(EV_TOKEN_CLOSE));
}

static void hex_json(const char *name, __u64 value)
{
	if (value)
		json_hex(name, value);
	else
		json_null(name);
}

static void stack_json(struct devmemsnoop_bpf *skel, __s32 id)
{
	__u64 addrs[KSYMS_STACK_DEPTH];
	char name[256];
	int i, n;

	json_begin_array("stack");
	n = ksyms_stack(bpf_map__fd(skel->maps.stacks), id, addrs);
	for (i = 0; i < n; i++)
		json_string(NULL, ksyms_name(name, sizeof(name), addrs[i]));
	json_end_array();
}

/* Every object has the same names; what does not apply is null */
static void print_json(struct devmemsnoop_bpf *skel,
		       const struct snoop_record *rec)
{
	bool iov = rec->word, drop = rec->kind == EV_DROP;
	char text[256];

	json_begin_object(NULL);
	json_real("time", rec->ts / 1000 / 1e6);
	json_string("event", event_name(rec->kind));
	json_num("binding", rec->binding ?: REC_UNKNOWN);
	json_text("ifname", rec->ifname);
	json_num("queue", rec->has_queue ? rec->queue : REC_UNKNOWN);
	json_num("pool", rec->has_pool ? rec->pool : REC_UNKNOWN);
	json_num("iov", rec->iov);
	hex_json("frag", rec->word);
	hex_json("dma", iov ? rec->dma : 0);
	if (iov)
		json_int("refcount", rec->refcount);
	else
		json_null("refcount");
	json_num("cookie", rec->cookie ?: REC_UNKNOWN);
	json_num("token", is_token(rec) ? rec->token : REC_UNKNOWN);
	json_num("pid", rec->pid ?: REC_UNKNOWN);
	json_text("comm", rec->comm);
	json_text("reason",
		  drop ? ksyms_drop_reason(text, sizeof(text), rec->reason) : NULL);
	json_text("location",
		  drop ? ksyms_name(text, sizeof(text), rec->location) : NULL);
	if (env.stacks)
		stack_json(skel, rec->stack);
	json_end_document();
}

static void print_stack(struct devmemsnoop_bpf *skel, __s32 id)
{
	__u64 addrs[KSYMS_STACK_DEPTH];
	char name[256];
	int i, n;

	n = ksyms_stack(bpf_map__fd(skel->maps.stacks), id, addrs);
	if (!n)
		puts("        (no stack)");
	for (i = 0; i < n; i++)
		printf("        %s\n", ksyms_name(name, sizeof(name), addrs[i]));
}

static void print_details(const struct snoop_record *rec)
{
	char reason[64], location[128];

	if (rec->kind == EV_DROP)
		printf(" %s at %s", ksyms_drop_reason(reason, sizeof(reason), rec->reason),
		       ksyms_name(location, sizeof(location), rec->location));
	else if (rec->kind == EV_BIND)
		printf(" dma-buf %llu, %llu bytes", rec->inode, rec->size);
}

/* A line is put together by hand: printf() would cost more than all else of an event */
struct line {
	char text[LINE_LEN];
	size_t len;
};

/* A column and the blank behind it; flush left if @width is negative, as in printf */
static void add_column(struct line *line, int width, const char *text, size_t len)
{
	size_t blanks = (size_t)abs(width) > len ? abs(width) - len : 0;
	char *to = line->text + line->len;

	if (line->len + len + blanks + 1 > sizeof(line->text))
		return;
	if (width > 0)
		to = (char *)memset(to, ' ', blanks) + blanks;
	to = (char *)memcpy(to, text, len) + len;
	if (width < 0)
		to = (char *)memset(to, ' ', blanks) + blanks;
	*to++ = ' ';
	line->len = to - line->text;
}

static void add_text(struct line *line, int width, const char *text)
{
	add_column(line, width, text, strlen(text));
}

static void add_name(struct line *line, int width, const char *text)
{
	char name[OUT_NAME_LEN];

	add_text(line, width, out_name(name, text));
}

static void add_number(struct line *line, int width, __u64 value)
{
	char digits[OUT_NUM_LEN];

	add_text(line, width, out_num(digits, value));
}

static void add_word(struct line *line, int width, __u64 value)
{
	char digits[OUT_NUM_LEN], *at = digits + sizeof(digits);

	if (!value) {
		add_text(line, width, "-");
		return;
	}
	do {
		*--at = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value);
	*--at = 'x';
	*--at = '0';
	add_column(line, width, at, digits + sizeof(digits) - at);
}

static void print_line(struct devmemsnoop_bpf *skel,
		       const struct snoop_record *rec)
{
	struct line line;
	char time[32];

	line.len = 0;
	if (env.timestamps)
		add_text(&line, -15, stream_time(time, rec->ts));
	add_text(&line, -12, event_name(rec->kind));
	add_number(&line, 7, rec->binding);
	add_name(&line, -10, rec->ifname);
	add_number(&line, 5, rec->has_queue ? rec->queue : REC_UNKNOWN);
	add_number(&line, 8, rec->iov);
	add_word(&line, -18, rec->word);
	add_number(&line, 4, rec->word ? (__u64)rec->refcount : REC_UNKNOWN);
	add_number(&line, 7, rec->cookie ?: REC_UNKNOWN);
	add_number(&line, 7, is_token(rec) ? rec->token : REC_UNKNOWN);
	add_number(&line, 7, rec->pid ?: REC_UNKNOWN);
	add_name(&line, -15, rec->comm);
	fwrite_unlocked(line.text, 1, line.len - 1, stdout);
	print_details(rec);
	putchar_unlocked('\n');
	if (env.stacks)
		print_stack(skel, rec->stack);
}

static void print_header(void)
{
	if (env.args.json)
		return;
	if (env.timestamps)
		printf("%-15s ", "TIME");
	printf("%-12s %7s %-10s %5s %8s %-18s %4s %7s %7s %7s %s\n", "EVENT",
	       "BINDING", "IFNAME", "QUEUE", "IOV", "FRAG", "REFS", "COOKIE",
	       "TOKEN", "PID", "COMM");
}

static int on_record(void *ctx, void *data, size_t len)
{
	if (env.args.json)
		print_json(ctx, data);
	else
		print_line(ctx, data);
	return 0;
}

/* Prints what there is, a batch at a time; what comes meanwhile is for the next batch, so
 * that there is an end to it. Returns how many records, or -errno.
 */
static int take_batch(struct devmemsnoop_bpf *skel, struct ring_buffer *records)
{
	int num;

	__atomic_store_n(&skel->bss->woken, false, __ATOMIC_SEQ_CST);
	num = ring_buffer__consume_n(records, BATCH);
	return fflush(stdout) ? -errno : num;
}

static int follow_until(struct devmemsnoop_bpf *skel, struct ring_buffer *records, __u64 end)
{
	struct pollfd fd = {
		.fd = ring_buffer__epoll_fd(records),
		.events = POLLIN,
	};
	int num;

	while (!stream_stop && stream_now_ns() < end) {
		num = take_batch(skel, records);
		if (num < 0)
			return num;
		if (!num)
			poll(&fd, 1, POLL_MS);
	}
	return 0;
}

/* Prints what comes until it is time to stop, and what is left after that */
static int follow(struct devmemsnoop_bpf *skel)
{
	__u64 end = env.seconds ? stream_now_ns() + env.seconds * 1000000000ULL : ~0ULL;
	struct ring_buffer *records;
	int err;

	records = ring_buffer__new(bpf_map__fd(skel->maps.records), on_record, skel, NULL);
	if (!records) {
		diag("cannot open the event buffer: %s", strerror(errno));
		return -errno;
	}
	/* (what there is of a batch is written when it ends) */
	setvbuf(stdout, NULL, _IOFBF, OUTPUT_BYTES);
	print_header();
	if (fflush(stdout))
		stream_stop = true;
	err = follow_until(skel, records, end);
	devmemsnoop_bpf__detach(skel);
	while (!err && take_batch(skel, records) > 0)
		;
	ring_buffer__free(records);
	return err;
}

static struct devmemsnoop_bpf *load(void)
{
	unsigned int planned, needed, wake_kib;
	struct devmemsnoop_bpf *skel;

	skel = devmemsnoop_bpf__open();
	if (!skel) {
		diag("cannot open the BPF programs: %s", strerror(errno));
		return NULL;
	}

	attach_filter(&skel->rodata->filter, &env.args);
	skel->rodata->want_stacks = env.stacks;
	wake_kib = env.buffer_kib / 4 < WAKE_KIB ? env.buffer_kib / 4 : WAKE_KIB;
	skel->rodata->wake_bytes = wake_kib * 1024;
	bpf_map__set_max_entries(skel->maps.records, env.buffer_kib * 1024);
	planned = attach_plan(skel->obj, env.events);
	/* Whoever asks for all gets what there is, if there is anything */
	needed = !env.named && planned ? 0 : env.events;
	if (!attach_start(skel->skeleton, planned, needed))
		return skel;

	devmemsnoop_bpf__destroy(skel);
	return NULL;
}

/* Whoever reads a stream must know if it has holes */
static void report_lost(struct devmemsnoop_bpf *skel, __u64 missed)
{
	if (skel->bss->lost)
		diag("%llu events were lost because the buffer was full: see --buffer, -e and the filters",
		     skel->bss->lost);
	if (missed)
		diag("%llu events were missed because their program was busy", missed);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = doc,
	};
	struct devmemsnoop_bpf *skel;
	int err;

	args_parse_binding(&argp, argc, argv);
	args_say_unknown_device(&env.args);
	if (diag_check_kernel())
		return EXIT_FOUND;
	stream_catch_signals();
	skel = load();
	if (!skel)
		return EXIT_FOUND;

	err = follow(skel);
	report_lost(skel, attach_missed(skel->obj));
	devmemsnoop_bpf__destroy(skel);
	return err ? EXIT_FOUND : EXIT_DONE;
}
