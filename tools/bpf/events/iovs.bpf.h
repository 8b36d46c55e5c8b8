/* SPDX-License-Identifier: GPL-2.0 */
/* Iovs that page pools take from their binding and give back */
#ifndef DEVMEM_EVENTS_IOVS_BPF_H
#define DEVMEM_EVENTS_IOVS_BPF_H

#include "event.bpf.h"

static __always_inline void emit_iov(void *ctx, enum devmem_event kind,
				     const struct page_pool *pool,
				     const struct net_iov *iov)
{
	struct event e = { .kind = kind, .pool = pool, .iov = iov };

	emit(ctx, &e);
}

/* For events of all page pools: the few that are about our kind of memory */
static __always_inline void emit_netmem(void *ctx, enum devmem_event kind,
					const struct page_pool *pool, u64 netmem)
{
	const struct net_iov *iov = iov_untag(netmem);

	if (netmem & PP_DEVMEM && iov_is_dmabuf(iov))
		emit_iov(ctx, kind, pool, iov);
}

SEC("tp_btf/devmem_iov_alloc")
int BPF_PROG(iov_alloc__tp, const void *binding, const struct page_pool *pool,
	     const struct net_iov *iov)
{
	emit_iov(ctx, EV_ALLOC, pool, untyped(iov));
	return 0;
}

SEC("fexit/mp_dmabuf_devmem_alloc_netmems")
int BPF_PROG(iov_alloc__fexit, const struct page_pool *pool, u32 gfp, u64 netmem)
{
	emit_netmem(ctx, EV_ALLOC, pool, netmem);
	return 0;
}

SEC("tp_btf/page_pool_state_hold")
int BPF_PROG(iov_alloc__pptp, const struct page_pool *pool, u64 netmem)
{
	emit_netmem(ctx, EV_ALLOC, pool, netmem);
	return 0;
}

SEC("kretprobe/mp_dmabuf_devmem_alloc_netmems")
int BPF_KRETPROBE(iov_alloc__kretprobe, u64 netmem)
{
	if (netmem & PP_DEVMEM)
		emit_netmem(ctx, EV_ALLOC, iov_pool(iov_untag(netmem)), netmem);
	return 0;
}

SEC("tp_btf/devmem_iov_release")
int BPF_PROG(iov_release__tp, const void *binding, const struct page_pool *pool,
	     const struct net_iov *iov)
{
	emit_iov(ctx, EV_RELEASE, pool, untyped(iov));
	return 0;
}

SEC("fentry/mp_dmabuf_devmem_release_page")
int BPF_PROG(iov_release__fentry, const struct page_pool *pool, u64 netmem)
{
	emit_netmem(ctx, EV_RELEASE, pool, netmem);
	return 0;
}

SEC("tp_btf/page_pool_state_release")
int BPF_PROG(iov_release__pptp, const struct page_pool *pool, u64 netmem)
{
	emit_netmem(ctx, EV_RELEASE, pool, netmem);
	return 0;
}

SEC("kprobe/mp_dmabuf_devmem_release_page")
int BPF_KPROBE(iov_release__kprobe, const struct page_pool *pool, u64 netmem)
{
	emit_netmem(ctx, EV_RELEASE, pool, netmem);
	return 0;
}

#endif /* DEVMEM_EVENTS_IOVS_BPF_H */
