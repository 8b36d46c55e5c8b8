/* SPDX-License-Identifier: GPL-2.0 */
/* Bindings that come and go, and their queues */
#ifndef DEVMEM_EVENTS_BINDINGS_BPF_H
#define DEVMEM_EVENTS_BINDINGS_BPF_H

#include "event.bpf.h"

static __always_inline void
emit_binding(void *ctx, enum devmem_event kind,
	     const struct net_devmem_dmabuf_binding *binding)
{
	struct event e = { .kind = kind, .binding = binding };

	/* What a failing bind returns is an ERR_PTR */
	if (binding && (u64)binding < (u64)-4095)
		emit(ctx, &e);
}

SEC("tp_btf/devmem_bind")
int BPF_PROG(bind__tp, const struct net_devmem_dmabuf_binding *binding)
{
	emit_binding(ctx, EV_BIND, binding);
	return 0;
}

SEC("fexit/net_devmem_bind_dmabuf")
int bind__fexit(void *ctx)
{
	u64 ret = 0;

	bpf_get_func_ret(ctx, &ret);
	emit_binding(ctx, EV_BIND, (const void *)ret);
	return 0;
}

SEC("kretprobe/net_devmem_bind_dmabuf")
int BPF_KRETPROBE(bind__kretprobe, const void *ret)
{
	emit_binding(ctx, EV_BIND, ret);
	return 0;
}

SEC("tp_btf/devmem_unbind")
int BPF_PROG(unbind__tp, const struct net_devmem_dmabuf_binding *binding)
{
	emit_binding(ctx, EV_UNBIND, binding);
	return 0;
}

SEC("fentry/net_devmem_unbind_dmabuf")
int BPF_PROG(unbind__fentry, const struct net_devmem_dmabuf_binding *binding)
{
	emit_binding(ctx, EV_UNBIND, binding);
	return 0;
}

SEC("kprobe/net_devmem_unbind_dmabuf")
int BPF_KPROBE(unbind__kprobe, const void *binding)
{
	emit_binding(ctx, EV_UNBIND, binding);
	return 0;
}

SEC("tp_btf/devmem_binding_free")
int BPF_PROG(binding_free__tp, const struct net_devmem_dmabuf_binding *binding)
{
	emit_binding(ctx, EV_BINDING_FREE, binding);
	return 0;
}

SEC("fentry/__net_devmem_dmabuf_binding_free")
int BPF_PROG(binding_free__fentry, const void *arg)
{
	emit_binding(ctx, EV_BINDING_FREE, binding_to_free(arg));
	return 0;
}

SEC("kprobe/__net_devmem_dmabuf_binding_free")
int BPF_KPROBE(binding_free__kprobe, const void *arg)
{
	emit_binding(ctx, EV_BINDING_FREE, binding_to_free(arg));
	return 0;
}

static __always_inline void
emit_queue(void *ctx, enum devmem_event kind,
	   const struct net_devmem_dmabuf_binding *binding, u32 queue)
{
	struct event e = { .kind = kind, .binding = binding, .queue = queue };

	emit(ctx, &e);
}

SEC("tp_btf/devmem_queue_bind")
int BPF_PROG(queue_bind__tp, const struct net_devmem_dmabuf_binding *binding,
	     u32 queue)
{
	emit_queue(ctx, EV_QUEUE_BIND, binding, queue);
	return 0;
}

SEC("fexit/net_devmem_bind_dmabuf_to_queue")
int BPF_PROG(queue_bind__fexit, const void *dev, u32 queue,
	     const struct net_devmem_dmabuf_binding *binding, void *extack,
	     int ret)
{
	if (!ret)
		emit_queue(ctx, EV_QUEUE_BIND, binding, queue);
	return 0;
}

SEC("tp_btf/devmem_queue_unbind")
int BPF_PROG(queue_unbind__tp, const struct net_devmem_dmabuf_binding *binding,
	     u32 queue)
{
	emit_queue(ctx, EV_QUEUE_UNBIND, binding, queue);
	return 0;
}

#endif /* DEVMEM_EVENTS_BINDINGS_BPF_H */
