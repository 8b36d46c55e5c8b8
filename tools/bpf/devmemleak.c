// SPDX-License-Identifier: GPL-2.0-or-later
/* devmemleak - iovs that are held longer than they should be, and by whom */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	"A kernel that does not keep the time of a token's hand-out is watched for SECONDS first; what was held all that time counts.\n\n"
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

/* What the watch knows; @skel is NULL if there was none */
struct watch {
	struct devmemleak_bpf *skel;
	__u64 start_ns;
	bool kernel_keeps_times;
};

static struct devmemleak_bpf *load(void)
{
	const unsigned int events = EV_BIT(EV_TOKEN_GET) | EV_BIT(EV_TOKEN_PUT) |
				    EV_BIT(EV_TOKEN_CLOSE);
	struct devmemleak_bpf *skel;

	skel = devmemleak_bpf__open();
	if (!skel) {
		diag("cannot open the BPF programs: %s", strerror(errno));
		return NULL;
	}
	if (!attach_start(skel->skeleton, attach_plan(skel->obj, events), events))
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

/* Sees tokens come and go for a while; they are still seen after that */
static int start_watch(struct watch *watch, double seconds)
{
	watch->skel = load();
	if (!watch->skel)
		return -EINVAL;

	watch->start_ns = stream_now_ns();
	if (diag_verbose || isatty(STDERR_FILENO))
		diag("watching for %.0f s, Ctrl-C ends that", seconds);
	stream_sleep(seconds);
	if (stream_stop && !watch->kernel_keeps_times)
		lower_threshold(watch);
	return 0;
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

/* How long a token is held. On a kernel that does not say, one that was not
 * seen to be handed out is older than the watch.
 */
static __u64 token_age(const struct watch *watch, const struct inv_holder *holder,
		       const struct rec_token *token, struct leak_get *get,
		       bool *at_least)
{
	struct leak_key key = { .sk = holder->sock.sk, .token = token->token };

	get->stack = -1;
	*at_least = false;
	if (watch->skel &&
	    !bpf_map_lookup_elem(bpf_map__fd(watch->skel->maps.gets), &key, get))
		return inventory_age(get->ts);
	if (token->since_ns != REC_UNKNOWN)
		return inventory_age(token->since_ns);

	*at_least = true;
	return stream_now_ns() - watch->start_ns;
}

static void find_tokens(struct leaks *leaks, const struct watch *watch,
			const struct inv_binding *binding,
			const struct inv_holder *holder)
{
	struct leak leak = {
		.kind = LEAK_TOKENS,
		.binding = binding,
		.holder = holder,
	};
	const struct rec_token *token;
	struct leak_get get;
	__u64 last = 0;
	bool at_least;

	vec_for_each(token, &holder->token_list) {
		__u64 age = token_age(watch, holder, token, &get, &at_least);

		if (age < env.threshold * 1000000000ULL)
			continue;
		if (age > leak.age_ns)
			leak.age_ns = age;
		leak.at_least |= at_least;
		leak.tokens++;
		leak.iovs += token->word != last;
		last = token->word;
		if (get.stack >= 0)
			count_stack(&leak, get.stack);
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

static void find_leaks(struct leaks *leaks, const struct watch *watch,
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
	char age[OUT_NUM_LEN], bytes[OUT_NUM_LEN], ifname[OUT_NAME_LEN];
	const struct stack_count *count;

	printf("%s%-8s %-6s %7llu %7llu %8s %7u %-10s %7llu ",
	       leak->at_least ? ">" : " ", out_age(age, leak->age_ns),
	       kind_names[leak->kind], leak->iovs, leak->tokens,
	       out_size(bytes, leak->bytes), leak->binding->k.id,
	       out_name(ifname, leak->binding->k.ifname),
	       leak->holder->sock.cookie);
	holder_print(leak->holder);
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

static int check(struct inventory_bpf *inv_skel, const struct watch *watch)
{
	struct inventory *inv;
	struct leak *leak;
	struct leaks leaks = {};
	int err, found;

	inv = inventory_read(inv_skel, INV_HOLDERS | INV_TOKENS | INV_UNREAD);
	if (!inv)
		return EXIT_FOUND;

	find_leaks(&leaks, watch, inv);
	err = env.args.json ? print_json(watch, inv, &leaks) :
			      print_text(watch, &leaks);
	found = leaks.num;
	vec_for_each(leak, &leaks)
		vec_free(&leak->stacks);
	vec_free(&leaks);
	inventory_free(inv);
	return err || found ? EXIT_FOUND : EXIT_DONE;
}

/* Seconds to watch before anything can be said */
static double watch_time(struct watch *watch, struct inventory_bpf *inv_skel)
{
	struct inventory *inv;
	double seconds = env.sample;

	inv = inventory_read(inv_skel, 0);
	if (!inv)
		return -1;
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
	struct inventory_bpf *inv_skel;
	int status = EXIT_FOUND;
	struct watch watch = {};
	double seconds;

	args_parse_binding(&argp, argc, argv);
	inv_skel = inventory_open();
	if (!inv_skel)
		return EXIT_FOUND;
	stream_catch_signals();

	seconds = watch_time(&watch, inv_skel);
	if (seconds < 0 || (seconds > 0 && start_watch(&watch, seconds)))
		goto out;
	/* Whoever interrupts the watch wants to see what there is so far */
	status = check(inv_skel, &watch);
	if (watch.skel && watch.skel->bss->lost)
		diag("%llu tokens were not remembered, their table is full",
		     watch.skel->bss->lost);
out:
	devmemleak_bpf__destroy(watch.skel);
	inventory_close(inv_skel);
	return status;
}
