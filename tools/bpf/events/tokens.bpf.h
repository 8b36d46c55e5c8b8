/* SPDX-License-Identifier: GPL-2.0 */
/* What the groups about tokens share */
#ifndef DEVMEM_EVENTS_TOKENS_BPF_H
#define DEVMEM_EVENTS_TOKENS_BPF_H

#include "event.bpf.h"

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

#endif /* DEVMEM_EVENTS_TOKENS_BPF_H */
