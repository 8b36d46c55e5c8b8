// SPDX-License-Identifier: GPL-2.0
/*
 * devmem_exporter - counts events for each binding
 *
 * A counter is added to, whatever happens; nothing is sent to user space. So the
 * cost of reading them all grows with bindings and CPUs, and with nothing else.
 */

#include "events.bpf.h"
#include "devmem_exporter.h"

/* The kernel keeps the time of a hand-out in the iov */
const volatile bool kernel_keeps_since;

__u64 lost;
__u64 binds;
__u64 unbinds;
__u64 frees;

/* By binding id. Per CPU, because the queues of a binding, and its readers, run
 * on different ones.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_BINDINGS);
	__type(key, u32);
	__type(value, struct exp_counts);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_TOKENS);
	__type(key, struct exp_token);
	__type(value, struct exp_handout);
} handouts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_REASONS);
	__type(key, u32);
	__type(value, u64);
} drops SEC(".maps");

static const struct exp_counts no_counts;
static const u64 zero;

#define add(where, n)	__sync_fetch_and_add(&(where), n)

/* A slot of a map that is made when it is first needed; NULL if it is full */
static __always_inline void *get_slot(void *map, const void *key, const void *empty)
{
	void *slot = bpf_map_lookup_elem(map, key);

	if (slot)
		return slot;
	bpf_map_update_elem(map, key, empty, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(map, key);
	if (!slot)
		add(lost, 1);
	return slot;
}

static __always_inline void count_refs(struct exp_counts *c, const struct net_iov *iov)
{
	s64 refs = iov_refcount(iov);
	u32 i;

	if (refs < 0)
		return;
	for (i = 0; i < REF_BOUNDS; i++)
		if ((u64)refs <= ref_bounds[i])
			break;
	add(c->refs[i], 1);
	add(c->refs_sum, refs);
}

static __always_inline void count_hold(struct exp_counts *c, u64 ns)
{
	u32 i;

	for (i = 0; i < HOLD_BOUNDS; i++)
		if (ns <= hold_bounds_ms[i] * 1000000)
			break;
	add(c->hold[i], 1);
	add(c->hold_ns, ns);
}

static __always_inline void token_out(struct exp_counts *c, const struct event *e)
{
	struct exp_token key = { .sk = (u64)e->sk, .token = e->token };
	struct exp_handout handout = {};

	add(c->gets, 1);
	count_refs(c, e->iov);
	if (kernel_keeps_since)
		return;
	handout.ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&handouts, &key, &handout, BPF_ANY))
		add(lost, 1);
}

static __always_inline void token_back(struct exp_counts *c, const struct event *e)
{
	struct exp_token key = { .sk = (u64)e->sk, .token = e->token };
	struct exp_handout *handout, copy;

	if (kernel_keeps_since) {
		count_hold(c, bpf_ktime_get_ns() - iov_user_since(e->iov));
		return;
	}
	handout = bpf_map_lookup_elem(&handouts, &key);
	if (!handout || is_another(e, handout->ns))
		return;
	copy = *handout;
	bpf_map_delete_elem(&handouts, &key);
	if (!copy.before)
		count_hold(c, bpf_ktime_get_ns() - copy.ns);
}

static __always_inline void count_drop(u32 reason)
{
	u64 *num = get_slot(&drops, &reason, &zero);

	if (num)
		add(*num, 1);
}

static void on_event(void *ctx, const struct event *e)
{
	const struct net_devmem_dmabuf_binding *binding = e->binding;
	struct exp_counts *c;
	u32 id;

	if (e->kind == EV_DROP) {
		count_drop(e->reason);
		return;
	}
	if (!binding)
		return;
	id = BPF_CORE_READ(binding, id);
	if (e->kind == EV_BINDING_FREE) {
		add(frees, 1);
		bpf_map_delete_elem(&counts, &id);
		return;
	}
	c = get_slot(&counts, &id, &no_counts);
	if (!c)
		return;

	switch (e->kind) {
	case EV_BIND:
		add(binds, 1);
		return;
	case EV_UNBIND:
		add(unbinds, 1);
		return;
	case EV_ALLOC:
		add(c->allocs, 1);
		return;
	case EV_RELEASE:
		add(c->releases, 1);
		return;
	case EV_EXHAUSTED:
		add(c->exhausted, 1);
		return;
	case EV_TOKEN_GET:
		token_out(c, e);
		return;
	case EV_TOKEN_PUT:
		add(c->puts, 1);
		token_back(c, e);
		return;
	case EV_TOKEN_CLOSE:
		add(c->closes, 1);
		token_back(c, e);
		return;
	default:
		return;
	}
}

char LICENSE[] SEC("license") = "GPL";
