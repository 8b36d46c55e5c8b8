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
#define DONTNEED_MAX_INDICES	1024	/* and stops after so many, holes included */
#define DONTNEED_MAX_STEPS	4096	/* range, way down and index are one each */
#define DONTNEED_SEEN		2048
#define TOKEN_LIMIT		(1U << 31)	/* no token is this large */
#define CLOSE_MAX_STEPS		(1 << 23)

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

struct dmabuf_token_range {
	u32 start;
	u32 count;
};

/* A walk over the tokens of one socket; too large for the stack */
struct close_walk {
	struct xa_cursor cursor;
	struct event e;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct close_walk);
} close_walks SEC(".maps");

/* A walk over the tokens that a holder gives back */
struct put_walk {
	struct xa_cursor cursor;
	struct dmabuf_token_range ranges[DONTNEED_MAX_RANGES];
	u32 num_ranges;
	u32 range;		/* the next one */
	u32 budget;		/* indices that the kernel will still look at */
	u32 calls;
	u64 end;		/* of the current range */
	u64 seen[DONTNEED_SEEN];	/* token and call: it may stand in two ranges */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct put_walk);
} put_walks SEC(".maps");

/* What that walk found. It waits for the call's end, which tells how much of it
 * was true, with the task, because the call may sleep.
 */
struct put_call {
	const struct sock *sk;	/* NULL: no call is under way */
	u64 cookie;
	u64 begin_ns;
	u32 num;
	u32 tokens[DONTNEED_MAX_INDICES];
	u64 words[DONTNEED_MAX_INDICES];
};

/* By thread. Not in the task's own storage, which has no room for so much since
 * Linux takes it from kmalloc_nolock().
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, u64);
	__type(value, struct put_call);
} put_calls SEC(".maps");

/* What a call begins as: it does not fit on a program's stack */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct put_call);
} put_blank SEC(".maps");

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

/* The pool has the tokens that are about to be entered in @sk's table. Where
 * CONFIG_MAX_SKB_FRAGS is more than usual, those behind are missed.
 */
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
	if (num > MAX_FRAGS)
		miss_events(num - MAX_FRAGS);
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

struct close_ctx {
	void *ctx;
	struct close_walk *w;
};

static long close_step(u32 i, struct close_ctx *c)
{
	struct close_walk *w = c->w;
	struct xa_found found;

	if (w->cursor.done)
		return 1;
	found = xa_step(&w->cursor);
	if (found.entry & PP_DEVMEM)
		emit_token(c->ctx, &w->e, iov_untag(found.entry), found.index);
	return 0;
}

/* Every TCP socket that ends comes here: it must be quick for those without */
static __always_inline void emit_close(void *ctx, const struct sock *sk,
				       u64 cookie)
{
	struct close_ctx c = { .ctx = ctx };
	u32 key = 0;

	c.w = bpf_map_lookup_elem(&close_walks, &key);
	if (!c.w)
		return;
	__builtin_memset(&c.w->e, 0, sizeof(c.w->e));
	c.w->e.kind = EV_TOKEN_CLOSE;
	c.w->e.sk = sk;
	c.w->e.cookie = cookie;
	xa_start(&c.w->cursor, &sk->sk_user_frags, 0);
	bpf_loop(CLOSE_MAX_STEPS, close_step, &c, 0);
	if (!c.w->cursor.done)
		miss_events(1);
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

/* A token is given back once, in however many ranges it stands. Tokens that
 * share a slot can hide that; the call's return value still bounds how many.
 */
static __always_inline bool seen_before(struct put_walk *w, u32 token)
{
	u64 now = (u64)w->calls << 32 | token;
	u32 slot = token % DONTNEED_SEEN;

	if (w->seen[slot] == now)
		return true;
	w->seen[slot] = now;
	return false;
}

/* The kernel's sum of start and index has 32 bits: a range can go on at 0 */
static __always_inline bool next_range(struct put_walk *w)
{
	u32 at = w->range, start, num;

	if (at >= w->num_ranges || at >= DONTNEED_MAX_RANGES || !w->budget)
		return false;

	start = w->ranges[at].start;
	num = w->ranges[at].count;
	if (num > w->budget)
		num = w->budget;
	w->range = at + 1;
	w->budget -= num;
	if (start >= TOKEN_LIMIT) {
		num = num > -start ? num + start : 0;
		start = 0;
	}
	w->cursor.next = start;
	w->cursor.done = !w->cursor.head;
	w->end = (u64)start + num;
	return true;
}

struct put_ctx {
	void *ctx;
	struct put_walk *w;
	struct put_call *call;
};

static long find_step(u32 i, struct put_ctx *c)
{
	struct put_call *call = c->call;
	struct put_walk *w = c->w;
	struct xa_found found;
	u32 num = call->num;

	if (w->cursor.done || w->cursor.next >= w->end)
		return !next_range(w);
	found = xa_step(&w->cursor);
	if (!(found.entry & PP_DEVMEM) || found.index >= w->end ||
	    seen_before(w, found.index))
		return 0;
	if (num >= DONTNEED_MAX_INDICES)
		return 1;
	call->tokens[num] = found.index;
	call->words[num] = found.entry;
	call->num = num + 1;
	return 0;
}

/* The tokens are still in @sk's table; which ones is said in user space */
static __always_inline void begin_put(const struct sock *sk, u64 user, u32 len)
{
	u64 thread = bpf_get_current_pid_tgid();
	const struct put_call *blank;
	struct put_ctx c = {};
	u64 size = len;
	u32 key = 0;

	c.w = bpf_map_lookup_elem(&put_walks, &key);
	blank = bpf_map_lookup_elem(&put_blank, &key);
	if (blank)
		bpf_map_update_elem(&put_calls, &thread, blank, BPF_ANY);
	c.call = bpf_map_lookup_elem(&put_calls, &thread);
	if (!c.w || !c.call) {
		miss_events(1);
		return;
	}
	c.call->num = 0;
	c.call->sk = sk;
	c.call->cookie = known_cookie(sk);
	c.call->begin_ns = bpf_ktime_get_ns();
	barrier_var(size);	/* or the verifier does not know its bounds */
	if (size % sizeof(c.w->ranges[0]) || size > sizeof(c.w->ranges) ||
	    bpf_probe_read_user(c.w->ranges, size, (const void *)user))
		return;

	c.w->num_ranges = size / sizeof(c.w->ranges[0]);
	c.w->range = 0;
	c.w->budget = DONTNEED_MAX_INDICES;
	c.w->calls++;
	c.w->end = 0;
	xa_start(&c.w->cursor, &sk->sk_user_frags, 0);
	bpf_loop(DONTNEED_MAX_STEPS, find_step, &c, 0);
}

static long put_step(u32 i, struct put_ctx *c)
{
	struct put_call *call = c->call;
	struct event e = {
		.kind = EV_TOKEN_PUT,
		.sk = call->sk,
		.cookie = call->cookie,
		.out_ns = call->begin_ns,
	};

	if (i >= DONTNEED_MAX_INDICES)
		return 1;
	emit_token(c->ctx, &e, iov_untag(call->words[i]), call->tokens[i]);
	return 0;
}

/* @done tokens came back, or it is an errno. If another thread gave some of them back
 * meanwhile it is less than was found; more, if they could not be found.
 */
static __always_inline void end_put(void *ctx, int done)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct put_ctx c = { .ctx = ctx };
	u32 num;

	/* A call that was under way when we came has none */
	c.call = bpf_map_lookup_elem(&put_calls, &thread);
	if (!c.call)
		return;
	num = c.call->sk ? c.call->num : 0;
	if (done > 0 && num < (u32)done)
		miss_events(done - num);
	if (done < 0)
		num = 0;
	else if (num > (u32)done)
		num = done;
	bpf_loop(num, put_step, &c, 0);
	bpf_map_delete_elem(&put_calls, &thread);
}

/* (sk, sockptr_t optval, optlen): a sockptr_t takes two of the arguments, and
 * the return value stands behind them
 */
SEC("fentry/sock_devmem_dontneed")
int token_put__fentry(u64 *ctx)
{
	begin_put((const void *)ctx[0], ctx[1], ctx[3]);
	return 0;
}

SEC("fexit/sock_devmem_dontneed")
int token_put__fexit(u64 *ctx)
{
	u64 ret = 0;

	bpf_get_func_ret(ctx, &ret);
	end_put(ctx, ret);
	return 0;
}

SEC("kprobe/sock_devmem_dontneed")
int BPF_KPROBE(token_put__kprobe, const struct sock *sk, u64 user,
	       u64 is_kernel, u32 len)
{
	begin_put(sk, user, len);
	return 0;
}

SEC("kretprobe/sock_devmem_dontneed")
int BPF_KRETPROBE(token_put__kretprobe, int ret)
{
	end_put(ctx, ret);
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
