// SPDX-License-Identifier: GPL-2.0
/*
 * devmemleak - remembers when tokens were handed out for the last time, and by what path
 *
 * That they come back is not looked at: who asks knows which tokens are out, and of
 * these the last time is when they were handed out.
 */

#define EVENT_STACK(ctx)	get_stack(ctx)

#include "devmemleak.h"
#include "kernel.h"

#define READERS		1024	/* a power of two */

const volatile bool want_stacks;

__u64 lost;

/* The path by which a thread reads just now: its number and the stack's. One walk over the
 * stack is for all tokens of a read. A thread whose place another has taken walks again.
 */
__u64 readers[READERS];

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16384);
	__uint(key_size, sizeof(u32));
	__uint(value_size, STACK_DEPTH * sizeof(u64));
} stacks SEC(".maps");

static __always_inline s32 get_stack(void *ctx)
{
	u32 thread;
	u64 reader;

	if (!want_stacks)
		return -1;
	thread = bpf_get_current_pid_tgid();
	reader = readers[thread % READERS];
	if (reader >> 32 == thread)
		return reader;
	return bpf_get_stackid(ctx, &stacks, 0);
}

#include "events/token_gets.bpf.h"

#define HELD_VALUE	struct leak_get
#include "events/held.bpf.h"

/* A read that makes tokens begins. Loaded when user space asks for it. */
SEC("?fentry/net_devmem_tokens_get")
int read__fentry(void *ctx)
{
	u32 thread = bpf_get_current_pid_tgid();
	s64 stack = bpf_get_stackid(ctx, &stacks, 0);

	readers[thread % READERS] = stack < 0 ? 0 : (u64)thread << 32 | stack;
	return 0;
}

static __always_inline void on_event(void *ctx, const struct event *e)
{
	struct held_key key = { .who = (u64)untyped(e->sk), .what = e->token };
	struct leak_get get = { .ts = event_time(e), .stack = e->stack };

	if (!held_put(&key, &get))
		__sync_fetch_and_add(&lost, 1);
}

char LICENSE[] SEC("license") = "GPL";
