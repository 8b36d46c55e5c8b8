/* SPDX-License-Identifier: GPL-2.0 */
/* Packets with device memory that are dropped */
#ifndef DEVMEM_EVENTS_DROPS_BPF_H
#define DEVMEM_EVENTS_DROPS_BPF_H

#include "tokens.bpf.h"

SEC("tp_btf/kfree_skb")
int BPF_PROG(drop__tp, struct sk_buff *skb, void *location, u32 reason)
{
	const struct sock *sk = BPF_CORE_READ(skb, sk);
	struct event e = { .kind = EV_DROP, .sk = sk };
	const struct skb_shared_info *shinfo;
	const struct net_iov *iov;
	u64 word;

	if (!BPF_CORE_READ_BITFIELD_PROBED(skb, unreadable))
		return 0;

	e.cookie = sk ? known_cookie(sk) : 0;
	e.location = (u64)location;
	e.reason = reason;
	shinfo = (const void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));
	word = BPF_CORE_READ(shinfo, frags[0].netmem);
	iov = iov_untag(word);
	if (word & PP_DEVMEM && iov_is_dmabuf(iov))
		e.iov = iov;
	emit(ctx, &e);
	return 0;
}

#endif /* DEVMEM_EVENTS_DROPS_BPF_H */
