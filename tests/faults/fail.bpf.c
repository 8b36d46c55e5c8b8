// SPDX-License-Identifier: GPL-2.0
/*
 * Makes chosen allocations of a task, or below a function, fail: two of them at
 * once, where the kernel's own fail-nth has one. And tells what bindings there
 * are, for whoever wants to know what a failure left behind.
 */
#include "types.bpf.h"

#include "fail.h"

char LICENSE[] SEC("license") = "GPL";

/* of include/linux/preempt.h: in a softirq, an interrupt or an NMI */
#define NOT_IN_TASK (0x00f00000 | 0x000f0000 | 0x00000100)

#define ENOMEM 12

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pcpu_hot {
	int preempt_count;
};

#pragma clang attribute pop

extern struct pcpu_hot pcpu_hot __ksym;

struct fail_plan plan;
struct fail_result result;

__u32 num_bindings;
struct fail_binding bindings[FAIL_BINDINGS];

static bool in_task(void)
{
	struct pcpu_hot *hot = bpf_this_cpu_ptr(&pcpu_hot);

	return !(hot->preempt_count & NOT_IN_TASK);
}

static bool is_in(const struct fail_range *range, __u64 addr)
{
	return addr >= range->start && addr < range->end;
}

/* Below what is asked for, and not below what is spared. */
static bool is_wanted(const __u64 *stack, __u32 depth)
{
	bool within = !plan.within.end;
	__u32 i, j;

	bpf_for(i, 0, depth) {
		if (i >= FAIL_DEPTH)
			break;
		if (!within && is_in(&plan.within, stack[i]))
			within = true;
		bpf_for(j, 0, plan.num_spared) {
			if (j >= FAIL_SPARED)
				break;
			if (is_in(&plan.spared[j], stack[i]))
				return false;
		}
	}
	return within;
}

static void keep_stack(__u32 nth, const __u64 *stack)
{
	if (nth < FAIL_FAULTS)
		__builtin_memcpy(result.stack[nth], stack, sizeof(result.stack[nth]));
}

static bool should_fail(void *ctx, __u32 gfp)
{
	__u64 stack[FAIL_DEPTH] = {};
	__u32 count;
	long size;

	if (!plan.armed || gfp & plan.nofail)
		return false;
	if (plan.tid && (plan.tid != (__u32)bpf_get_current_pid_tgid() || !in_task()))
		return false;
	size = bpf_get_stack(ctx, stack, sizeof(stack), 0);
	if (size < 0 || !is_wanted(stack, size / sizeof(stack[0])))
		return false;
	count = __sync_fetch_and_add(&result.count, 1) + 1;
	if (count != plan.nth[0] && count != plan.nth[1])
		return false;
	keep_stack(__sync_fetch_and_add(&result.failed, 1), stack);
	return true;
}

struct kmem_cache;

SEC("fmod_ret/should_failslab")
int BPF_PROG(fail_slab, struct kmem_cache *s, __u32 gfp, int ret)
{
	return should_fail(ctx, gfp) ? -ENOMEM : ret;
}

SEC("fmod_ret/should_fail_alloc_page")
int BPF_PROG(fail_page, __u32 gfp, unsigned int order, int ret)
{
	return should_fail(ctx, gfp) ? 1 : ret;
}

static enum page_pool_iov_state state_of(const struct page_pool_iov *iov)
{
	if (iov->user_tokens.counter)
		return PP_IOV_USER;
	return iov->niov.pp ? PP_IOV_POOL : PP_IOV_FREE;
}

static void look_at(struct fail_binding *out, struct net_devmem_dmabuf_binding *binding)
{
	struct page_pool_iov *iov;

	__builtin_memset(out, 0, sizeof(*out));
	out->id = binding->id;
	out->unbound = binding->unbound;
	out->total = binding->num_iovs;
	out->free = binding->num_free;
	out->user = binding->num_user.counter;
	bpf_for_each(page_pool_iov, iov, binding) {
		out->walked[state_of(iov) % 3]++;
		out->tokens += iov->user_tokens.counter;
	}
}

SEC("syscall")
int walk(void *ctx)
{
	struct net_devmem_dmabuf_binding *binding;
	__u32 i;

	num_bindings = 0;
	bpf_rcu_read_lock();
	bpf_for_each(devmem_binding, binding) {
		i = num_bindings;
		if (i >= FAIL_BINDINGS)
			break;
		look_at(&bindings[i], binding);
		num_bindings = i + 1;
	}
	bpf_rcu_read_unlock();
	return 0;
}
