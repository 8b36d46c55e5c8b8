// SPDX-License-Identifier: GPL-2.0
/*
 * devmemtop - counts tokens by binding and socket, and what is no socket's by binding
 *
 * What kernel or inventory can tell is not counted here: see top/collect.c.
 */

#include "events/iovs.bpf.h"
#include "events/pools.bpf.h"
#include "events/token_gets.bpf.h"
#include "events/token_puts.bpf.h"
#include "devmemtop.h"

/* A socket or binding that ends leaves its counts; user space removes what is idle. No
 * LRU map: there each processor has entries for itself, and takes those of others that
 * are in use when it has none left. Not preallocated, so that an entry that is removed as it
 * is counted in does not become another's.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, TOP_ENTRIES);
	__type(key, struct top_key);
	__type(value, struct top_counts);
} counts SEC(".maps");

static const struct top_counts none;

static __always_inline struct top_counts *get_counts(u32 id, u64 sk)
{
	struct top_key key = { .binding = id, .sk = sk };
	struct top_counts *c = bpf_map_lookup_elem(&counts, &key);

	if (c)
		return c;
	bpf_map_update_elem(&counts, &key, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&counts, &key);
}

static __always_inline void on_event(void *ctx, const struct event *e)
{
	const struct net_devmem_dmabuf_binding *binding = event_binding(e);
	struct top_counts *c;

	if (!binding)
		return;
	c = get_counts(binding_id(binding), (u64)untyped(e->sk));
	if (!c) {
		miss_events(1);
		return;
	}
	switch (e->kind) {
	case EV_ALLOC:
		__sync_fetch_and_add(&c->allocs, 1);
		return;
	case EV_EXHAUSTED:
		__sync_fetch_and_add(&c->exhausted, 1);
		return;
	case EV_TOKEN_GET:
		__sync_fetch_and_add(&c->gets, 1);
		return;
	default:
		__sync_fetch_and_add(&c->puts, 1);
		return;
	}
}

static __always_inline void on_gets(u64 sk, u32 id, u64 num)
{
	struct top_counts *c = get_counts(id, sk);

	if (c)
		__sync_fetch_and_add(&c->gets, num);
	else
		miss_events(num);
}

#include "events/reads.bpf.h"

char LICENSE[] SEC("license") = "GPL";
