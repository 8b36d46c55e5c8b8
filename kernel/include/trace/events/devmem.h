/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What happens to device memory, for perf, BPF and people.
 *
 * The arguments are typed and untagged, so that a tp_btf program dereferences
 * them as they are. An event's fields name the same things in the same way:
 *
 *   binding	the binding's id, as netlink and the dmabuf_cmsg carry it
 *   ifindex	the device, as it was numbered when it was bound
 *   queue	the receive queue
 *   pool	the page pool's id, as netlink carries it
 *   iov	the iov's index in its binding: its offset in the dma-buf, in pages
 *   frag	the iov's address with PP_DEVMEM set, as it stands in a skb frag;
 *		printed like any kernel address, that is, hashed unless the trace's
 *		option hash-ptr is off
 *   dma	the address that the device uses
 *   refcount	references on the iov
 *   cookie	the socket's cookie, as SO_COOKIE and ss -e show it
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM devmem

#if !defined(_TRACE_DEVMEM_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_DEVMEM_H

#include <linux/dma-buf.h>
#include <linux/sock_diag.h>
#include <linux/tracepoint.h>
#include <net/page_pool/iov.h>

#include "../../../net/core/pp_devmem/pp_devmem.h"

TRACE_DEFINE_ENUM(DEVMEM_PUT_DONTNEED);
TRACE_DEFINE_ENUM(DEVMEM_PUT_CLOSE);
TRACE_DEFINE_ENUM(DEVMEM_PUT_UNDO);

DECLARE_EVENT_CLASS(devmem_binding,
	TP_PROTO(const struct net_devmem_dmabuf_binding *binding),
	TP_ARGS(binding),

	TP_STRUCT__entry(
		__field(u32,		binding)
		__field(int,		ifindex)
		__field(unsigned long,	inode)	/* of the dma-buf */
		__field(u64,		size)	/* of the dma-buf, bytes */
		__field(u32,		total)	/* iovs in all */
		__field(u32,		free)	/* iovs in the free list */
		__field(u32,		user)	/* iovs with tokens out */
	),

	TP_fast_assign(
		__entry->binding	= binding->id;
		__entry->ifindex	= binding->ifindex;
		__entry->inode		= file_inode(binding->dmabuf->file)->i_ino;
		__entry->size		= binding->dmabuf->size;
		__entry->total		= binding->num_iovs;
		__entry->free		= READ_ONCE(binding->num_free);
		__entry->user		= atomic_read(&binding->num_user);
	),

	TP_printk("binding=%u ifindex=%d inode=%lu size=%llu total=%u free=%u user=%u",
		  __entry->binding, __entry->ifindex, __entry->inode,
		  __entry->size, __entry->total, __entry->free, __entry->user)
);

/* A dma-buf was attached to a device; it has no queue yet */
DEFINE_EVENT(devmem_binding, devmem_bind,
	TP_PROTO(const struct net_devmem_dmabuf_binding *binding),
	TP_ARGS(binding)
);

/* The user let go of it; page pools may still hold it */
DEFINE_EVENT(devmem_binding, devmem_unbind,
	TP_PROTO(const struct net_devmem_dmabuf_binding *binding),
	TP_ARGS(binding)
);

/* The last reference is gone; the memory is about to be unmapped */
DEFINE_EVENT(devmem_binding, devmem_binding_free,
	TP_PROTO(const struct net_devmem_dmabuf_binding *binding),
	TP_ARGS(binding)
);

DECLARE_EVENT_CLASS(devmem_queue,
	TP_PROTO(const struct net_devmem_dmabuf_binding *binding, u32 queue),
	TP_ARGS(binding, queue),

	TP_STRUCT__entry(
		__field(u32,	binding)
		__field(int,	ifindex)
		__field(u32,	queue)
	),

	TP_fast_assign(
		__entry->binding	= binding->id;
		__entry->ifindex	= binding->ifindex;
		__entry->queue		= queue;
	),

	TP_printk("binding=%u ifindex=%d queue=%u",
		  __entry->binding, __entry->ifindex, __entry->queue)
);

/* The queue receives into the binding from now on */
DEFINE_EVENT(devmem_queue, devmem_queue_bind,
	TP_PROTO(const struct net_devmem_dmabuf_binding *binding, u32 queue),
	TP_ARGS(binding, queue)
);

/* The queue goes back to ordinary memory, or its device goes away */
DEFINE_EVENT(devmem_queue, devmem_queue_unbind,
	TP_PROTO(const struct net_devmem_dmabuf_binding *binding, u32 queue),
	TP_ARGS(binding, queue)
);

DECLARE_EVENT_CLASS(devmem_iov,
	TP_PROTO(const struct net_devmem_dmabuf_binding *binding,
		 const struct page_pool *pool,
		 const struct page_pool_iov *iov),
	TP_ARGS(binding, pool, iov),

	TP_STRUCT__entry(
		__field(u32,		binding)
		__field(int,		ifindex)
		__field(u32,		queue)
		__field(u32,		pool)
		__field(u32,		iov)
		__field(unsigned long,	frag)
		__field(u64,		dma)
		__field(long,		refcount)
	),

	TP_fast_assign(
		__entry->binding	= binding->id;
		__entry->ifindex	= binding->ifindex;
		__entry->queue		= pool->slow.queue_idx;
		__entry->pool		= pool->user.id;
		__entry->iov		= page_pool_iov_idx(iov);
		__entry->frag		= (unsigned long)iov | PP_DEVMEM;
		__entry->dma		= page_pool_iov_dma_addr(iov);
		__entry->refcount	= page_pool_iov_refcount(iov);
	),

	TP_printk("binding=%u ifindex=%d queue=%u pool=%u iov=%u frag=0x%p dma=0x%llx refcount=%ld",
		  __entry->binding, __entry->ifindex, __entry->queue,
		  __entry->pool, __entry->iov, (void *)__entry->frag,
		  __entry->dma,
		  __entry->refcount)
);

/* A page pool took the iov from the binding's free list */
DEFINE_EVENT(devmem_iov, devmem_iov_alloc,
	TP_PROTO(const struct net_devmem_dmabuf_binding *binding,
		 const struct page_pool *pool,
		 const struct page_pool_iov *iov),
	TP_ARGS(binding, pool, iov)
);

/* A page pool is about to put the iov back in the binding's free list */
DEFINE_EVENT(devmem_iov, devmem_iov_release,
	TP_PROTO(const struct net_devmem_dmabuf_binding *binding,
		 const struct page_pool *pool,
		 const struct page_pool_iov *iov),
	TP_ARGS(binding, pool, iov)
);

DECLARE_EVENT_CLASS(devmem_pool,
	TP_PROTO(const struct net_devmem_dmabuf_binding *binding,
		 const struct page_pool *pool),
	TP_ARGS(binding, pool),

	TP_STRUCT__entry(
		__field(u32,	binding)
		__field(int,	ifindex)
		__field(u32,	queue)
		__field(u32,	pool)
		__field(u32,	total)	/* iovs of the binding in all */
		__field(u32,	free)	/* iovs in the binding's free list */
		__field(u32,	user)	/* iovs of the binding with tokens out */
	),

	TP_fast_assign(
		__entry->binding	= binding->id;
		__entry->ifindex	= binding->ifindex;
		__entry->queue		= pool->slow.queue_idx;
		__entry->pool		= pool->user.id;
		__entry->total		= binding->num_iovs;
		__entry->free		= READ_ONCE(binding->num_free);
		__entry->user		= atomic_read(&binding->num_user);
	),

	TP_printk("binding=%u ifindex=%d queue=%u pool=%u total=%u free=%u user=%u",
		  __entry->binding, __entry->ifindex, __entry->queue,
		  __entry->pool, __entry->total, __entry->free, __entry->user)
);

/* A page pool asked for iovs and the binding had none; once a refill */
DEFINE_EVENT(devmem_pool, devmem_exhausted,
	TP_PROTO(const struct net_devmem_dmabuf_binding *binding,
		 const struct page_pool *pool),
	TP_ARGS(binding, pool)
);

/* A page pool is gone, with nothing in flight, and lets go of the binding */
DEFINE_EVENT(devmem_pool, devmem_pool_destroy,
	TP_PROTO(const struct net_devmem_dmabuf_binding *binding,
		 const struct page_pool *pool),
	TP_ARGS(binding, pool)
);

/* A token is handed to a reader of the socket */
TRACE_EVENT(devmem_token_get,
	TP_PROTO(const struct sock *sk, const struct page_pool_iov *iov,
		 u32 token),
	TP_ARGS(sk, iov, token),

	TP_STRUCT__entry(
		__field(u64,		cookie)
		__field(u32,		token)	/* number in the socket's table */
		__field(u32,		binding)
		__field(int,		ifindex)
		__field(u32,		queue)
		__field(u32,		iov)
		__field(unsigned long,	frag)
		__field(u64,		dma)
		__field(long,		refcount) /* this token's is counted */
		__field(int,		tokens)	/* out on the iov, with this one */
	),

	TP_fast_assign(
		const struct net_devmem_dmabuf_binding *binding =
			page_pool_iov_binding(iov);

		__entry->cookie		= __sock_gen_cookie((struct sock *)sk);
		__entry->token		= token;
		__entry->binding	= binding->id;
		__entry->ifindex	= binding->ifindex;
		__entry->queue		= iov->niov.pp->slow.queue_idx;
		__entry->iov		= page_pool_iov_idx(iov);
		__entry->frag		= (unsigned long)iov | PP_DEVMEM;
		__entry->dma		= page_pool_iov_dma_addr(iov);
		__entry->refcount	= page_pool_iov_refcount(iov);
		__entry->tokens		= page_pool_iov_user_tokens(iov);
	),

	TP_printk("cookie=%llu token=%u binding=%u ifindex=%d queue=%u iov=%u frag=0x%p dma=0x%llx refcount=%ld tokens=%d",
		  __entry->cookie, __entry->token, __entry->binding,
		  __entry->ifindex, __entry->queue, __entry->iov,
		  (void *)__entry->frag, __entry->dma, __entry->refcount,
		  __entry->tokens)
);

/* A token comes back: by its holder, because its socket is closed, or because
 * the read that made it failed before its reader knew
 */
TRACE_EVENT(devmem_token_put,
	TP_PROTO(const struct sock *sk, const struct page_pool_iov *iov,
		 u32 token, enum devmem_put_reason reason),
	TP_ARGS(sk, iov, token, reason),

	TP_STRUCT__entry(
		__field(u64,		cookie)
		__field(u32,		token)	/* number in the socket's table */
		__field(u32,		reason)	/* enum devmem_put_reason */
		__field(u32,		binding)
		__field(int,		ifindex)
		__field(u32,		queue)
		__field(u32,		iov)
		__field(unsigned long,	frag)
		__field(u64,		dma)
		__field(long,		refcount) /* this token's is counted */
		__field(int,		tokens)	/* out on the iov, with this one */
	),

	TP_fast_assign(
		const struct net_devmem_dmabuf_binding *binding =
			page_pool_iov_binding(iov);

		__entry->cookie		= __sock_gen_cookie((struct sock *)sk);
		__entry->token		= token;
		__entry->reason		= reason;
		__entry->binding	= binding->id;
		__entry->ifindex	= binding->ifindex;
		__entry->queue		= iov->niov.pp->slow.queue_idx;
		__entry->iov		= page_pool_iov_idx(iov);
		__entry->frag		= (unsigned long)iov | PP_DEVMEM;
		__entry->dma		= page_pool_iov_dma_addr(iov);
		__entry->refcount	= page_pool_iov_refcount(iov);
		__entry->tokens		= page_pool_iov_user_tokens(iov);
	),

	TP_printk("cookie=%llu token=%u binding=%u ifindex=%d queue=%u iov=%u frag=0x%p dma=0x%llx refcount=%ld tokens=%d reason=%s",
		  __entry->cookie, __entry->token, __entry->binding,
		  __entry->ifindex, __entry->queue, __entry->iov,
		  (void *)__entry->frag, __entry->dma, __entry->refcount,
		  __entry->tokens,
		  __print_symbolic(__entry->reason,
				   { DEVMEM_PUT_DONTNEED, "dontneed" },
				   { DEVMEM_PUT_CLOSE, "close" },
				   { DEVMEM_PUT_UNDO, "undo" }))
);

#endif /* _TRACE_DEVMEM_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
