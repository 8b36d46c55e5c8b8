/* SPDX-License-Identifier: GPL-2.0 */
/* Tokens that are handed to readers */
#ifndef DEVMEM_EVENTS_TOKEN_GETS_BPF_H
#define DEVMEM_EVENTS_TOKEN_GETS_BPF_H

#include "tokens.bpf.h"

#define MAX_FRAGS		17

SEC("tp_btf/devmem_token_get")
int BPF_PROG(token_get__tp, struct sock *sk, const struct net_iov *iov,
	     u32 token)
{
	struct event e = { .kind = EV_TOKEN_GET, .sk = sk };

	e.cookie = cookie_of(sk);
	e.stack = EVENT_STACK(ctx);
	emit_token(ctx, &e, untyped(iov), token);
	return 0;
}

/* The pool has the tokens that are about to be entered in @sk's table. Where
 * CONFIG_MAX_SKB_FRAGS is more than usual, those behind are missed.
 */
static __always_inline void emit_commit(void *ctx, struct event *e,
					const struct tcp_xa_pool *pool)
{
	u32 num = KGET(pool, struct tcp_xa_pool, idx);
	u64 netmems[MAX_FRAGS];
	u32 tokens[MAX_FRAGS];
	u32 i;

	if (bpf_core_read(tokens, sizeof(tokens), &pool->tokens) ||
	    bpf_core_read(netmems, sizeof(netmems), &pool->netmems))
		return;
	if (num > MAX_FRAGS)
		miss_events(num - MAX_FRAGS);
	e->now_ns = bpf_ktime_get_ns();
	e->stack = EVENT_STACK(ctx);
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

	e.cookie = cookie_of(sk);
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

#endif /* DEVMEM_EVENTS_TOKEN_GETS_BPF_H */
