// SPDX-License-Identifier: GPL-2.0
/* devmemtop - counts events by binding, and by socket in each */

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

static __always_inline struct top_counts *get_counts(const struct event *e,
						     const struct sock *sk)
{
	struct top_key key = { .binding = (u64)event_binding(e), .sk = (u64)sk };
	struct top_counts *c = bpf_map_lookup_elem(&counts, &key);

	if (c)
		return c;
	bpf_map_update_elem(&counts, &key, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&counts, &key);
}

static __always_inline void count(struct top_counts *c, enum devmem_event kind)
{
	if (!c) {
		miss_events(1);
		return;
	}
	switch (kind) {
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

static __always_inline void on_event(void *ctx, const struct event *e)
{
	count(get_counts(e, NULL), e->kind);
	if (e->sk)
		count(get_counts(e, e->sk), e->kind);
}

char LICENSE[] SEC("license") = "GPL";
