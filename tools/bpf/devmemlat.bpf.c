// SPDX-License-Identifier: GPL-2.0
/* devmemlat - how long iovs are held and how long they take to come back */

#include "events/iovs.bpf.h"
#include "events/token_gets.bpf.h"
#include "events/token_puts.bpf.h"
#include "devmemlat.h"

const volatile bool by_process;
const volatile __u32 want_pid;

__u64 lost;
__u64 epoch;		/* user space counts intervals here, see wait_for_running() there */

struct start_key {
	u64 holder;		/* socket, or 0 for the page pool */
	u64 what;		/* token, or iov */
};

struct start {
	u64 ts;
	u32 group;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * 1024 * 1024);
	__type(key, struct start_key);
	__type(value, struct start);
} starts SEC(".maps");

/* Per CPU, and nothing is taken out: what is counted while user space reads would be lost */
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

static __always_inline void begin(u64 holder, u64 what, u32 group)
{
	struct start_key key = { .holder = holder, .what = what };
	struct start start = { .ts = bpf_ktime_get_ns(), .group = group };

	if (by_process)
		bpf_get_current_comm(start.comm, sizeof(start.comm));
	if (bpf_map_update_elem(&starts, &key, &start, BPF_ANY))
		__sync_fetch_and_add(&lost, 1);
}

static __always_inline struct lat_hist *get_hist(const struct lat_key *key,
						 const struct start *start)
{
	struct lat_hist *hist = bpf_map_lookup_elem(&hists, key);

	if (!hist) {
		bpf_map_update_elem(&hists, key, &empty_hist, BPF_NOEXIST);
		hist = bpf_map_lookup_elem(&hists, key);
	}
	if (hist && !hist->comm[0])
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

static __always_inline void end(const struct event *e, enum lat_kind kind, u64 holder,
				u64 what)
{
	struct start_key key = { .holder = holder, .what = what };
	struct lat_key hist_key = { .kind = kind };
	struct lat_hist *hist;
	struct start *start;
	u64 ns, now = epoch;

	/* It may have begun before we did */
	start = bpf_map_lookup_elem(&starts, &key);
	if (!start || is_another(e, start->ts))
		return;

	ns = bpf_ktime_get_ns() - start->ts;
	hist_key.group = start->group;
	hist = get_hist(&hist_key, start);
	bpf_map_delete_elem(&starts, &key);
	if (!hist) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	count(&hist->halves[now & 1], ns, now);
}

static __always_inline void on_event(void *ctx, const struct event *e)
{
	u32 pid = bpf_get_current_pid_tgid() >> 32;
	u32 group;

	switch (e->kind) {
	case EV_TOKEN_GET:
		if (want_pid && pid != want_pid)
			return;
		group = by_process ? pid : binding_id(event_binding(e));
		begin((u64)e->sk, e->token, group);
		return;
	case EV_TOKEN_PUT:
	case EV_TOKEN_CLOSE:
		end(e, LAT_HOLD, (u64)e->sk, e->token);
		return;
	case EV_ALLOC:
		begin(0, (u64)e->iov, binding_id(event_binding(e)));
		return;
	case EV_RELEASE:
		end(e, LAT_RECYCLE, 0, (u64)e->iov);
		return;
	default:
		return;
	}
}

char LICENSE[] SEC("license") = "GPL";
