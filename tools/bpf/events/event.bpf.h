/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all programs that see events have in common.
 *
 * There is one program for each event and each way to see it, named EVENT__WAY.
 * They are in groups, a file for each; a tool includes those whose events it
 * wants. User space (attach.c) lets the best way that the kernel has be loaded.
 * All ways end in the tool's own
 *
 *	static __always_inline void on_event(void *ctx, const struct event *e);
 *
 * which is called for events that pass the filter.
 */
#ifndef DEVMEM_EVENTS_EVENT_BPF_H
#define DEVMEM_EVENTS_EVENT_BPF_H

#include "events.h"
#include "kernel.h"
#include "layout.bpf.h"

#define IFNAME_LEN	16

/* A tool that shows cookies defines this as 1, and sockets that have none get one */
#ifndef EVENT_COOKIES
#define EVENT_COOKIES	0
#endif

/* By what path a token was handed out; of a tool that wants to know */
#ifndef EVENT_STACK
#define EVENT_STACK(ctx)	((void)(ctx), -1)
#endif

const volatile struct event_filter filter;

/* Tokens that came back and could not be told; read by attach_missed() */
__u64 events_missed SEC(".data.events");

/* What is not said here can be asked for below: a tool pays for what it asks */
struct event {
	enum devmem_event kind;
	const struct net_devmem_dmabuf_binding *binding;
	const struct page_pool *pool;
	const struct net_iov *iov;
	const struct sock *sk;
	u64 cookie;		/* 0: the socket has none yet */
	u64 now_ns;		/* the time, where many events share it */
	u64 out_ns;		/* of a token_put: when it was still out; 0: just now */
	u64 location;		/* of a drop */
	u32 token;
	u32 queue;		/* where there is no pool */
	u32 reason;		/* of a drop */
	s32 stack;		/* of a token_get: EVENT_STACK() */
};

static __always_inline void on_event(void *ctx, const struct event *e);

static __always_inline const struct page_pool *event_pool(const struct event *e)
{
	if (e->pool)
		return e->pool;
	return e->iov ? iov_pool(e->iov) : NULL;
}

static __always_inline const struct net_devmem_dmabuf_binding *
event_binding(const struct event *e)
{
	if (e->binding)
		return e->binding;
	if (e->pool)
		return KGET(e->pool, struct page_pool, mp_priv);
	return e->iov ? iov_run(e->iov).binding : NULL;
}

static __always_inline u32 event_queue(const struct event *e)
{
	const struct page_pool *pool = event_pool(e);

	return pool ? KGET(pool, struct page_pool, slow.queue_idx) : e->queue;
}

static __always_inline u64 event_time(const struct event *e)
{
	return e->now_ns ?: bpf_ktime_get_ns();
}

static __always_inline u32
binding_id(const struct net_devmem_dmabuf_binding *binding)
{
	return KGET(binding, struct net_devmem_dmabuf_binding, id);
}

static __always_inline u64 known_cookie(const struct sock *sk)
{
	return KGET(sk, struct sock, __sk_common.skc_cookie.counter);
}

static __always_inline u64 cookie_of(struct sock *sk)
{
	u64 cookie = known_cookie(sk);

	return EVENT_COOKIES && !cookie ? bpf_get_socket_cookie(sk) : cookie;
}

/* Copies the device's name, all IFNAME_LEN bytes. False if there is no device any more. */
static __always_inline bool
binding_ifname(const struct net_devmem_dmabuf_binding *binding, char *name)
{
	const struct net_device *dev = KGET(binding, struct net_devmem_dmabuf_binding, dev);
	const u64 *words;

	if (!dev)
		return false;
	words = (const u64 *)KGET(dev, struct net_device, name);
	((u64 *)name)[0] = words[0];
	((u64 *)name)[1] = words[1];
	return true;
}

static __always_inline bool
device_wanted(const struct net_devmem_dmabuf_binding *binding)
{
	char name[IFNAME_LEN] __attribute__((aligned(8)));
	int i;

	if (!binding_ifname(binding, name))
		return false;
	for (i = 0; i < IFNAME_LEN; i++) {
		if (name[i] != filter.ifname[i])
			return false;
		if (!name[i])
			break;
	}
	return true;
}

static __always_inline bool wanted(const struct event *e)
{
	const struct net_devmem_dmabuf_binding *binding;

	if (filter.pid && (!(EV_BIT(e->kind) & EV_BY_PROCESS) ||
			   bpf_get_current_pid_tgid() >> 32 != filter.pid))
		return false;
	if (!filter.binding && !filter.ifname[0])
		return true;
	binding = event_binding(e);
	if (!binding || (filter.binding && binding_id(binding) != filter.binding))
		return false;
	return !filter.ifname[0] || device_wanted(binding);
}

/* Inline, so that what is constant or not asked for in a program is not in it */
static __always_inline void emit(void *ctx, const struct event *e)
{
	if (wanted(e))
		on_event(ctx, e);
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
