/* SPDX-License-Identifier: GPL-2.0 */
/* What the groups about tokens share */
#ifndef DEVMEM_EVENTS_TOKENS_BPF_H
#define DEVMEM_EVENTS_TOKENS_BPF_H

#include "event.bpf.h"

static __always_inline void emit_token(void *ctx, struct event *e,
				       const struct net_iov *iov, u32 token)
{
	e->iov = iov;
	e->token = token;
	emit(ctx, e);
}

#endif /* DEVMEM_EVENTS_TOKENS_BPF_H */
