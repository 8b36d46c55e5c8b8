// SPDX-License-Identifier: GPL-2.0
/* devmemleak - remembers which tokens were handed out, when and by what path */

#include "events/token_gets.bpf.h"
#include "events/token_puts.bpf.h"
#include "devmemleak.h"

__u64 lost;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * 1024 * 1024);
	__type(key, struct leak_key);
	__type(value, struct leak_get);
} gets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16384);
	__uint(key_size, sizeof(u32));
	__uint(value_size, STACK_DEPTH * sizeof(u64));
} stacks SEC(".maps");

static __always_inline void token_back(const struct event *e, const struct leak_key *key)
{
	const struct leak_get *get = bpf_map_lookup_elem(&gets, key);

	if (get && !is_another(e, get->ts))
		bpf_map_delete_elem(&gets, key);
}

static __always_inline void on_event(void *ctx, const struct event *e)
{
	struct leak_key key = { .sk = (u64)e->sk, .token = e->token };
	struct leak_get get = {};

	if (e->kind != EV_TOKEN_GET) {
		token_back(e, &key);
		return;
	}
	get.ts = bpf_ktime_get_ns();
	get.stack = bpf_get_stackid(ctx, &stacks, 0);
	if (!bpf_map_update_elem(&gets, &key, &get, BPF_ANY))
		return;
	/* What an earlier token with this number left there is not true any more */
	bpf_map_delete_elem(&gets, &key);
	__sync_fetch_and_add(&lost, 1);
}

char LICENSE[] SEC("license") = "GPL";
