/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tokens: what a reader gets for an iov, and gives back. The part of TCP's
 * receive path that hands them out and takes them back is the provider's own
 * with CONFIG_PP_DEVMEM, in place of the core's.
 */
#ifndef _NET_CORE_PP_DEVMEM_TOKEN_H
#define _NET_CORE_PP_DEVMEM_TOKEN_H

#include <linux/bits.h>
#include <linux/skbuff.h>
#include <linux/xarray.h>
#include <net/netmem.h>

struct dmabuf_token;
struct msghdr;
struct sock;

/**
 * enum devmem_put_reason - why a token came back
 * @DEVMEM_PUT_DONTNEED: its holder gave it back (SO_DEVMEM_DONTNEED)
 * @DEVMEM_PUT_CLOSE: its socket was closed with the token still out
 * @DEVMEM_PUT_UNDO: the read that made it could not tell its reader
 */
enum devmem_put_reason {
	DEVMEM_PUT_DONTNEED,
	DEVMEM_PUT_CLOSE,
	DEVMEM_PUT_UNDO,
};

#ifdef CONFIG_PP_DEVMEM
/* A socket's table of tokens is charged to its reader */
#define SK_USER_FRAGS_FLAGS	(XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT)

/* The most tokens that one socket's readers can hold: 4 GiB in 4 KiB iovs */
#define NET_DEVMEM_MAX_TOKENS	BIT(20)

/**
 * struct tcp_xa_pool - tokens that a read has made, and how many it has used
 * @max: how many there are
 * @idx: how many of them its reader was told of
 * @tokens: their numbers
 * @netmems: what they stand for
 */
struct tcp_xa_pool {
	u8		max;
	u8		idx;
	u32		tokens[MAX_SKB_FRAGS];
	netmem_ref	netmems[MAX_SKB_FRAGS];
};

unsigned int net_devmem_tokens_wanted(const struct msghdr *msg,
				      const skb_frag_t *frags,
				      unsigned int num_frags, u32 first,
				      u32 len);
int net_devmem_tokens_get(struct sock *sk, struct tcp_xa_pool *p,
			  const skb_frag_t *frags, unsigned int n);
void net_devmem_tokens_undo(struct sock *sk, struct tcp_xa_pool *p);
int net_devmem_tokens_dontneed(struct sock *sk,
			       const struct dmabuf_token *tokens,
			       unsigned int num_tokens,
			       unsigned int max_frags);
void net_devmem_tokens_close(struct sock *sk);

/* Make tokens for the next frags if all that were made are used */
static inline int tcp_xa_pool_refill(struct sock *sk, struct tcp_xa_pool *p,
				     const struct msghdr *msg,
				     const skb_frag_t *frags,
				     unsigned int num_frags, u32 first,
				     u32 len)
{
	if (p->idx < p->max)
		return 0;

	return net_devmem_tokens_get(sk, p, frags,
				     net_devmem_tokens_wanted(msg, frags,
							      num_frags, first,
							      len));
}

/* Tokens are valid once they are made; what was not used goes back */
static inline void tcp_xa_pool_commit(struct sock *sk, struct tcp_xa_pool *p)
{
	if (p->idx < p->max)
		net_devmem_tokens_undo(sk, p);

	p->max = 0;
	p->idx = 0;
}
#else
#define SK_USER_FRAGS_FLAGS	XA_FLAGS_ALLOC1
#endif /* CONFIG_PP_DEVMEM */

#endif /* _NET_CORE_PP_DEVMEM_TOKEN_H */
