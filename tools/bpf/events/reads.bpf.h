/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tokens that are handed out, by read: most reads make several, nearly always of one
 * binding, and nothing is done for each but what must be. These programs are no event's
 * way: attach_reads() chooses one, instead of a way to see each token.
 *
 * A tool defines, before it includes this:
 *
 *	static __always_inline void on_gets(u64 sk, u32 id, u64 num);
 *
 * which is told that the socket at @sk got @num tokens of the binding with that id, and,
 * if it wants to know the tokens where the kernel keeps no time of them,
 * READS_EACH(sk, token, now).
 */
#ifndef DEVMEM_EVENTS_READS_BPF_H
#define DEVMEM_EVENTS_READS_BPF_H

#include "token_gets.bpf.h"

#define typed(addr, type)	bpf_core_cast((const void *)(addr), type)

/* All this follows typed pointers: what is not there reads as zero, and it takes no call
 * of a helper to look.
 */
static __always_inline u64 iov_binding(u64 iov)
{
	u64 owner = (u64)typed(iov, struct net_iov)->owner;

	if (bpf_core_type_exists(struct page_pool_iov))
		return (u64)typed(owner, struct page_pool_iov_area)->binding;
	return (u64)typed(owner, struct dmabuf_genpool_chunk_owner)->binding;
}

/* A binding that had tokens handed out on this CPU last */
struct last_binding {
	u64 addr;
	u64 iovs;		/* where its iovs begin, if they are in one array */
	u64 size;		/* of that, in bytes; 0: they are not */
	u32 id;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct last_binding);
} last_bindings SEC(".maps");

/* Our provider has one array. Where it begins is to be a mere number, as the verifier
 * allows no arithmetic on a typed pointer.
 */
static __always_inline void look_up_iovs(struct last_binding *last, u64 addr)
{
	const struct net_devmem_dmabuf_binding *binding;
	const struct net_devmem_dmabuf_binding___ppdevmem *ours;

	binding = typed(addr, struct net_devmem_dmabuf_binding);
	ours = (const void *)binding;
	last->addr = addr;
	last->id = binding->id;
	last->size = 0;
	if (!bpf_core_field_exists(ours->num_iovs))
		return;
	bpf_core_read(&last->iovs, sizeof(last->iovs), &ours->iovs);
	last->size = (u64)ours->num_iovs * iov_struct_size();
}

/* Another binding can have taken the place of the last one, or of its array */
static __always_inline bool is_last(const struct last_binding *last, u64 addr)
{
	return last->size && addr == last->addr &&
	       typed(addr, struct net_devmem_dmabuf_binding)->id == last->id;
}

/* Not static, as is count_run(): the verifier looks at them once then, and not once for each
 * way of each token before. It wants all arguments then, but the compiler passes only what
 * is used.
 */
static __always_inline void use(u64 arg)
{
	asm volatile("" :: "r"(arg));
}

/* A token on an iov that is not of the last binding's array */
__noinline int count_other(u64 sk, u64 iov)
{
	u64 binding = iov_binding(iov);

	use(sk);
	on_gets(sk, typed(binding, struct net_devmem_dmabuf_binding)->id, 1);
	return 0;
}

/* Where the kernel keeps one array of iovs for each binding: the tokens that a read has
 * made. @p is typed, so the verifier wants to know each offset: the loop must be unrolled.
 */
static __always_inline void count_in_array(u64 sk, struct tcp_xa_pool *p, u32 num)
{
	struct last_binding *last;
	u32 i, key = 0, in_last = 0;
	u64 iovs, size, first;

	last = bpf_map_lookup_elem(&last_bindings, &key);
	if (!last || !num)
		return;
	first = iov_binding((u64)iov_untag(p->netmems[0]));
	if (!is_last(last, first))
		look_up_iovs(last, first);
	iovs = last->iovs;
	size = last->size;
	key = last->id;
#pragma unroll
	for (i = 0; i < MAX_FRAGS; i++) {
		u64 word = i < num ? p->netmems[i] : 0;

		if ((word & ~3ULL) - iovs < size)
			in_last++;
		else if (word & PP_DEVMEM)
			count_other(sk, word & ~3ULL);
	}
	if (in_last)
		on_gets(sk, key, in_last);
}

__noinline int count_run(u64 sk, u64 binding, u64 num)
{
	use(sk);
	if (num)
		on_gets(sk, typed(binding, struct net_devmem_dmabuf_binding)->id, num);
	return 0;
}

/* Iovs are here and there */
static __always_inline void count_by_iov(u64 sk, const struct tcp_xa_pool *p, u32 num)
{
	u64 netmems[MAX_FRAGS], last = 0, run = 0;
	u32 i;
#ifdef READS_EACH
	u64 now = bpf_ktime_get_ns();
	u32 tokens[MAX_FRAGS];

	if (bpf_core_read(tokens, num * sizeof(*tokens), &p->tokens))
		return;
#endif

	if (bpf_core_read(netmems, num * sizeof(*netmems), &p->netmems))
		return;
	for (i = 0; i < MAX_FRAGS && i < num; i++) {
		u64 binding;

		if (!(netmems[i] & PP_DEVMEM))
			continue;
		binding = (u64)untyped((void *)iov_binding((u64)iov_untag(netmems[i])));
		if (binding != last) {
			count_run(sk, last, run);
			last = binding;
			run = 0;
		}
		run++;
#ifdef READS_EACH
		READS_EACH(sk, tokens[i], now);
#endif
	}
	count_run(sk, last, run);
}

static __always_inline u32 known_num(u32 num)
{
	if (num <= MAX_FRAGS)
		return num;
	miss_events(num - MAX_FRAGS);
	return MAX_FRAGS;
}

/* (loaded when user space asks for one of them) */
SEC("?fexit/net_devmem_tokens_get")
int BPF_PROG(reads__fexit, struct sock *sk, struct tcp_xa_pool *p)
{
	count_in_array((u64)untyped(sk), p, known_num(((struct tcp_xa_pool___ppdevmem *)p)->max));
	return 0;
}

SEC("?fentry/tcp_xa_pool_commit_locked")
int BPF_PROG(reads__fentry, struct sock *sk, struct tcp_xa_pool *p)
{
	count_by_iov((u64)untyped(sk), p, known_num(p->idx));
	return 0;
}

#endif /* DEVMEM_EVENTS_READS_BPF_H */
