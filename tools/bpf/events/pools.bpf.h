/* SPDX-License-Identifier: GPL-2.0 */
/* Page pools that end, or find nothing in their binding */
#ifndef DEVMEM_EVENTS_POOLS_BPF_H
#define DEVMEM_EVENTS_POOLS_BPF_H

#include "event.bpf.h"

static __always_inline void
emit_pool(void *ctx, enum devmem_event kind, const struct page_pool *pool)
{
	struct event e = { .kind = kind, .pool = pool };

	emit(ctx, &e);
}

SEC("tp_btf/devmem_exhausted")
int BPF_PROG(exhausted__tp, const void *binding, const struct page_pool *pool)
{
	emit_pool(ctx, EV_EXHAUSTED, pool);
	return 0;
}

SEC("fexit/mp_dmabuf_devmem_alloc_netmems")
int BPF_PROG(exhausted__fexit, const struct page_pool *pool, u32 gfp, u64 netmem)
{
	if (!netmem)
		emit_pool(ctx, EV_EXHAUSTED, pool);
	return 0;
}

SEC("tp_btf/devmem_pool_destroy")
int BPF_PROG(pool_destroy__tp, const void *binding, const struct page_pool *pool)
{
	emit_pool(ctx, EV_POOL_DESTROY, pool);
	return 0;
}

SEC("fentry/mp_dmabuf_devmem_destroy")
int BPF_PROG(pool_destroy__fentry, const struct page_pool *pool)
{
	emit_pool(ctx, EV_POOL_DESTROY, pool);
	return 0;
}

SEC("kprobe/mp_dmabuf_devmem_destroy")
int BPF_KPROBE(pool_destroy__kprobe, const struct page_pool *pool)
{
	emit_pool(ctx, EV_POOL_DESTROY, pool);
	return 0;
}

#endif /* DEVMEM_EVENTS_POOLS_BPF_H */
