// SPDX-License-Identifier: GPL-2.0-or-later
/* devmemlat - how long readers hold iovs, and how long iovs take to come back */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>

#include "args.h"
#include "attach.h"
#include "devmemlat.h"
#include "devmemlat.skel.h"
#include "diag.h"
#include "json.h"
#include "output.h"
#include "stream.h"
#include "vec.h"

#define BAR_WIDTH	40

static struct env {
	struct args args;
	unsigned long interval;
	unsigned long count;
	bool by_process;
	bool timestamps;
} env;

static const char doc[] =
	"Histograms of how long readers hold iovs (from a token's hand-out until it comes back) and of how long iovs take to come back (from the binding's free list and into it again).\v"
	"Prints once, when it is ended; with INTERVAL every so many seconds, COUNT times.\n\n"
	"EXAMPLES:\n"
	"  devmemlat             until Ctrl-C, by binding\n"
	"  devmemlat -P 5        every 5 seconds, by process\n"
	"  devmemlat -b 1 10 1   binding 1, for 10 seconds\n";

static const struct argp_option options[] = {
	{ "by-process", 'P', NULL, 0, "Hold times by process, not by binding", 0 },
	{ "timestamps", 'T', NULL, 0, "Show the time", 0 },
	{},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &env.args;
		state->child_inputs[1] = &env.args;
		return 0;
	case 'P':
		env.by_process = true;
		return 0;
	case 'T':
		env.timestamps = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			argp_error(state, "'%s': there is only INTERVAL and COUNT", arg);
		if (!state->arg_num)
			env.interval = args_number(state, "INTERVAL", arg, 1, INT_MAX);
		else
			env.count = args_number(state, "COUNT", arg, 1, INT_MAX);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

struct entry {
	struct lat_key key;
	struct lat_hist hist;
};

DEFINE_VEC(entries, struct entry);

static const char *const kind_names[] = {
	[LAT_HOLD] = "hold",
	[LAT_RECYCLE] = "recycle",
};

static int cmp_entries(const void *a, const void *b)
{
	const struct lat_key *l = &((const struct entry *)a)->key;
	const struct lat_key *r = &((const struct entry *)b)->key;

	return (l->kind > r->kind) - (l->kind < r->kind) ?:
	       (l->group > r->group) - (l->group < r->group);
}

/* Takes the histograms out of the map, so that each interval is its own */
static void take(struct devmemlat_bpf *skel, struct entries *entries)
{
	int fd = bpf_map__fd(skel->maps.hists);
	struct lat_key key, *prev = NULL;
	struct entry *entry;
	size_t i;

	while (!bpf_map_get_next_key(fd, prev, &key)) {
		entry = vec_add(entries);
		entry->key = key;
		if (bpf_map_lookup_elem(fd, &key, &entry->hist))
			entries->num--;
		prev = &key;
	}
	for (i = 0; i < entries->num; i++)
		bpf_map_delete_elem(fd, &entries->at[i].key);
	vec_sort(entries, cmp_entries);
}

static bool is_by_process(const struct entry *entry)
{
	return env.by_process && entry->key.kind == LAT_HOLD;
}

static unsigned long long slot_start(int slot)
{
	return slot ? 1ULL << (slot - 1) : 0;
}

static void print_json(const struct entry *entry)
{
	const struct lat_hist *hist = &entry->hist;
	bool proc = is_by_process(entry);
	int i;

	json_begin_object(NULL);
	json_real("time", stream_now_ns() / 1000 / 1e6);
	json_string("histogram", kind_names[entry->key.kind]);
	json_num("binding", proc ? REC_UNKNOWN : entry->key.group);
	json_num("pid", proc ? entry->key.group : REC_UNKNOWN);
	if (proc)
		json_string("comm", hist->comm);
	else
		json_null("comm");
	json_num("count", hist->count);
	json_real("sum_seconds", hist->sum_ns / 1e9);
	json_real("max_seconds", hist->max_ns / 1e9);
	json_begin_array("slots");
	for (i = 0; i < LAT_SLOTS; i++) {
		if (!hist->slots[i])
			continue;
		json_begin_object(NULL);
		json_num("from_us", slot_start(i));
		json_num("to_us", slot_start(i + 1) - 1);
		json_num("count", hist->slots[i]);
		json_end_object();
	}
	json_end_array();
	json_end_document();
}

static void print_bar(unsigned long long count, unsigned long long most)
{
	char bar[BAR_WIDTH + 1];
	int len = count * BAR_WIDTH / most;

	memset(bar, '*', len);
	bar[len] = 0;
	printf("|%-*s|\n", BAR_WIDTH, bar);
}

static void print_slots(const struct lat_hist *hist)
{
	int i, first = LAT_SLOTS, last = 0;
	unsigned long long most = 1;

	for (i = 0; i < LAT_SLOTS; i++) {
		if (!hist->slots[i])
			continue;
		if (first == LAT_SLOTS)
			first = i;
		last = i;
		if (hist->slots[i] > most)
			most = hist->slots[i];
	}
	printf("%24s : %-10s distribution\n", "usecs", "count");
	for (i = first; i <= last; i++) {
		printf("%11llu -> %-9llu : %-10llu ", slot_start(i),
		       slot_start(i + 1) - 1, hist->slots[i]);
		print_bar(hist->slots[i], most);
	}
}

static void print_text(const struct entry *entry)
{
	static const char *const what[] = {
		[LAT_HOLD] = "time that tokens were held",
		[LAT_RECYCLE] = "time until iovs came back to the free list",
	};
	const struct lat_hist *hist = &entry->hist;
	char comm[OUT_NAME_LEN];

	if (is_by_process(entry))
		printf("\n%s[%u]: ", out_name(comm, hist->comm), entry->key.group);
	else
		printf("\nbinding %u: ", entry->key.group);
	printf("%s: %llu, mean %.1f us, longest %.1f us\n",
	       what[entry->key.kind], hist->count,
	       hist->sum_ns / 1e3 / hist->count, hist->max_ns / 1e3);
	print_slots(hist);
}

static void print_all(struct devmemlat_bpf *skel)
{
	const struct entry *entry;
	struct entries entries = {};
	char time[32];

	take(skel, &entries);
	if (env.timestamps && !env.args.json)
		printf("%s\n", stream_time(time, stream_now_ns()));
	vec_for_each(entry, &entries) {
		if (!entry->hist.count)
			continue;
		if (env.args.json)
			print_json(entry);
		else
			print_text(entry);
	}
	vec_free(&entries);
	if (fflush(stdout))
		stream_stop = true;
}

static struct devmemlat_bpf *load(void)
{
	const unsigned int hold = EV_BIT(EV_TOKEN_GET) | EV_BIT(EV_TOKEN_PUT) |
				  EV_BIT(EV_TOKEN_CLOSE);
	const unsigned int recycle = EV_BIT(EV_ALLOC) | EV_BIT(EV_RELEASE);
	/* No process has a part in the second; ends are matched by the begin */
	unsigned int events = env.args.pid ? hold : hold | recycle;
	struct args filter = env.args;
	struct devmemlat_bpf *skel;

	skel = devmemlat_bpf__open();
	if (!skel) {
		diag("cannot open the BPF programs: %s", strerror(errno));
		return NULL;
	}
	filter.pid = 0;
	attach_filter(&skel->rodata->filter, &filter);
	skel->rodata->want_pid = env.args.pid;
	skel->rodata->by_process = env.by_process;
	if (!attach_start(skel->skeleton, attach_plan(skel->obj, events), events))
		return skel;

	devmemlat_bpf__destroy(skel);
	return NULL;
}

static void follow(struct devmemlat_bpf *skel)
{
	unsigned long i;

	if (!env.args.json && !env.interval)
		puts("Tracing, Ctrl-C ends it.");
	if (fflush(stdout))
		stream_stop = true;
	for (i = 0; !stream_stop && (!env.count || i < env.count); i++) {
		stream_sleep(env.interval ?: INT_MAX);
		print_all(skel);
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[INTERVAL [COUNT]]",
		.doc = doc,
	};
	struct devmemlat_bpf *skel;
	__u64 missed;

	args_parse_binding(&argp, argc, argv);
	if (diag_check_kernel())
		return EXIT_FOUND;
	stream_catch_signals();
	skel = load();
	if (!skel)
		return EXIT_FOUND;

	follow(skel);
	missed = skel->bss->lost + attach_missed(skel->obj);
	if (missed)
		diag("%llu events were lost", missed);
	devmemlat_bpf__destroy(skel);
	return EXIT_DONE;
}
