// SPDX-License-Identifier: GPL-2.0
/*
 * devmem_exporter - counts events for each binding
 *
 * A counter is added to, whatever happens; nothing is sent to user space. So the
 * cost of reading them all grows with bindings and CPUs, and with nothing else.
 */

#include "events/bindings.bpf.h"
#include "events/drops.bpf.h"
#include "events/iovs.bpf.h"
#include "events/pools.bpf.h"
#include "events/token_gets.bpf.h"
#include "events/token_puts.bpf.h"
#include "devmem_exporter.h"

/* The kernel keeps the time of a hand-out in the iov */
const volatile bool kernel_keeps_since;

/* Each token is looked at when it is handed out and when it comes back, for histograms.
 * Otherwise hand-outs are counted by read, and nothing looks at what comes back.
 */
const volatile bool each_token;

__u64 lost;
__u64 remembered;	/* entries that handouts ever had */
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

/* Of bindings that were made since we came: a short one may be seen by no scrape */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_BINDINGS);
	__type(key, u32);
	__type(value, char[IFNAME_LEN]);
} names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, MAX_TOKENS);
	__type(key, struct held_key);
	__type(value, struct exp_handout);
} handouts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HELD_SLOTS);
	__type(key, u32);
	__type(value, struct exp_slot);
} slots SEC(".maps");

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

/* Of the last hand-out of a token of this socket. It need not be forgotten when it comes
 * back: the next one of that number takes its place.
 */
static __noinline void remember(const struct held_key *key, u64 now)
{
	struct exp_handout handout = { .ns = now }, *known;

	known = bpf_map_lookup_elem(&handouts, key);
	if (known) {
		known->ns = now;
		known->before = 0;
	} else if (bpf_map_update_elem(&handouts, key, &handout, BPF_ANY)) {
		add(lost, 1);
	} else {
		add(remembered, 1);
	}
}

static __always_inline void token_out(struct exp_counts *c, const struct event *e)
{
	struct held_key key = { .who = (u64)e->sk, .what = e->token };

	add(c->gets, 1);
	count_refs(c, e->iov);
	if (!kernel_keeps_since)
		remember(&key, bpf_ktime_get_ns());
}

static __always_inline void token_back(struct exp_counts *c, const struct event *e)
{
	struct held_key key = { .who = (u64)e->sk, .what = e->token };
	struct exp_handout *handout, copy;

	if (!each_token)
		return;
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

static __always_inline void name_binding(u32 id, const struct net_devmem_dmabuf_binding *binding)
{
	char name[IFNAME_LEN] = {};

	BPF_CORE_READ_STR_INTO(&name, binding, dev, name);
	bpf_map_update_elem(&names, &id, &name, BPF_ANY);
}

/* Its counts stay until user space has taken them */
static __always_inline void end_binding(struct exp_counts *c,
					const struct net_devmem_dmabuf_binding *binding)
{
	const struct net_devmem_dmabuf_binding___ppdevmem *ours = (const void *)binding;

	if (bpf_core_field_exists(ours->exhausted)) {
		c->last_exhausted = BPF_CORE_READ(ours, exhausted);
		c->last_gets = BPF_CORE_READ(ours, token_gets.counter);
	}
	add(c->freed, 1);
	/* Last: it is what user space looks at */
	add(frees, 1);
}

static __always_inline void on_event(void *ctx, const struct event *e)
{
	const struct net_devmem_dmabuf_binding *binding = event_binding(e);
	struct exp_counts *c;
	u32 id;

	if (e->kind == EV_DROP) {
		count_drop(e->reason);
		return;
	}
	if (!binding)
		return;
	id = binding_id(binding);
	c = get_slot(&counts, &id, &no_counts);
	if (!c)
		return;

	switch (e->kind) {
	case EV_BIND:
		add(binds, 1);
		name_binding(id, binding);
		return;
	case EV_BINDING_FREE:
		end_binding(c, binding);
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

/* --- hand-outs by read --- */

static __always_inline void on_gets(u64 sk, u32 id, u64 num)
{
	struct exp_counts *c = get_slot(&counts, &id, &no_counts);

	if (c)
		add(c->gets, num);
}

/* In its slot, or else in the table. That is looked at only if the slot has another.
 * Not static: the verifier looks at it once then, and not once for each way of each token
 * before.
 */
__noinline int stamp(u64 sk, u64 token, u64 now)
{
	struct held_key key = { .who = sk, .what = token };
	u32 nr = held_index(&key);
	u64 tag = exp_tag(&key);
	struct exp_slot *slot;

	slot = bpf_map_lookup_elem(&slots, &nr);
	if (!slot)
		return 0;
	if (tag && !slot->tag)
		__sync_val_compare_and_swap(&slot->tag, 0, tag);
	if (tag && slot->tag == tag)
		slot->ns = now;
	else
		remember(&key, now);
	return 0;
}

#define READS_EACH(sk, token, now)	stamp(sk, token, now)
#include "events/reads.bpf.h"

char LICENSE[] SEC("license") = "GPL";
