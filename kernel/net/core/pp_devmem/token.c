// SPDX-License-Identifier: GPL-2.0
/*
 * Tokens: entries of a socket's sk_user_frags, each of which stands for one
 * reference on an iov.
 *
 * A token is complete from the moment that it is in the table: its entry is the
 * netmem itself, and its reference and its place in the iov's and the binding's
 * count were taken under the table's lock. So whoever takes it out, under the
 * same lock, may drop all three, whatever the read that made it is about to do:
 * a thread that gives back numbers it only guessed harms nobody but its own
 * process.
 */

#include <linux/socket.h>
#include <linux/timekeeping.h>
#include <linux/uio.h>
#include <net/netdev_rx_queue.h>
#include <net/page_pool/iov.h>
#include <net/sock.h>
#include <trace/events/devmem.h>

#include "../page_pool_priv.h"
#include "pp_devmem.h"

/* Tokens that are taken out of a table under one lock */
#define TOKEN_BATCH	32

/* The xarray keeps the number below this one for itself */
#define FIRST_TOKEN	1UL

static struct net_devmem_dmabuf_binding *netmem_binding(netmem_ref netmem)
{
	return page_pool_iov_binding(netmem_to_page_pool_iov(netmem));
}

/* Count a token, and take its reference. Whoever sees the count of an iov leave
 * zero sees since when.
 */
static void token_account_get(struct page_pool_iov *iov, u64 now)
{
	int tokens = atomic_read(&iov->user_tokens);

	do {
		if (!tokens)
			WRITE_ONCE(iov->user_since_ns, now);
	} while (!atomic_try_cmpxchg(&iov->user_tokens, &tokens, tokens + 1));

	if (!tokens)
		atomic_inc(&page_pool_iov_binding(iov)->num_user);
	page_pool_iov_get_many(iov, 1);
}

/* Out of the way of those that nobody traces */
static noinline_for_stack void
trace_put(struct xarray *table, netmem_ref netmem, u32 token,
	  enum devmem_put_reason reason)
{
	trace_devmem_token_put(container_of(table, struct sock, sk_user_frags),
			       netmem_to_page_pool_iov(netmem), token, reason);
}

/* Uncount a token; its reference is still to be dropped */
static __always_inline void
token_account_put(struct xarray *table, netmem_ref netmem, u32 token,
		  enum devmem_put_reason reason)
{
	struct page_pool_iov *iov = netmem_to_page_pool_iov(netmem);

	if (trace_devmem_token_put_enabled())
		trace_put(table, netmem, token, reason);
	if (atomic_dec_and_test(&iov->user_tokens))
		atomic_dec(&page_pool_iov_binding(iov)->num_user);
}

/* Calls @add for each binding and how many of @netmems are of it. Those of a read or a
 * return are nearly always of one. Their references are still there, so is the binding.
 */
static __always_inline void
tokens_count(const netmem_ref *netmems, unsigned int n,
	     void (*add)(struct net_devmem_dmabuf_binding *binding,
			 unsigned int n))
{
	struct net_devmem_dmabuf_binding *binding;
	unsigned int run;

	for (; n; n -= run, netmems += run) {
		binding = netmem_binding(netmems[0]);
		for (run = 1; run < n; run++)
			if (netmem_binding(netmems[run]) != binding)
				break;
		add(binding, run);
	}
}

static void add_gets(struct net_devmem_dmabuf_binding *binding, unsigned int n)
{
	atomic64_add(n, &binding->token_gets);
}

static void add_puts(struct net_devmem_dmabuf_binding *binding, unsigned int n)
{
	atomic64_add(n, &binding->token_puts);
}

static void add_closes(struct net_devmem_dmabuf_binding *binding,
		       unsigned int n)
{
	atomic64_add(n, &binding->token_closes);
}

/**
 * net_devmem_tokens_wanted() - how many tokens a read can use
 * @msg: where it tells its reader of them
 * @frags: what is to be read, the first in part
 * @num_frags: their number, at least one
 * @first: bytes to be read of the first
 * @len: bytes to be read in all, at least @first
 *
 * Context: Any.
 * Return: a number from 1 to @num_frags; 1 also if there is room for none, so
 *	that the caller finds that out where it tells its reader.
 */
unsigned int net_devmem_tokens_wanted(const struct msghdr *msg,
				      const skb_frag_t *frags,
				      unsigned int num_frags, u32 first,
				      u32 len)
{
	size_t room = msg->msg_controllen / CMSG_SPACE(sizeof(struct dmabuf_cmsg));
	unsigned int n = 1;

	for (len -= first; len && n < num_frags && n < room; n++)
		len -= min(len, skb_frag_size(&frags[n]));

	return n;
}

/* Fill @p up to @n, as far as the nodes that @xas has go */
static void tokens_insert(struct sock *sk, struct xa_state *xas,
			  struct tcp_xa_pool *p, const skb_frag_t *frags,
			  unsigned int n, u64 now)
{
	for (; p->max < n; p->max++) {
		netmem_ref netmem = skb_frag_netmem(&frags[p->max]);

		if (!netmem_is_net_iov(netmem))
			break;

		xas_find_marked(xas, NET_DEVMEM_MAX_TOKENS, XA_FREE_MARK);
		if (xas->xa_node == XAS_RESTART)
			break;
		xas_store(xas, (__force void *)netmem);
		if (xas_error(xas))
			break;
		xas_clear_mark(xas, XA_FREE_MARK);

		token_account_get(netmem_to_page_pool_iov(netmem), now);
		p->tokens[p->max] = xas->xa_index;
		p->netmems[p->max] = netmem;
		trace_devmem_token_get(sk, netmem_to_page_pool_iov(netmem),
				       xas->xa_index);
	}
}

/**
 * net_devmem_tokens_get() - make tokens for frags
 * @sk: the socket that they are to belong to
 * @p: has none that are not used; filled
 * @frags: what they are to stand for; the first is an iov
 * @n: how many are wanted
 *
 * The tokens are the lowest numbers that are free. They are charged to the
 * caller's memory cgroup.
 *
 * Context: Process, under @sk's lock. May sleep.
 * Return: 0 if there is at least one, -ENOBUFS if @sk has as many as it may
 *	have, -ENOMEM.
 */
int net_devmem_tokens_get(struct sock *sk, struct tcp_xa_pool *p,
			  const skb_frag_t *frags, unsigned int n)
{
	XA_STATE(xas, &sk->sk_user_frags, FIRST_TOKEN);
	u64 now = ktime_get_coarse_ns();

	p->max = 0;
	p->idx = 0;
	do {
		xas_lock_bh(&xas);
		tokens_insert(sk, &xas, p, frags, n, now);
		xas_unlock_bh(&xas);
	} while (xas_nomem(&xas, GFP_KERNEL));

	tokens_count(p->netmems, p->max, add_gets);
	if (p->max)
		return 0;

	return xas_error(&xas) ?: -ENOBUFS;
}

/**
 * net_devmem_tokens_undo() - take back the tokens that a read did not use
 * @sk: the socket that they belong to
 * @p: its read's tokens
 *
 * Those that somebody gave back already are left alone.
 *
 * Context: Process, under @sk's lock.
 */
void net_devmem_tokens_undo(struct sock *sk, struct tcp_xa_pool *p)
{
	netmem_ref unused[MAX_SKB_FRAGS];
	unsigned int i, n = 0;

	xa_lock_bh(&sk->sk_user_frags);
	for (i = p->idx; i < p->max; i++) {
		void *entry = (__force void *)p->netmems[i];

		if (__xa_cmpxchg(&sk->sk_user_frags, p->tokens[i], entry, NULL,
				 0) != entry)
			continue;
		token_account_put(&sk->sk_user_frags, p->netmems[i],
				  p->tokens[i], DEVMEM_PUT_UNDO);
		unused[n++] = p->netmems[i];
	}
	xa_unlock_bh(&sk->sk_user_frags);

	tokens_count(unused, n, add_puts);
	page_pool_put_netmem_bulk(unused, n);
}

/* Take a batch of tokens out of the table, from *@first to @last. Moves *@first
 * past what it took.
 */
static unsigned int tokens_remove(struct sock *sk, unsigned long *first,
				  unsigned long last,
				  enum devmem_put_reason reason,
				  netmem_ref *netmems)
{
	XA_STATE(xas, &sk->sk_user_frags, *first);
	unsigned int n = 0;
	void *entry;

	xas_lock_bh(&xas);
	xas_for_each(&xas, entry, last) {
		netmems[n] = (__force netmem_ref)entry;
		token_account_put(xas.xa, netmems[n], xas.xa_index, reason);
		*first = xas.xa_index + 1;
		xas_store(&xas, NULL);
		if (++n == TOKEN_BATCH)
			break;
	}
	xas_unlock_bh(&xas);

	return n;
}

static unsigned int tokens_put(struct sock *sk, unsigned long first,
			       unsigned long last,
			       enum devmem_put_reason reason)
{
	netmem_ref netmems[TOKEN_BATCH];
	unsigned int n, total = 0;

	first = max(first, FIRST_TOKEN);
	do {
		n = tokens_remove(sk, &first, last, reason, netmems);
		if (reason == DEVMEM_PUT_CLOSE)
			tokens_count(netmems, n, add_closes);
		else
			tokens_count(netmems, n, add_puts);
		page_pool_put_netmem_bulk(netmems, n);
		total += n;
	} while (n == TOKEN_BATCH);

	return total;
}

/**
 * net_devmem_tokens_dontneed() - take back what a holder does not need
 * @sk: the socket that the tokens belong to
 * @tokens: ranges of numbers; what is no token of @sk is passed over
 * @num_tokens: how many ranges
 * @max_frags: numbers looked at, over all ranges
 *
 * Context: Process. May run beside a read of @sk.
 * Return: how many tokens came back.
 */
int net_devmem_tokens_dontneed(struct sock *sk,
			       const struct dmabuf_token *tokens,
			       unsigned int num_tokens,
			       unsigned int max_frags)
{
	unsigned int i, count, total = 0;

	for (i = 0; i < num_tokens && max_frags; i++) {
		unsigned long start = tokens[i].token_start;

		count = min(tokens[i].token_count, max_frags);
		if (!count)
			continue;
		max_frags -= count;
		total += tokens_put(sk, start, start + count - 1,
				    DEVMEM_PUT_DONTNEED);
	}

	return total;
}

/**
 * net_devmem_tokens_close() - take back all that a socket's readers hold
 * @sk: the socket; nobody reads from it any more
 *
 * Context: Process or softirq.
 */
void net_devmem_tokens_close(struct sock *sk)
{
	if (!xa_empty(&sk->sk_user_frags))
		tokens_put(sk, FIRST_TOKEN, ULONG_MAX,
			   DEVMEM_PUT_CLOSE);
}
