// SPDX-License-Identifier: GPL-2.0-or-later
/* Attach planning: event -> ways to see it, best first */

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "attach.h"
#include "diag.h"
#include "ksyms.h"
#include "layout.h"

#define MAX_WAYS	4
#define WHY_LEN		512

struct way {
	const char *prog;
	const char *also;	/* NULL, or a program that it does not work without */
};

/* Our tracepoints first, because they are typed and stable. Then what is nearest to
 * the event: the core's tracepoint sees every iov that is taken, even if the provider
 * hands them out in batches, but says of a release only when the iov is free again and
 * can be somebody else's. Kprobes come last, by what they cost.
 */
static const struct {
	const char *name;
	struct way ways[MAX_WAYS];
} table[] = {
	[EV_BIND] = { "bind", {
		{ "bind__tp" }, { "bind__fexit" }, { "bind__kretprobe" } } },
	[EV_UNBIND] = { "unbind", {
		{ "unbind__tp" }, { "unbind__fentry" }, { "unbind__kprobe" } } },
	[EV_BINDING_FREE] = { "binding_free", {
		{ "binding_free__tp" }, { "binding_free__fentry" },
		{ "binding_free__kprobe" } } },
	[EV_QUEUE_BIND] = { "queue_bind", {
		{ "queue_bind__tp" }, { "queue_bind__fexit" } } },
	[EV_QUEUE_UNBIND] = { "queue_unbind", {
		{ "queue_unbind__tp" } } },
	[EV_ALLOC] = { "alloc", {
		{ "iov_alloc__tp" }, { "iov_alloc__pptp" }, { "iov_alloc__fexit" },
		{ "iov_alloc__kretprobe" } } },
	[EV_RELEASE] = { "release", {
		{ "iov_release__tp" }, { "iov_release__fentry" },
		{ "iov_release__kprobe" }, { "iov_release__pptp" } } },
	[EV_EXHAUSTED] = { "exhausted", {
		{ "exhausted__tp" }, { "exhausted__fexit" } } },
	[EV_TOKEN_GET] = { "token_get", {
		{ "token_get__tp" }, { "token_get__fentry" }, { "token_get__kprobe" } } },
	[EV_TOKEN_PUT] = { "token_put", {
		{ "token_put__tp" },
		{ "token_put__fexit", "token_put__fentry" },
		{ "token_put__kretprobe", "token_put__kprobe" } } },
	[EV_TOKEN_CLOSE] = { "token_close", {
		{ "token_put__tp" }, { "token_close__fentry" },
		{ "token_close__kprobe" } } },
	[EV_POOL_DESTROY] = { "pool_destroy", {
		{ "pool_destroy__tp" }, { "pool_destroy__fentry" },
		{ "pool_destroy__kprobe" } } },
	[EV_DROP] = { "drop", {
		{ "drop__tp" } } },
};

/* Of each event that cannot be seen: by what not, and why */
static char why_not_seen[EV_NUM][WHY_LEN];

const char *event_name(enum devmem_event event)
{
	return table[event].name;
}

static bool is_hidden(const char *word)
{
	const char *hide = getenv("DEVMEM_HIDE");
	size_t len = strlen(word);

	for (; hide; hide = strchr(hide, ',')) {
		hide += *hide == ',';
		if (!strncmp(hide, word, len) && (!hide[len] || hide[len] == ','))
			return true;
	}
	return false;
}

/* Tracepoints are in BTF as typedefs. A function that was inlined is not in
 * BTF at all, and cannot be probed either.
 */
static bool is_there(const struct btf *btf, const char *kind, const char *target)
{
	char name[128];

	if (strcmp(kind, "tp_btf"))
		return btf__find_by_name_kind(btf, target, BTF_KIND_FUNC) > 0;

	snprintf(name, sizeof(name), "btf_trace_%s", target);
	return btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) > 0;
}

/* A trampoline can be refused to anybody: by a function that is not traced or by one that
 * is full, or by the processor. A program that does nothing finds out. 0 or -errno.
 */
static int try_trampoline(const struct btf *btf, const struct bpf_program *prog,
			  const char *target)
{
	/* r0 = 0; exit */
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	int fd, link;

	opts.expected_attach_type = bpf_program__expected_attach_type(prog);
	opts.attach_btf_id = btf__find_by_name_kind(btf, target, BTF_KIND_FUNC);
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "devmem_try", "GPL", nothing,
			   sizeof(nothing) / sizeof(*nothing), &opts);
	if (fd < 0)
		return fd;
	link = bpf_raw_tracepoint_open(NULL, fd);
	close(fd);
	if (link < 0)
		return link;
	close(link);
	return 0;
}

/* NULL if the program is usable, or else why not */
static const char *check_prog(const struct btf *btf, const struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog);
	const char *slash = strchr(section, '/');
	static char refused[64];
	char kind[16];
	int err;

	snprintf(kind, sizeof(kind), "%.*s", (int)(slash - section), section);
	if (is_hidden(kind) || is_hidden(section) ||
	    is_hidden(bpf_program__name(prog)))
		return "hidden by DEVMEM_HIDE";
	if (!is_there(btf, kind, slash + 1))
		return "the kernel has none";
	if (strcmp(kind, "fentry") && strcmp(kind, "fexit"))
		return NULL;
	err = try_trampoline(btf, prog, slash + 1);
	if (!err)
		return NULL;
	snprintf(refused, sizeof(refused), "the kernel refuses it: %s", diag_errno(-err));
	return refused;
}

static void note_why_not(enum devmem_event event, const char *section,
			 const char *why_not)
{
	char *text = why_not_seen[event];
	size_t used = strlen(text);

	diag_v("%s: not by %s: %s", event_name(event), section, why_not);
	snprintf(text + used, WHY_LEN - used, "%s%s: %s", used ? "; " : "",
		 section, why_not);
}

/* Whether all of a way can be used; if not, that is noted */
static bool check_way(struct bpf_object *obj, const struct btf *btf,
		      enum devmem_event event, const struct way *way)
{
	const char *const names[] = { way->prog, way->also };
	size_t i;

	for (i = 0; i < 2 && names[i]; i++) {
		struct bpf_program *prog;
		const char *why_not;

		prog = bpf_object__find_program_by_name(obj, names[i]);
		if (!prog)
			return false;
		why_not = check_prog(btf, prog);
		if (why_not) {
			note_why_not(event, bpf_program__section_name(prog), why_not);
			return false;
		}
	}
	return true;
}

/* Has a way be loaded, or left out. Returns the program that stands for it. */
static struct bpf_program *use_way(struct bpf_object *obj, const struct way *way, bool use)
{
	struct bpf_program *prog;

	if (way->also) {
		prog = bpf_object__find_program_by_name(obj, way->also);
		if (prog)
			bpf_program__set_autoload(prog, use);
	}
	prog = bpf_object__find_program_by_name(obj, way->prog);
	if (prog)
		bpf_program__set_autoload(prog, use);
	return prog;
}

static bool plan_event(struct bpf_object *obj, const struct btf *btf,
		       enum devmem_event event)
{
	const struct way *ways = table[event].ways;
	size_t i;

	*why_not_seen[event] = 0;
	for (i = 0; i < MAX_WAYS && ways[i].prog; i++) {
		if (!check_way(obj, btf, event, &ways[i]))
			continue;
		diag_v("%s: by %s", event_name(event),
		       bpf_program__section_name(use_way(obj, &ways[i], true)));
		return true;
	}
	diag_v("%s: cannot be seen on this kernel", event_name(event));
	return false;
}

static void leave_out_all(struct bpf_object *obj)
{
	size_t event, i;

	for (event = 0; event < EV_NUM; event++)
		for (i = 0; i < MAX_WAYS && table[event].ways[i].prog; i++)
			use_way(obj, &table[event].ways[i], false);
}

unsigned int attach_plan(struct bpf_object *obj, unsigned int events)
{
	const struct btf *btf = ksyms_btf();
	unsigned int event, planned = 0;

	layout_set_host(obj);
	leave_out_all(obj);
	for (event = 0; event < EV_NUM; event++)
		if (events & EV_BIT(event) && plan_event(obj, btf, event))
			planned |= EV_BIT(event);
	return planned;
}

bool attach_also(struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog);
	const char *why_not = check_prog(ksyms_btf(), prog);

	if (why_not) {
		diag_v("not by %s: %s", section, why_not);
		return false;
	}
	diag_v("also by %s", section);
	bpf_program__set_autoload(prog, true);
	return true;
}

const char *attach_reads(const struct bpf_object *obj)
{
	static const char *const ways[] = { "reads__fexit", "reads__fentry" };
	struct bpf_program *prog;
	size_t i;

	for (i = 0; i < 2; i++) {
		prog = bpf_object__find_program_by_name(obj, ways[i]);
		if (prog && attach_also(prog))
			return bpf_program__section_name(prog);
	}
	return NULL;
}

const char *attach_way(const struct bpf_object *obj, enum devmem_event event)
{
	const struct bpf_program *prog;
	size_t i;

	for (i = 0; i < MAX_WAYS && table[event].ways[i].prog; i++) {
		prog = bpf_object__find_program_by_name(obj, table[event].ways[i].prog);
		if (prog && bpf_program__fd(prog) >= 0)
			return bpf_program__section_name(prog);
	}
	return NULL;
}

static unsigned int say_missing(unsigned int planned, unsigned int needed)
{
	unsigned int event, missing = needed & ~planned;

	for (event = 0; event < EV_NUM; event++)
		if (missing & EV_BIT(event))
			diag("this kernel has no way to see '%s': %s",
			     event_name(event), why_not_seen[event]);
	return missing;
}

int attach_start(struct bpf_object_skeleton *skeleton, unsigned int planned,
		 unsigned int needed)
{
	int err;

	if (say_missing(planned, needed))
		return -EOPNOTSUPP;
	err = bpf_object__load_skeleton(skeleton) ?: bpf_object__attach_skeleton(skeleton);
	if (err) {
		diag_load_failed(program_invocation_short_name, err);
		return err;
	}
	diag_v("watching");
	return 0;
}

void attach_filter(volatile struct event_filter *filter,
		   const struct args *args)
{
	size_t i;

	filter->binding = args->binding;
	filter->pid = args->pid;
	for (i = 0; args->ifname && args->ifname[i] && i < sizeof(filter->ifname) - 1; i++)
		filter->ifname[i] = args->ifname[i];
}

/* What the programs could not tell, though they ran */
static unsigned long long missed_by_programs(const struct bpf_object *obj)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(obj, ".data.events");
	const __u64 *missed;
	size_t size;

	missed = map ? bpf_map__initial_value(map, &size) : NULL;
	return missed ? *(volatile const __u64 *)missed : 0;
}

static unsigned long long times_busy(const struct bpf_program *prog)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_program__fd(prog);

	if (fd < 0 || bpf_prog_get_info_by_fd(fd, &info, &len))
		return 0;
	return info.recursion_misses;
}

unsigned long long attach_missed(const struct bpf_object *obj)
{
	unsigned long long missed = missed_by_programs(obj);
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, obj)
		missed += times_busy(prog);
	return missed;
}

unsigned long long attach_missed_gets(const struct bpf_object *obj)
{
	const struct way *ways = table[EV_TOKEN_GET].ways;
	unsigned long long missed = 0;
	size_t i;

	for (i = 0; i < MAX_WAYS && ways[i].prog; i++)
		missed += times_busy(bpf_object__find_program_by_name(obj, ways[i].prog));
	return missed;
}
