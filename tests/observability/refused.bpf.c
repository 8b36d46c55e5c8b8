// SPDX-License-Identifier: GPL-2.0
/*
 * Programs with one mistake each, which the verifier must refuse. Loaded one at
 * a time.
 */
#include "types.bpf.h"

char LICENSE[] SEC("license") = "GPL";

__u64 sink;

/* What is read out of an iov is a number to the verifier, not a binding to walk */
SEC("?tp_btf/devmem_token_get")
int BPF_PROG(untrusted_binding, const struct sock *sk, const struct page_pool_iov *iov)
{
	struct page_pool_iov *pos;

	bpf_for_each(page_pool_iov, pos, iov->niov.owner->binding)
		sink++;
	return 0;
}

SEC("?tp_btf/devmem_bind")
int BPF_PROG(not_destroyed, struct net_devmem_dmabuf_binding *binding)
{
	struct bpf_iter_page_pool_iov it;

	bpf_iter_page_pool_iov_new(&it, binding);
	return 0;
}

SEC("?tp_btf/devmem_bind")
int BPF_PROG(not_started, struct net_devmem_dmabuf_binding *binding)
{
	struct bpf_iter_devmem_binding it = {};

	bpf_iter_devmem_binding_next(&it);
	return 0;
}

SEC("?socket")
int wrong_type(struct __sk_buff *skb)
{
	sink = (__u64)bpf_page_pool_iov_from_frag(skb->len);
	return 0;
}

SEC("?tp_btf/devmem_bind")
int BPF_PROG(no_null_check)
{
	struct page_pool_iov *iov = bpf_page_pool_iov_from_frag(bpf_get_prandom_u32());

	sink = iov->user_since_ns;
	return 0;
}

SEC("?syscall")
int no_rcu_section(void *ctx)
{
	struct net_devmem_dmabuf_binding *binding;

	bpf_for_each(devmem_binding, binding)
		sink = binding->id;
	return 0;
}

SEC("?tp_btf/devmem_token_get")
int BPF_PROG(writes, const struct sock *sk, struct page_pool_iov *iov)
{
	iov->user_since_ns = 0;
	return 0;
}

SEC("?tp_btf/devmem_bind")
int BPF_PROG(null_binding)
{
	struct page_pool_iov *pos;

	bpf_for_each(page_pool_iov, pos, NULL)
		sink++;
	return 0;
}
