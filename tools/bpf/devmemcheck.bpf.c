// SPDX-License-Identifier: GPL-2.0
/*
 * devmemcheck - counts for some seconds what is handed out, refused and dropped, and looks
 * at what no uAPI tells
 */

#include "events/drops.bpf.h"
#include "events/pools.bpf.h"
#include "events/token_gets.bpf.h"
#include "devmemcheck.h"

#define HELD_VALUE	struct check_get
#include "events/held.bpf.h"

__u64 lost;		/* tokens that were not remembered */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CHECK_ENTRIES);
	__type(key, struct check_key);
	__type(value, struct check_counts);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CHECK_REASONS);
	__type(key, u32);
	__type(value, u64);
} drops SEC(".maps");

static const struct check_counts none;

static __always_inline void count_drop(u32 reason)
{
	const u64 one = 1;
	u64 *num;

	num = bpf_map_lookup_elem(&drops, &reason);
	if (num)
		__sync_fetch_and_add(num, 1);
	else if (bpf_map_update_elem(&drops, &reason, &one, BPF_NOEXIST))
		miss_events(1);
}

static __always_inline struct check_counts *get_counts(const struct event *e)
{
	const struct net_devmem_dmabuf_binding *binding = event_binding(e);
	struct check_key key = { .sk = (u64)untyped(e->sk) };
	struct check_counts *c;

	if (!binding)
		return NULL;
	key.binding = binding_id(binding);
	key.queue = event_queue(e);
	c = bpf_map_lookup_elem(&counts, &key);
	if (c)
		return c;
	bpf_map_update_elem(&counts, &key, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&counts, &key);
}

static __always_inline void token_out(const struct event *e)
{
	struct held_key key = { .who = (u64)untyped(e->sk), .what = e->token };
	struct check_get get = { .ts = event_time(e) };

	if (!held_put(&key, &get))
		__sync_fetch_and_add(&lost, 1);
}

static __always_inline void on_event(void *ctx, const struct event *e)
{
	struct check_counts *c;

	if (e->kind == EV_DROP) {
		count_drop(e->reason);
		return;
	}
	if (e->kind == EV_TOKEN_GET)
		token_out(e);
	c = get_counts(e);
	if (!c)
		miss_events(1);
	else if (e->kind == EV_TOKEN_GET)
		__sync_fetch_and_add(&c->gets, 1);
	else
		__sync_fetch_and_add(&c->exhausted, 1);
}

#include "check/devices.bpf.h"
#include "check/deferred.bpf.h"

char LICENSE[] SEC("license") = "GPL";
