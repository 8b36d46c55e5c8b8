/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One program for each event and each way to see it, named EVENT__WAY. User
 * space (attach.c) lets the best way that the kernel has be loaded. All ways
 * end in the tool's own
 *
 *	static void on_event(void *ctx, const struct event *e);
 *
 * which is called for events that pass the filter.
 */
#ifndef DEVMEM_EVENTS_BPF_H
#define DEVMEM_EVENTS_BPF_H

#include "events.h"
#include "kernel.h"
#include "layout.bpf.h"
#include "xarray.bpf.h"

#define MAX_FRAGS		17
#define DONTNEED_MAX_RANGES	128	/* the kernel refuses more */
#define DONTNEED_MAX_STEPS	8192	/* it stops at 1024 tokens */
#define CLOSE_MAX_STEPS		(1 << 20)

const volatile struct event_filter filter;

struct event {
	enum devmem_event kind;
	const struct net_devmem_dmabuf_binding *binding;
	const struct page_pool *pool;
	const struct net_iov *iov;
	const struct sock *sk;
	u64 cookie;		/* 0: the socket has none yet */
	u64 location;		/* of a drop */
	u32 token;
	u32 queue;
	u32 reason;		/* of a drop */
};

static void on_event(void *ctx, const struct event *e);

struct dmabuf_token_range {
	u32 start;
	u32 count;
};

/* A walk over the tokens of one socket; too large for the stack */
struct token_walk {
	struct xa_cursor cursor;
	struct event e;
	u64 user;		/* where the ranges stand in user space */
	u32 num_ranges;
	u32 range;
	u64 end;		/* of the current range */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct token_walk);
} token_walks SEC(".maps");

enum {
	WALK_DONTNEED,
	WALK_CLOSE,
};

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

/* --- bindings --- */

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

/* --- queues --- */

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

/* --- page pools --- */

static __always_inline void
emit_pool(void *ctx, enum devmem_event kind, const struct page_pool *pool)
{
	struct event e = { .kind = kind, .pool = pool };

	e.binding = BPF_CORE_READ(pool, mp_priv);
	e.queue = BPF_CORE_READ(pool, slow.queue_idx);
	emit(ctx, &e);
}

static __always_inline void emit_iov(void *ctx, enum devmem_event kind,
				     const struct page_pool *pool,
				     const struct net_iov *iov)
{
	struct event e = { .kind = kind, .pool = pool, .iov = iov };

	e.binding = BPF_CORE_READ(pool, mp_priv);
	e.queue = BPF_CORE_READ(pool, slow.queue_idx);
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

/* --- tokens --- */

static __always_inline void emit_token(void *ctx, struct event *e,
				       const struct net_iov *iov, u32 token)
{
	const struct page_pool *pool = iov_pool(iov);

	e->iov = iov;
	e->token = token;
	e->pool = pool;
	e->binding = iov_run(iov).binding;
	e->queue = BPF_CORE_READ(pool, slow.queue_idx);
	emit(ctx, e);
}

static __always_inline u64 known_cookie(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
}

SEC("tp_btf/devmem_token_get")
int BPF_PROG(token_get__tp, struct sock *sk, const struct net_iov *iov,
	     u32 token)
{
	struct event e = { .kind = EV_TOKEN_GET, .sk = sk };

	e.cookie = bpf_get_socket_cookie(sk);
	emit_token(ctx, &e, untyped(iov), token);
	return 0;
}

/* The pool has the tokens that are about to be entered in @sk's table */
static __always_inline void emit_commit(void *ctx, struct event *e,
					const struct tcp_xa_pool *pool)
{
	u32 num = BPF_CORE_READ(pool, idx);
	u64 netmems[MAX_FRAGS];
	u32 tokens[MAX_FRAGS];
	u32 i;

	if (bpf_core_read(tokens, sizeof(tokens), &pool->tokens) ||
	    bpf_core_read(netmems, sizeof(netmems), &pool->netmems))
		return;
	for (i = 0; i < MAX_FRAGS; i++) {
		if (i >= num)
			break;
		if (netmems[i] & PP_DEVMEM)
			emit_token(ctx, e, iov_untag(netmems[i]), tokens[i]);
	}
}

SEC("fentry/tcp_xa_pool_commit_locked")
int BPF_PROG(token_get__fentry, struct sock *sk, const struct tcp_xa_pool *pool)
{
	struct event e = { .kind = EV_TOKEN_GET, .sk = sk };

	e.cookie = bpf_get_socket_cookie(sk);
	emit_commit(ctx, &e, pool);
	return 0;
}

SEC("kprobe/tcp_xa_pool_commit_locked")
int BPF_KPROBE(token_get__kprobe, const struct sock *sk,
	       const struct tcp_xa_pool *pool)
{
	struct event e = { .kind = EV_TOKEN_GET, .sk = sk };

	e.cookie = known_cookie(sk);
	emit_commit(ctx, &e, pool);
	return 0;
}

/* Both reasons; EV_TOKEN_CLOSE is told apart here */
SEC("tp_btf/devmem_token_put")
int BPF_PROG(token_put__tp, struct sock *sk, const struct net_iov *iov,
	     u32 token, u32 reason)
{
	struct event e = { .sk = sk };

	e.kind = reason == DEVMEM_PUT_CLOSE ? EV_TOKEN_CLOSE : EV_TOKEN_PUT;
	e.cookie = bpf_get_socket_cookie(sk);
	emit_token(ctx, &e, untyped(iov), token);
	return 0;
}

struct step_ctx {
	void *ctx;
	u32 walk;
};

static __always_inline void walk_step(void *ctx, struct token_walk *w)
{
	struct xa_found found = xa_step(&w->cursor);

	if (found.entry & PP_DEVMEM)
		emit_token(ctx, &w->e, iov_untag(found.entry), found.index);
}

static long close_step(u32 i, struct step_ctx *s)
{
	u32 key = WALK_CLOSE;
	struct token_walk *w = bpf_map_lookup_elem(&token_walks, &key);

	if (!w || w->cursor.done)
		return 1;
	walk_step(s->ctx, w);
	return 0;
}

static __always_inline void start_walk(struct token_walk *w,
				       enum devmem_event kind,
				       const struct sock *sk, u64 cookie)
{
	__builtin_memset(&w->e, 0, sizeof(w->e));
	w->e.kind = kind;
	w->e.sk = sk;
	w->e.cookie = cookie;
	xa_start(&w->cursor, &sk->sk_user_frags, 0);
}

/* Every TCP socket that ends comes here: it must be quick for those without */
static __always_inline void emit_close(void *ctx, const struct sock *sk,
				       u64 cookie)
{
	struct step_ctx s = { .ctx = ctx };
	u32 key = WALK_CLOSE;
	struct token_walk *w;

	w = bpf_map_lookup_elem(&token_walks, &key);
	if (!w)
		return;
	start_walk(w, EV_TOKEN_CLOSE, sk, cookie);
	bpf_loop(CLOSE_MAX_STEPS, close_step, &s, 0);
}

SEC("fentry/tcp_v4_destroy_sock")
int BPF_PROG(token_close__fentry, struct sock *sk)
{
	if (BPF_CORE_READ(sk, sk_user_frags.xa_head))
		emit_close(ctx, sk, bpf_get_socket_cookie(sk));
	return 0;
}

SEC("kprobe/tcp_v4_destroy_sock")
int BPF_KPROBE(token_close__kprobe, const struct sock *sk)
{
	if (BPF_CORE_READ(sk, sk_user_frags.xa_head))
		emit_close(ctx, sk, known_cookie(sk));
	return 0;
}

static __always_inline bool next_range(struct token_walk *w)
{
	struct dmabuf_token_range range;

	if (w->range >= w->num_ranges ||
	    bpf_probe_read_user(&range, sizeof(range),
				(void *)(w->user + w->range * sizeof(range))))
		return false;

	w->range++;
	w->cursor.next = range.start;
	w->cursor.done = !w->cursor.head;
	w->end = (u64)range.start + range.count;
	return true;
}

static long dontneed_step(u32 i, struct step_ctx *s)
{
	u32 key = WALK_DONTNEED;
	struct token_walk *w = bpf_map_lookup_elem(&token_walks, &key);

	if (!w)
		return 1;
	if (w->cursor.done || w->cursor.next >= w->end)
		return !next_range(w);
	walk_step(s->ctx, w);
	return 0;
}

/* The tokens are still in @sk's table; which ones is said in user space */
static __always_inline void emit_dontneed(void *ctx, const struct sock *sk,
					  u64 cookie, u64 user, u32 len)
{
	struct step_ctx s = { .ctx = ctx };
	u32 key = WALK_DONTNEED;
	struct token_walk *w;

	w = bpf_map_lookup_elem(&token_walks, &key);
	if (!w)
		return;
	start_walk(w, EV_TOKEN_PUT, sk, cookie);
	w->user = user;
	w->num_ranges = len / sizeof(struct dmabuf_token_range);
	w->range = 0;
	w->end = 0;
	if (w->num_ranges <= DONTNEED_MAX_RANGES)
		bpf_loop(DONTNEED_MAX_STEPS, dontneed_step, &s, 0);
}

/* (sk, sockptr_t optval, optlen): a sockptr_t takes two of the arguments */
SEC("fentry/sock_devmem_dontneed")
int token_put__fentry(u64 *ctx)
{
	struct sock *sk = (void *)ctx[0];

	emit_dontneed(ctx, sk, known_cookie(sk), ctx[1], ctx[3]);
	return 0;
}

SEC("kprobe/sock_devmem_dontneed")
int BPF_KPROBE(token_put__kprobe, const struct sock *sk, u64 user,
	       u64 is_kernel, u32 len)
{
	emit_dontneed(ctx, sk, known_cookie(sk), user, len);
	return 0;
}

/* --- drops --- */

SEC("tp_btf/kfree_skb")
int BPF_PROG(drop__tp, struct sk_buff *skb, void *location, u32 reason)
{
	const struct sock *sk = BPF_CORE_READ(skb, sk);
	struct event e = { .kind = EV_DROP, .sk = sk };
	const struct skb_shared_info *shinfo;
	const struct net_iov *iov;
	const struct page_pool *pool;
	u64 word;

	if (!BPF_CORE_READ_BITFIELD_PROBED(skb, unreadable))
		return 0;

	e.cookie = sk ? known_cookie(sk) : 0;
	e.location = (u64)location;
	e.reason = reason;
	shinfo = (const void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));
	word = BPF_CORE_READ(shinfo, frags[0].netmem);
	iov = iov_untag(word);
	if (word & PP_DEVMEM && iov_is_dmabuf(iov)) {
		pool = iov_pool(iov);
		e.iov = iov;
		e.pool = pool;
		e.binding = iov_run(iov).binding;
		e.queue = BPF_CORE_READ(pool, slow.queue_idx);
	}
	emit(ctx, &e);
	return 0;
}

#endif /* DEVMEM_EVENTS_BPF_H */
