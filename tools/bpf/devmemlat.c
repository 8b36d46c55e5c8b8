// SPDX-License-Identifier: GPL-2.0-or-later
/* devmemlat - how long readers hold iovs, and how long iovs take to come back */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
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

/* A histogram over all CPUs */
struct entry {
	struct lat_key key;
	__u64 slots[LAT_SLOTS];
	__u64 count;
	__u64 sum_ns;
	__u64 max_ns;		/* of the interval that has just ended */
	char comm[16];
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

static void add_cpu(struct entry *entry, const struct lat_hist *hist, __u64 epoch)
{
	const struct lat_half *half = &hist->halves[epoch & 1];
	int i;

	for (i = 0; i < LAT_SLOTS; i++) {
		entry->slots[i] += half->slots[i];
		entry->count += half->slots[i];
	}
	entry->sum_ns += half->sum_ns;
	if (half->epoch == epoch && half->max_ns > entry->max_ns)
		entry->max_ns = half->max_ns;
	if (!*entry->comm)
		memcpy(entry->comm, hist->comm, sizeof(entry->comm));
}

/* The kernel returns from changing a map of maps when all programs that ran have ended */
static int wait_for_running(struct devmemlat_bpf *skel)
{
	int fence = bpf_map__fd(skel->maps.fence);

	return bpf_map__update_elem(skel->maps.fences, &(__u32){ 0 }, sizeof(__u32), &fence,
				    sizeof(fence), BPF_ANY);
}

/* Only the first @num entries can have the key already */
static struct entry *get_entry(struct entries *entries, size_t num, const struct lat_key *key)
{
	struct entry *entry;

	for (entry = entries->at; entry < entries->at + num; entry++)
		if (entry->key.kind == key->kind && entry->key.group == key->group)
			return entry;
	entry = vec_add(entries);
	memset(entry, 0, sizeof(*entry));
	entry->key = *key;
	return entry;
}

/* In one system call: each CPU's slots may have different histograms */
static int read_slotted(struct devmemlat_bpf *skel, struct entries *entries, __u64 epoch)
{
	int i, cpu, cpus = libbpf_num_possible_cpus();
	__u32 keys[LAT_SLOTTED], next, num = LAT_SLOTTED;
	struct lat_slot (*slots)[cpus];
	struct lat_key key;
	int err;

	slots = calloc(LAT_SLOTTED, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	err = bpf_map_lookup_batch(bpf_map__fd(skel->maps.slotted), NULL, &next, keys, slots,
				   &num, NULL);
	/* ENOENT says that this was all */
	for (i = 0; (!err || err == -ENOENT) && i < (int)num; i++) {
		for (cpu = 0; cpu < cpus; cpu++) {
			if (!slots[i][cpu].name)
				continue;
			key = lat_key_of(slots[i][cpu].name);
			add_cpu(get_entry(entries, entries->num, &key), &slots[i][cpu].hist, epoch);
		}
	}
	free(slots);
	return err == -ENOENT ? 0 : err;
}

/*
 * Begin an interval, then read the half of the one that ended; return which one that was
 * or -1. Once no program counts into it any more, each end is in it with all it adds.
 */
static int read_hists(struct devmemlat_bpf *skel, struct entries *entries)
{
	struct lat_hist hists[libbpf_num_possible_cpus()];
	int i, err, fd = bpf_map__fd(skel->maps.hists);
	struct lat_key key, *prev = NULL;
	struct entry *entry;
	size_t num;
	__u64 epoch;

	epoch = __atomic_fetch_add(&skel->bss->epoch, 1, __ATOMIC_SEQ_CST);
	if (wait_for_running(skel)) {
		diag("cannot wait for the BPF programs that run: %s", strerror(errno));
		return -1;
	}
	err = read_slotted(skel, entries, epoch);
	if (err) {
		diag("cannot read the histograms: %s", strerror(-err));
		return -1;
	}
	num = entries->num;
	for (; !bpf_map_get_next_key(fd, prev, &key); prev = &key) {
		if (bpf_map_lookup_elem(fd, &key, hists))
			continue;
		entry = get_entry(entries, num, &key);
		for (i = 0; i < (int)(sizeof(hists) / sizeof(*hists)); i++)
			add_cpu(entry, &hists[i], epoch);
	}
	vec_sort(entries, cmp_entries);
	return epoch & 1;
}

static void subtract(struct entry *now, const struct entry *before)
{
	int i;

	for (i = 0; i < LAT_SLOTS; i++)
		now->slots[i] -= before->slots[i];
	now->count -= before->count;
	now->sum_ns -= before->sum_ns;
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
	bool proc = is_by_process(entry);
	int i;

	json_begin_object(NULL);
	json_real("time", stream_now_ns() / 1000 / 1e6);
	json_string("histogram", kind_names[entry->key.kind]);
	json_num("binding", proc ? REC_UNKNOWN : entry->key.group);
	json_num("pid", proc ? entry->key.group : REC_UNKNOWN);
	if (proc)
		json_string("comm", entry->comm);
	else
		json_null("comm");
	json_num("count", entry->count);
	json_real("sum_seconds", entry->sum_ns / 1e9);
	json_real("max_seconds", entry->max_ns / 1e9);
	json_begin_array("slots");
	for (i = 0; i < LAT_SLOTS; i++) {
		if (!entry->slots[i])
			continue;
		json_begin_object(NULL);
		json_num("from_us", slot_start(i));
		json_num("to_us", slot_start(i + 1) - 1);
		json_num("count", entry->slots[i]);
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

static void print_slots(const struct entry *entry)
{
	int i, first = LAT_SLOTS, last = 0;
	unsigned long long most = 1;

	for (i = 0; i < LAT_SLOTS; i++) {
		if (!entry->slots[i])
			continue;
		if (first == LAT_SLOTS)
			first = i;
		last = i;
		if (entry->slots[i] > most)
			most = entry->slots[i];
	}
	printf("%24s : %-10s distribution\n", "usecs", "count");
	for (i = first; i <= last; i++) {
		printf("%11llu -> %-9llu : %-10llu ", slot_start(i),
		       slot_start(i + 1) - 1, entry->slots[i]);
		print_bar(entry->slots[i], most);
	}
}

static void print_text(const struct entry *entry)
{
	static const char *const what[] = {
		[LAT_HOLD] = "time that tokens were held",
		[LAT_RECYCLE] = "time until iovs came back to the free list",
	};
	char comm[OUT_NAME_LEN];

	if (is_by_process(entry))
		printf("\n%s[%u]: ", out_name(comm, entry->comm), entry->key.group);
	else
		printf("\nbinding %u: ", entry->key.group);
	printf("%s: %llu, mean %.1f us, longest %.1f us\n",
	       what[entry->key.kind], entry->count,
	       entry->sum_ns / 1e3 / entry->count, entry->max_ns / 1e3);
	print_slots(entry);
}

static void print_entry(const struct entry *entry)
{
	if (!entry->count)
		return;
	if (env.args.json)
		print_json(entry);
	else
		print_text(entry);
}

/* What came in the interval that ends now; @last is what each half held when it was read */
static void print_interval(struct devmemlat_bpf *skel, struct entries last[2])
{
	struct entries now = {};
	const struct entry *entry, *before;
	char time[32];
	int half;

	half = read_hists(skel, &now);
	if (half < 0) {
		stream_stop = true;
		return;
	}
	if (env.timestamps && !env.args.json)
		printf("%s\n", stream_time(time, stream_now_ns()));
	vec_for_each(entry, &now) {
		struct entry interval = *entry;

		before = vec_find(&last[half], entry, cmp_entries);
		if (before)
			subtract(&interval, before);
		print_entry(&interval);
	}
	vec_free(&last[half]);
	last[half] = now;
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
	struct entries last[2] = {};
	unsigned long i;

	if (!env.args.json && !env.interval)
		puts("Tracing, Ctrl-C ends it.");
	if (fflush(stdout))
		stream_stop = true;
	for (i = 0; !stream_stop && (!env.count || i < env.count); i++) {
		stream_sleep(env.interval ?: INT_MAX);
		print_interval(skel, last);
	}
	vec_free(&last[0]);
	vec_free(&last[1]);
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
	args_say_unknown_device(&env.args);
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
