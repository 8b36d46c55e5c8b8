/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all programs that see events have in common.
 *
 * There is one program for each event and each way to see it, named EVENT__WAY.
 * They are in groups, a file for each; a tool includes those whose events it
 * wants. User space (attach.c) lets the best way that the kernel has be loaded.
 * All ways end in the tool's own
 *
 *	static void on_event(void *ctx, const struct event *e);
 *
 * which is called for events that pass the filter.
 */
#ifndef DEVMEM_EVENTS_EVENT_BPF_H
#define DEVMEM_EVENTS_EVENT_BPF_H

#include "events.h"
#include "kernel.h"
#include "layout.bpf.h"

const volatile struct event_filter filter;

/* Tokens that came back and could not be told; read by attach_missed() */
__u64 events_missed SEC(".data.events");

struct event {
	enum devmem_event kind;
	const struct net_devmem_dmabuf_binding *binding;
	const struct page_pool *pool;
	const struct net_iov *iov;
	const struct sock *sk;
	u64 cookie;		/* 0: the socket has none yet */
	u64 out_ns;		/* of a token_put: when it was still out; 0: just now */
	u64 location;		/* of a drop */
	u32 token;
	u32 queue;
	u32 reason;		/* of a drop */
};

static void on_event(void *ctx, const struct event *e);

static __always_inline bool
device_wanted(const struct net_devmem_dmabuf_binding *binding)
{
	const struct net_device *dev = BPF_CORE_READ(binding, dev);
	char name[16] = {};
	int i;

	if (!filter.ifname[0])
		return true;
	if (!dev)
		return false;

	BPF_CORE_READ_STR_INTO(&name, dev, name);
	for (i = 0; i < (int)sizeof(name); i++) {
		if (name[i] != filter.ifname[i])
			return false;
		if (!name[i])
			break;
	}
	return true;
}

static __always_inline bool wanted(const struct event *e)
{
	const struct net_devmem_dmabuf_binding *binding = e->binding;

	if (filter.pid && (!(EV_BIT(e->kind) & EV_BY_PROCESS) ||
			   bpf_get_current_pid_tgid() >> 32 != filter.pid))
		return false;
	if (filter.binding &&
	    (!binding || BPF_CORE_READ(binding, id) != filter.binding))
		return false;
	return !filter.ifname[0] || (binding && device_wanted(binding));
}

static __noinline void emit(void *ctx, const struct event *e)
{
	if (wanted(e))
		on_event(ctx, e);
}

/* The verifier allows no arithmetic on a typed pointer; what is read from
 * memory is a mere number to it.
 */
static __always_inline const void *untyped(const void *ptr)
{
	const void *copy = NULL;

	bpf_probe_read_kernel(&copy, sizeof(copy), &ptr);
	return copy;
}

static __always_inline void miss_events(u64 num)
{
	__sync_fetch_and_add(&events_missed, num);
}

/* It was handed out again meanwhile, at @ts: what comes back is the one before */
static __always_inline bool is_another(const struct event *e, u64 ts)
{
	return e->out_ns && ts > e->out_ns;
}

#endif /* DEVMEM_EVENTS_EVENT_BPF_H */
