// SPDX-License-Identifier: GPL-2.0
/* devmemsnoop - each event as a record in a ring buffer */

#define EVENT_COOKIES	1

#include "events/bindings.bpf.h"
#include "events/drops.bpf.h"
#include "events/iovs.bpf.h"
#include "events/pools.bpf.h"
#include "events/token_gets.bpf.h"
#include "events/token_puts.bpf.h"
#include "devmemsnoop.h"

const volatile bool want_stacks;
const volatile __u64 wake_bytes;

__u64 lost;
bool woken;		/* user space takes that back before it reads */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16384);
	__uint(key_size, sizeof(u32));
	__uint(value_size, STACK_DEPTH * sizeof(u64));
} stacks SEC(".maps");

static __always_inline void fill_iov(struct snoop_record *rec,
				     const struct net_iov *iov)
{
	struct devmem_run run;

	rec->iov = SNOOP_UNKNOWN;
	rec->word = 0;
	if (!iov)
		return;

	run = iov_run(iov);
	rec->word = (u64)iov + PP_DEVMEM;
	rec->iov = iov_index(iov, &run);
	rec->dma = iov_dma(iov);
	rec->refcount = iov_refcount(iov);
}

static __always_inline void
fill_binding(struct snoop_record *rec,
	     const struct net_devmem_dmabuf_binding *binding)
{
	rec->ifname[0] = 0;
	rec->binding = 0;
	if (!binding)
		return;

	rec->binding = binding_id(binding);
	if (rec->kind == EV_BIND) {
		rec->inode = BPF_CORE_READ(binding, dmabuf, file, f_inode, i_ino);
		rec->size = BPF_CORE_READ(binding, dmabuf, size);
	}
	binding_ifname(binding, rec->ifname);
}

static __always_inline void fill_process(struct snoop_record *rec)
{
	rec->pid = 0;
	rec->comm[0] = 0;
	if (!(EV_BIT(rec->kind) & EV_BY_PROCESS))
		return;

	rec->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(rec->comm, sizeof(rec->comm));
}

static __always_inline void on_event(void *ctx, const struct event *e)
{
	const struct page_pool *pool = event_pool(e);
	struct snoop_record *rec;
	u64 flags;

	rec = bpf_ringbuf_reserve(&records, sizeof(*rec), 0);
	if (!rec) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}

	rec->ts = event_time(e);
	rec->kind = e->kind;
	rec->cookie = e->cookie;
	rec->location = e->location;
	rec->token = e->token;
	rec->reason = e->reason;
	rec->queue = event_queue(e);
	rec->has_queue = pool || e->kind == EV_QUEUE_BIND ||
			 e->kind == EV_QUEUE_UNBIND;
	rec->has_pool = !!pool;
	rec->pool = pool ? KGET(pool, struct page_pool, user.id) : 0;
	fill_iov(rec, e->iov);
	fill_binding(rec, event_binding(e));
	fill_process(rec);
	rec->stack = SNOOP_NO_STACK;
	if (want_stacks)
		rec->stack = bpf_get_stackid(ctx, &stacks, 0);

	/* Waking the reader for each record would cost more than all the rest */
	flags = BPF_RB_NO_WAKEUP;
	if (!woken && bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) >= wake_bytes) {
		woken = true;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	bpf_ringbuf_submit(rec, flags);
}

char LICENSE[] SEC("license") = "GPL";
