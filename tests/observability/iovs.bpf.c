// SPDX-License-Identifier: GPL-2.0
/* One line for each iov: BINDING INDEX TOKENS. For bpftool iter pin. */
#include "types.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("iter/page_pool_iov")
int iovs(struct bpf_iter__page_pool_iov *ctx)
{
	struct net_devmem_dmabuf_binding *binding = ctx->binding;
	struct page_pool_iov *iov = ctx->iov;
	__u64 idx;

	if (!binding || !iov)
		return 0;
	idx = ((__u64)iov - (__u64)binding->iovs) / bpf_core_type_size(struct page_pool_iov);
	BPF_SEQ_PRINTF(ctx->meta->seq, "%u %llu %d\n", binding->id, idx,
		       iov->user_tokens.counter);
	return 0;
}
