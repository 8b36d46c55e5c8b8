/* SPDX-License-Identifier: GPL-2.0 */
/* Tokens that come back: given back by their holder, or with their socket */
#ifndef DEVMEM_EVENTS_TOKEN_PUTS_BPF_H
#define DEVMEM_EVENTS_TOKEN_PUTS_BPF_H

#include "tokens.bpf.h"
#include "xarray.bpf.h"

#define DONTNEED_MAX_RANGES	128	/* the kernel refuses more */
#define DONTNEED_MAX_INDICES	1024	/* and stops after so many, holes included */
#define DONTNEED_MAX_STEPS	4096	/* range, way down and index are one each */
#define DONTNEED_SEEN		2048
#define TOKEN_LIMIT		(1U << 31)	/* no token is this large */
#define CLOSE_MAX_STEPS		(1 << 23)

struct dmabuf_token_range {
	u32 start;
	u32 count;
};

/* A walk over the tokens of one socket; too large for the stack */
struct close_walk {
	struct xa_cursor cursor;
	const struct sock *sk;
	u64 cookie;
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

/* Both reasons; EV_TOKEN_CLOSE is told apart here */
SEC("tp_btf/devmem_token_put")
int BPF_PROG(token_put__tp, struct sock *sk, const struct net_iov *iov,
	     u32 token, u32 reason)
{
	struct event e = { .sk = sk };

	e.kind = reason == DEVMEM_PUT_CLOSE ? EV_TOKEN_CLOSE : EV_TOKEN_PUT;
	e.cookie = cookie_of(sk);
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
	struct event e = {
		.kind = EV_TOKEN_CLOSE,
		.sk = w->sk,
		.cookie = w->cookie,
	};
	struct xa_found found;

	if (w->cursor.done)
		return 1;
	found = xa_step(&w->cursor);
	if (found.entry & PP_DEVMEM)
		emit_token(c->ctx, &e, iov_untag(found.entry), found.index);
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
	c.w->sk = sk;
	c.w->cookie = cookie;
	xa_start(&c.w->cursor, &sk->sk_user_frags, 0);
	bpf_loop(CLOSE_MAX_STEPS, close_step, &c, 0);
	if (!c.w->cursor.done)
		miss_events(1);
}

SEC("fentry/tcp_v4_destroy_sock")
int BPF_PROG(token_close__fentry, struct sock *sk)
{
	if (BPF_CORE_READ(sk, sk_user_frags.xa_head))
		emit_close(ctx, sk, cookie_of(sk));
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
	u64 now_ns;
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
		.now_ns = c->now_ns,
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
	c.now_ns = bpf_ktime_get_ns();
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

#endif /* DEVMEM_EVENTS_TOKEN_PUTS_BPF_H */
