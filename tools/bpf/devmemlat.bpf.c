// SPDX-License-Identifier: GPL-2.0
/* devmemlat - how long iovs are held and how long they take to come back */

#include "events/iovs.bpf.h"
#include "events/token_gets.bpf.h"
#include "events/token_puts.bpf.h"
#include "devmemlat.h"

struct start {
	u64 ts;
	u32 group;
	char comm[16];
};

#define HELD_VALUE	struct start
#include "events/held.bpf.h"

const volatile bool by_process;
const volatile __u32 want_pid;

__u64 lost;
__u64 epoch;		/* user space counts intervals here, see wait_for_running() there */

/* Per CPU, and nothing is taken out: what is counted while user space reads would be lost.
 * On each CPU a slot has the histogram that came to it first; others are in the hash map.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LAT_SLOTTED);
	__type(key, u32);
	__type(value, struct lat_slot);
} slotted SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LAT_HISTS);
	__type(key, struct lat_key);
	__type(value, struct lat_hist);
} hists SEC(".maps");

/* Changing it makes user space wait for all programs that run */
struct fence {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} fence SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct fence);
} fences SEC(".maps");

static const struct lat_hist empty_hist;

static __always_inline u32 log2_us(u64 ns)
{
	u64 us = ns / 1000;
	u32 slot = 0, shift;

	/* slot n is for 2^(n-1) up to 2^n - 1 microseconds, slot 0 for less */
	for (shift = 32; shift; shift >>= 1) {
		if (us >> shift) {
			us >>= shift;
			slot += shift;
		}
	}
	slot += us;
	return slot < LAT_SLOTS ? slot : LAT_SLOTS - 1;
}

static __always_inline void begin(const struct event *e, const struct held_key *key,
				  u32 group)
{
	struct start start = { .ts = event_time(e), .group = group };

	if (by_process)
		bpf_get_current_comm(start.comm, sizeof(start.comm));
	if (!held_put(key, &start))
		__sync_fetch_and_add(&lost, 1);
}

static __always_inline struct lat_hist *get_slotted(const struct lat_key *key)
{
	u32 index = (key->group * 2 + key->kind) % LAT_SLOTTED;
	struct lat_slot *slot = bpf_map_lookup_elem(&slotted, &index);
	u64 name = lat_name(key), there;

	if (!slot)
		return NULL;
	there = slot->name;
	if (!there)
		there = __sync_val_compare_and_swap(&slot->name, 0, name) ?: name;
	return there == name ? &slot->hist : NULL;
}

static __always_inline struct lat_hist *get_hist(const struct lat_key *key,
						 const struct start *start)
{
	struct lat_hist *hist = get_slotted(key);

	if (!hist)
		hist = bpf_map_lookup_elem(&hists, key);
	if (!hist) {
		bpf_map_update_elem(&hists, key, &empty_hist, BPF_NOEXIST);
		hist = bpf_map_lookup_elem(&hists, key);
	}
	if (by_process && hist && !hist->comm[0])
		__builtin_memcpy(hist->comm, start->comm, sizeof(hist->comm));
	return hist;
}

static __always_inline void count(struct lat_half *half, u64 ns, u64 now)
{
	u32 slot = log2_us(ns);

	if (slot < LAT_SLOTS)
		__sync_fetch_and_add(&half->slots[slot], 1);
	__sync_fetch_and_add(&half->sum_ns, ns);
	if (half->epoch != now) {
		half->epoch = now;
		half->max_ns = 0;
	}
	if (ns > half->max_ns)
		half->max_ns = ns;
}

static __always_inline void end(const struct event *e, enum lat_kind kind,
				const struct held_key *key)
{
	struct lat_key hist_key = { .kind = kind };
	struct lat_hist *hist;
	struct start start;
	u64 now = epoch;

	/* It may have begun before we did */
	if (!held_take(key, e->out_ns, &start))
		return;

	hist_key.group = start.group;
	hist = get_hist(&hist_key, &start);
	if (!hist) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	count(&hist->halves[now & 1], event_time(e) - start.ts, now);
}

static __always_inline void begin_token(const struct event *e)
{
	struct held_key key = { .who = (u64)untyped(e->sk), .what = e->token };
	u32 group = 0;

	if (by_process || want_pid)
		group = bpf_get_current_pid_tgid() >> 32;
	if (want_pid && group != want_pid)
		return;
	if (!by_process)
		group = binding_id(event_binding(e));
	begin(e, &key, group);
}

static __always_inline void on_event(void *ctx, const struct event *e)
{
	struct held_key token = { .who = (u64)untyped(e->sk), .what = e->token };
	struct held_key iov = { .who = HELD_BY_POOL, .what = (u64)e->iov };

	switch (e->kind) {
	case EV_TOKEN_GET:
		begin_token(e);
		return;
	case EV_TOKEN_PUT:
	case EV_TOKEN_CLOSE:
		end(e, LAT_HOLD, &token);
		return;
	case EV_ALLOC:
		begin(e, &iov, binding_id(event_binding(e)));
		return;
	case EV_RELEASE:
		end(e, LAT_RECYCLE, &iov);
		return;
	default:
		return;
	}
}

char LICENSE[] SEC("license") = "GPL";
