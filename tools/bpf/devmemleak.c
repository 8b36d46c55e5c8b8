// SPDX-License-Identifier: GPL-2.0-or-later
/* devmemleak - iovs that are held longer than they should be, and by whom */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "args.h"
#include "attach.h"
#include "devmemleak.h"
#include "devmemleak.skel.h"
#include "diag.h"
#include "holders.h"
#include "inventory.h"
#include "json.h"
#include "ksyms.h"
#include "output.h"
#include "stream.h"
#include "vec.h"

#define DEFAULT_THRESHOLD	10
#define MAX_STACKS		3	/* shown for each leak */
#define LOOK_NS			1000000000ULL	/* between two looks at what was missed */

static struct env {
	struct args args;
	unsigned long threshold;
	unsigned long sample;
	bool timestamps;
} env = {
	.threshold = DEFAULT_THRESHOLD,
};

static const char doc[] =
	"Find device memory that is held for too long: by readers who do not give tokens back, and by sockets that nobody reads. Exit status 1 if there is any.\v"
	"A kernel that does not keep the time of a token's hand-out is watched for SECONDS first; what is seen to be held all that time counts.\n\n"
	"EXAMPLES:\n"
	"  devmemleak                  held for 10 seconds or more\n"
	"  devmemleak -t 60 -j         for a minute or more, as JSON\n"
	"  devmemleak --sample 30      watch for 30 s, and show by which paths\n";

enum {
	OPT_SAMPLE = 256,
};

static const struct argp_option options[] = {
	{ "threshold", 't', "SECONDS", 0, "How long is too long (default 10)", 0 },
	{ "sample", OPT_SAMPLE, "SECONDS", 0, "Watch, for the stacks of receivers", 0 },
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
	case 't':
		env.threshold = args_number(state, "SECONDS", arg, 0, INT_MAX);
		return 0;
	case OPT_SAMPLE:
		env.sample = args_number(state, "SECONDS", arg, 1, INT_MAX);
		return 0;
	case 'T':
		env.timestamps = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s': there are only options", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

struct stack_count {
	__s64 id;
	__u64 tokens;
};

enum leak_kind {
	LEAK_TOKENS,		/* a reader holds tokens */
	LEAK_UNREAD,		/* nobody reads the socket */
};

static const char *const kind_names[] = {
	[LEAK_TOKENS] = "tokens",
	[LEAK_UNREAD] = "unread",
};

DEFINE_VEC(stack_counts, struct stack_count);

struct leak {
	enum leak_kind kind;
	const struct inv_binding *binding;
	const struct inv_holder *holder;
	__u64 age_ns;		/* of the oldest */
	__u64 tokens;
	__u64 iovs;
	__u64 bytes;
	bool at_least;		/* may be older: it was held before we came */
	struct stack_counts stacks;
};

DEFINE_VEC(leaks, struct leak);

DEFINE_VEC(held_keys, struct held_key);

/* What the watch knows; @skel is NULL if there was none */
struct watch {
	struct devmemleak_bpf *skel;
	struct inventory_bpf *inv_skel;
	bool kernel_keeps_times;
	__u64 start_ns;
	__u64 sure_ns;		/* since then no hand-out was missed */
	struct held_keys before;	/* tokens that were out then, sorted */
	__u64 missed;		/* before that */
	__u64 look_ns;		/* when we began to list what is held */
	__u64 unknown;		/* tokens that nobody can tell the age of */
};

static struct devmemleak_bpf *load(void)
{
	const unsigned int events = EV_BIT(EV_TOKEN_GET);
	struct devmemleak_bpf *skel;
	unsigned int planned;

	skel = devmemleak_bpf__open();
	if (!skel) {
		diag("cannot open the BPF programs: %s", strerror(errno));
		return NULL;
	}
	skel->rodata->want_stacks = env.sample;
	planned = attach_plan(skel->obj, events);
	if (env.sample)
		attach_also(skel->progs.read__fentry);
	if (!attach_start(skel->skeleton, planned, events))
		return skel;

	devmemleak_bpf__destroy(skel);
	return NULL;
}

/* An interrupted watch cannot tell what is held for longer than it lasted */
static void lower_threshold(const struct watch *watch)
{
	unsigned long seconds = (stream_now_ns() - watch->start_ns) / 1000000000;

	if (seconds < env.threshold)
		env.threshold = seconds;
}

/* Tokens that were out before we came. Who hands one out now is seen, so a token that is
 * listed and was not seen then is one of these. If it comes back after all, that does no
 * harm: what is seen of the socket's next token with this number counts more.
 */
static int enter_tokens(struct watch *watch)
{
	const struct inv_binding *binding;
	const struct inv_holder *holder;
	const struct rec_token *token;
	struct inventory *inv;

	inv = inventory_read(watch->inv_skel, INV_HOLDERS | INV_TOKENS);
	if (!inv)
		return -EIO;
	watch->before.num = 0;
	vec_for_each(binding, &inv->bindings) {
		vec_for_each(holder, &binding->holders) {
			vec_for_each(token, &holder->token_list) {
				*vec_add(&watch->before) = (struct held_key){
					.who = holder->sock.sk,
					.what = token->token,
				};
			}
		}
	}
	vec_sort(&watch->before, held_cmp);
	inventory_free(inv);
	return 0;
}

/* Who missed a hand-out knows nothing of what was before */
static int begin_anew(struct watch *watch)
{
	__u64 missed = attach_missed_gets(watch->skel->obj);

	if (watch->sure_ns && missed == watch->missed)
		return 0;
	watch->missed = missed;
	watch->sure_ns = watch->sure_ns ? stream_now_ns() : watch->start_ns;
	return enter_tokens(watch);
}

/* Sees tokens come and go for a while; they are still seen after that */
static int start_watch(struct watch *watch, double seconds)
{
	__u64 now, end;
	int err;

	watch->skel = load();
	if (!watch->skel)
		return -EINVAL;

	watch->start_ns = stream_now_ns();
	end = watch->start_ns + (__u64)(seconds * 1e9);
	if (diag_verbose || isatty(STDERR_FILENO))
		diag("watching for %.0f s, Ctrl-C ends that", seconds);
	do {
		err = begin_anew(watch);
		now = stream_now_ns();
		if (!err && now < end)
			stream_sleep(end - now < LOOK_NS ? (end - now) / 1e9 : LOOK_NS / 1e9);
	} while (!err && !stream_stop && stream_now_ns() < end);
	if (stream_stop && !watch->kernel_keeps_times)
		lower_threshold(watch);
	return err;
}

static void count_stack(struct leak *leak, __s64 id)
{
	struct stack_count *count;

	vec_for_each(count, &leak->stacks) {
		if (count->id == id) {
			count->tokens++;
			return;
		}
	}
	count = vec_add(&leak->stacks);
	count->id = id;
	count->tokens = 1;
}

/* The kernel's notes are of its coarse clock, which can be a tick behind */
static __u64 tick_ns(void)
{
	struct timespec ts = {};

	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_nsec;
}

/* When a token was handed out for the last time, if that was seen */
static bool find_get(const struct watch *watch, const struct held_key *key, struct leak_get *get)
{
	__u32 index = held_index(key);
	struct leak_slot slot;

	if (!watch->skel)
		return false;
	if (!bpf_map_lookup_elem(bpf_map__fd(watch->skel->maps.slots), &index, &slot) &&
	    !held_cmp(&slot.key, key)) {
		*get = slot.get;
		return true;
	}
	return !bpf_map_lookup_elem(bpf_map__fd(watch->skel->maps.more), key, get);
}

/* One that is not remembered may have been handed out since */
static bool held_before(const struct watch *watch, const struct held_key *key)
{
	return watch->skel && !watch->skel->bss->lost &&
	       vec_find(&watch->before, key, held_cmp);
}

/* Since when a token is out for sure; REC_UNKNOWN if nobody can tell, as of one that was
 * not remembered. @stack is negative if it is not known.
 */
static __u64 held_since(const struct watch *watch, const struct inv_holder *holder,
			const struct rec_token *token, __s32 *stack, bool *at_least)
{
	const struct held_key key = { .who = holder->sock.sk, .what = token->token };
	struct leak_get get = { .stack = -1 };
	bool seen = find_get(watch, &key, &get);

	*at_least = false;
	*stack = get.stack;
	if (seen && get.ts >= watch->sure_ns)
		return get.ts;
	if (token->since_ns != REC_UNKNOWN)
		return token->since_ns + tick_ns();
	if (!seen && !held_before(watch, &key))
		return REC_UNKNOWN;

	*at_least = true;
	return watch->sure_ns;
}

/* A token that is listed was out when we began to list; it may have come back since */
static void find_tokens(struct leaks *leaks, struct watch *watch,
			const struct inv_binding *binding,
			const struct inv_holder *holder)
{
	struct leak leak = {
		.kind = LEAK_TOKENS,
		.binding = binding,
		.holder = holder,
	};
	const struct rec_token *token;
	__u64 last = 0;
	__s32 stack;

	vec_for_each(token, &holder->token_list) {
		bool at_least;
		__u64 since = held_since(watch, holder, token, &stack, &at_least);
		__u64 age = since < watch->look_ns ? watch->look_ns - since : 0;

		watch->unknown += since == REC_UNKNOWN;
		if (age < env.threshold * 1000000000ULL)
			continue;
		if (age > leak.age_ns)
			leak.age_ns = age;
		leak.at_least |= at_least || since == REC_UNKNOWN;
		leak.tokens++;
		leak.iovs += token->word != last;
		last = token->word;
		if (stack >= 0)
			count_stack(&leak, stack);
	}
	leak.bytes = leak.iovs << binding->k.iov_shift;
	if (leak.tokens)
		*vec_add(leaks) = leak;
}

/* The youngest data in the queue came idle_ns ago, so all is at least as old */
static void find_unread(struct leaks *leaks, const struct inv_binding *binding,
			const struct inv_holder *holder)
{
	struct leak *leak;

	if (!holder->unread_iovs ||
	    holder->idle_ns < env.threshold * 1000000000ULL)
		return;

	leak = vec_add(leaks);
	*leak = (struct leak) {
		.kind = LEAK_UNREAD,
		.binding = binding,
		.holder = holder,
		.age_ns = holder->idle_ns,
		.iovs = holder->unread_iovs,
		.bytes = holder->unread_bytes,
		.at_least = true,
	};
}

static int cmp_leaks(const void *a, const void *b)
{
	const struct leak *l = a, *r = b;

	return (l->age_ns < r->age_ns) - (l->age_ns > r->age_ns);
}

static int cmp_stacks(const void *a, const void *b)
{
	const struct stack_count *l = a, *r = b;

	return (l->tokens < r->tokens) - (l->tokens > r->tokens);
}

static void find_leaks(struct leaks *leaks, struct watch *watch,
		       const struct inventory *inv)
{
	const struct inv_binding *binding;
	const struct inv_holder *holder;
	struct leak *leak;

	vec_for_each(binding, &inv->bindings) {
		if (!binding_wanted(binding, &env.args))
			continue;
		vec_for_each(holder, &binding->holders) {
			if (!holder_wanted(holder, &env.args))
				continue;
			find_tokens(leaks, watch, binding, holder);
			find_unread(leaks, binding, holder);
		}
	}
	vec_sort(leaks, cmp_leaks);
	vec_for_each(leak, leaks)
		vec_sort(&leak->stacks, cmp_stacks);
}

static void stack_json(const struct watch *watch, const struct stack_count *count)
{
	__u64 addrs[KSYMS_STACK_DEPTH];
	char name[256];
	int i, n;

	json_begin_object(NULL);
	json_num("tokens", count->tokens);
	json_begin_array("frames");
	n = ksyms_stack(bpf_map__fd(watch->skel->maps.stacks), count->id, addrs);
	for (i = 0; i < n; i++)
		json_string(NULL, ksyms_name(name, sizeof(name), addrs[i]));
	json_end_array();
	json_end_object();
}

/* More may be unread than could be found */
static bool is_truncated(const struct leak *leak)
{
	return leak->kind == LEAK_UNREAD && leak->holder->truncated;
}

static void leak_json(const struct watch *watch, const struct leak *leak)
{
	const struct stack_count *count;

	json_begin_object(NULL);
	json_string("kind", kind_names[leak->kind]);
	json_num("binding", leak->binding->k.id);
	json_text("ifname", leak->binding->k.ifname);
	json_bool("unbound", leak->binding->k.unbound);
	json_seconds("oldest_seconds", leak->age_ns);
	json_bool("at_least", leak->at_least);
	json_num("iovs", leak->iovs);
	json_num("tokens", leak->tokens);
	json_num("bytes", leak->bytes);
	if (is_truncated(leak))
		json_bool("truncated", true);
	holder_json(leak->holder);
	json_begin_array("stacks");
	vec_for_each(count, &leak->stacks)
		stack_json(watch, count);
	json_end_array();
	json_end_object();
}

static int print_json(const struct watch *watch, const struct inventory *inv,
		      const struct leaks *leaks)
{
	const struct leak *leak;

	json_begin_object(NULL);
	json_string("layout", layout_name(inv->layout));
	json_num("threshold_seconds", env.threshold);
	json_num("unknown_tokens", watch->unknown);
	json_num("missed_tokens", watch->missed);
	json_begin_array("leaks");
	vec_for_each(leak, leaks)
		leak_json(watch, leak);
	json_end_array();
	json_end_document();
	return 0;
}

static void print_stack(const struct watch *watch, const struct stack_count *count)
{
	__u64 addrs[KSYMS_STACK_DEPTH];
	char name[256];
	int i, n;

	printf("        %llu tokens were handed out by\n", count->tokens);
	n = ksyms_stack(bpf_map__fd(watch->skel->maps.stacks), count->id, addrs);
	for (i = 0; i < n; i++)
		printf("            %s\n", ksyms_name(name, sizeof(name), addrs[i]));
}

static void print_leak(const struct watch *watch, const struct leak *leak)
{
	char age[OUT_NUM_LEN], bytes[OUT_NUM_LEN], ifname[OUT_NAME_LEN], cookie[OUT_NUM_LEN];
	const struct stack_count *count;

	printf("%s%-8s %-6s %7llu %7llu %8s %7u %-10s %7s ",
	       leak->at_least ? ">" : " ", out_age(age, leak->age_ns),
	       kind_names[leak->kind], leak->iovs, leak->tokens,
	       out_size(bytes, leak->bytes), leak->binding->k.id,
	       out_name(ifname, leak->binding->k.ifname),
	       out_num(cookie, leak->holder->sock.cookie ?: REC_UNKNOWN));
	holder_print(leak->holder);
	if (is_truncated(leak))
		fputs(" (truncated)", stdout);
	puts(leak->binding->k.unbound ? " (binding is unbound)" : "");
	vec_for_each(count, &leak->stacks)
		if (count < leak->stacks.at + MAX_STACKS)
			print_stack(watch, count);
}

static int print_text(const struct watch *watch, const struct leaks *leaks)
{
	const struct leak *leak;
	char time[32];

	if (env.timestamps)
		printf("%s\n", stream_time(time, stream_now_ns()));
	if (!leaks->num) {
		printf("Nothing is held for %lu s or more.\n", env.threshold);
		return 0;
	}
	printf(" %-8s %-6s %7s %7s %8s %7s %-10s %7s %s\n", "AGE", "KIND",
	       "IOVS", "TOKENS", "BYTES", "BINDING", "IFNAME", "COOKIE",
	       "SOCKET AND PROCESSES");
	vec_for_each(leak, leaks)
		print_leak(watch, leak);
	return 0;
}

static void free_leaks(struct leaks *leaks)
{
	struct leak *leak;

	vec_for_each(leak, leaks)
		vec_free(&leak->stacks);
	vec_free(leaks);
}

static struct inventory *look(struct leaks *leaks, struct watch *watch)
{
	struct inventory *inv;

	watch->look_ns = stream_now_ns();
	watch->unknown = 0;
	inv = inventory_read(watch->inv_skel, INV_HOLDERS | INV_TOKENS | INV_UNREAD);
	if (inv)
		find_leaks(leaks, watch, inv);
	return inv;
}

/* Nothing is said to be held that is not known to be; but that is said */
static void report_unknown(const struct watch *watch)
{
	if (!watch->skel)
		return;
	if (watch->missed)
		diag("%llu tokens were handed out unseen, so only what was held in the last %.1f s counts",
		     watch->missed, (stream_now_ns() - watch->sure_ns) / 1e9);
	if (watch->skel->bss->lost)
		diag("%llu tokens were not remembered, their table is full: they do not count",
		     watch->skel->bss->lost);
}

static int check(struct watch *watch)
{
	struct leaks leaks = {};
	struct inventory *inv;
	int err = 0, found;

	inv = look(&leaks, watch);
	/* An iov that two sockets share has the time of the first */
	if (inv && watch->unknown && env.threshold && !watch->skel) {
		free_leaks(&leaks);
		inventory_free(inv);
		err = start_watch(watch, env.threshold);
		inv = err ? NULL : look(&leaks, watch);
	}
	if (!inv)
		return EXIT_FOUND;

	/* Something was missed at last: all is younger than we thought */
	if (watch->skel && attach_missed_gets(watch->skel->obj) != watch->missed) {
		free_leaks(&leaks);
		watch->unknown = 0;
		begin_anew(watch);
		find_leaks(&leaks, watch, inv);
	}
	err = env.args.json ? print_json(watch, inv, &leaks) :
			      print_text(watch, &leaks);
	found = leaks.num;
	report_unknown(watch);
	free_leaks(&leaks);
	inventory_free(inv);
	return err || found ? EXIT_FOUND : EXIT_DONE;
}

/* Seconds to watch before anything can be said */
static double watch_time(struct watch *watch)
{
	struct inventory *inv;
	double seconds = env.sample;

	inv = inventory_read(watch->inv_skel, 0);
	if (!inv)
		return -1;
	if (!device_known(inv, &env.args)) {
		inventory_free(inv);
		exit(EXIT_USAGE);
	}
	diag_v("layout %s", layout_name(inv->layout));
	watch->kernel_keeps_times = inv->layout == LAYOUT_PPDEVMEM;
	if (!watch->kernel_keeps_times && seconds < env.threshold)
		seconds = env.threshold;
	inventory_free(inv);
	return seconds;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = doc,
	};
	int status = EXIT_FOUND;
	struct watch watch = {};
	double seconds;

	args_parse_binding(&argp, argc, argv);
	watch.inv_skel = inventory_open();
	if (!watch.inv_skel)
		return EXIT_FOUND;
	stream_catch_signals();

	seconds = watch_time(&watch);
	if (seconds < 0 || (seconds > 0 && start_watch(&watch, seconds)))
		goto out;
	/* Whoever interrupts the watch wants to see what there is so far */
	status = check(&watch);
out:
	vec_free(&watch.before);
	devmemleak_bpf__destroy(watch.skel);
	inventory_close(watch.inv_skel);
	return status;
}
