// SPDX-License-Identifier: GPL-2.0-or-later
/* Attach planning: event -> ways to see it, best first */

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "attach.h"
#include "diag.h"
#include "ksyms.h"

#define MAX_WAYS	4
#define WHY_LEN		512

/* Our tracepoints first, because they are typed and stable; then the core's,
 * which see every iov even if the provider hands them out in batches; then
 * trampolines, and at last kprobes, by what they cost.
 */
static const struct {
	const char *name;
	const char *progs[MAX_WAYS];
} table[] = {
	[EV_BIND] = { "bind",
		{ "bind__tp", "bind__fexit", "bind__kretprobe" } },
	[EV_UNBIND] = { "unbind",
		{ "unbind__tp", "unbind__fentry", "unbind__kprobe" } },
	[EV_BINDING_FREE] = { "binding_free",
		{ "binding_free__tp", "binding_free__fentry", "binding_free__kprobe" } },
	[EV_QUEUE_BIND] = { "queue_bind",
		{ "queue_bind__tp", "queue_bind__fexit" } },
	[EV_QUEUE_UNBIND] = { "queue_unbind",
		{ "queue_unbind__tp" } },
	[EV_ALLOC] = { "alloc",
		{ "iov_alloc__tp", "iov_alloc__pptp", "iov_alloc__fexit",
		  "iov_alloc__kretprobe" } },
	[EV_RELEASE] = { "release",
		{ "iov_release__tp", "iov_release__pptp", "iov_release__fentry",
		  "iov_release__kprobe" } },
	[EV_EXHAUSTED] = { "exhausted",
		{ "exhausted__tp", "exhausted__fexit" } },
	[EV_TOKEN_GET] = { "token_get",
		{ "token_get__tp", "token_get__fentry", "token_get__kprobe" } },
	[EV_TOKEN_PUT] = { "token_put",
		{ "token_put__tp", "token_put__fentry", "token_put__kprobe" } },
	[EV_TOKEN_CLOSE] = { "token_close",
		{ "token_put__tp", "token_close__fentry", "token_close__kprobe" } },
	[EV_POOL_DESTROY] = { "pool_destroy",
		{ "pool_destroy__tp", "pool_destroy__fentry", "pool_destroy__kprobe" } },
	[EV_DROP] = { "drop",
		{ "drop__tp" } },
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

/* NULL if the way is usable, or else why not */
static const char *check_way(const struct btf *btf, const struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog);
	const char *slash = strchr(section, '/');
	char kind[16];

	snprintf(kind, sizeof(kind), "%.*s", (int)(slash - section), section);
	if (is_hidden(kind) || is_hidden(section) ||
	    is_hidden(bpf_program__name(prog)))
		return "hidden by DEVMEM_HIDE";
	if (!is_there(btf, kind, slash + 1))
		return "the kernel has none";
	return NULL;
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

static bool plan_event(struct bpf_object *obj, const struct btf *btf,
		       enum devmem_event event)
{
	struct bpf_program *prog;
	const char *why_not;
	size_t i;

	*why_not_seen[event] = 0;
	for (i = 0; i < MAX_WAYS && table[event].progs[i]; i++) {
		prog = bpf_object__find_program_by_name(obj, table[event].progs[i]);
		if (!prog)
			continue;
		why_not = check_way(btf, prog);
		if (!why_not) {
			diag_v("%s: by %s", event_name(event),
			       bpf_program__section_name(prog));
			bpf_program__set_autoload(prog, true);
			return true;
		}
		note_why_not(event, bpf_program__section_name(prog), why_not);
	}
	diag_v("%s: cannot be seen on this kernel", event_name(event));
	return false;
}

static void leave_out_all(struct bpf_object *obj)
{
	struct bpf_program *prog;
	size_t event, i;

	for (event = 0; event < EV_NUM; event++) {
		for (i = 0; i < MAX_WAYS && table[event].progs[i]; i++) {
			prog = bpf_object__find_program_by_name(obj, table[event].progs[i]);
			if (prog)
				bpf_program__set_autoload(prog, false);
		}
	}
}

unsigned int attach_plan(struct bpf_object *obj, unsigned int events)
{
	const struct btf *btf = ksyms_btf();
	unsigned int event, planned = 0;

	leave_out_all(obj);
	for (event = 0; event < EV_NUM; event++)
		if (events & EV_BIT(event) && plan_event(obj, btf, event))
			planned |= EV_BIT(event);
	return planned;
}

const char *attach_way(const struct bpf_object *obj, enum devmem_event event)
{
	const struct bpf_program *prog;
	size_t i;

	for (i = 0; i < MAX_WAYS && table[event].progs[i]; i++) {
		prog = bpf_object__find_program_by_name(obj, table[event].progs[i]);
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

unsigned long long attach_missed(struct bpf_object *obj)
{
	unsigned long long missed = 0;
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, obj) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_program__fd(prog);

		if (fd >= 0 && !bpf_prog_get_info_by_fd(fd, &info, &len))
			missed += info.recursion_misses;
	}
	return missed;
}
