// SPDX-License-Identifier: GPL-2.0
/*
 * Decodes words, and walks over all bindings and their iovs, when user space
 * says so; and does both from tracepoints, fentry and kprobes.
 */
#include "types.bpf.h"

#include "probe.h"

char LICENSE[] SEC("license") = "GPL";

__u32 num_words;
struct probe_word words[PROBE_WORDS];

__u32 num_bindings;
struct probe_binding bindings[PROBE_BINDINGS];

struct probe_seen seen;

#define IOV_SIZE bpf_core_type_size(struct page_pool_iov)

/* A kernel whose page tables can have but four levels has it as a constant */
#define VMEMMAP_FIXED 0xffffea0000000000ULL

extern const void vmemmap_base __ksym __weak;
__u64 vmemmap;

static enum page_pool_iov_state state_of(const struct page_pool_iov *iov)
{
	if (iov->user_tokens.counter)
		return PP_IOV_USER;
	return iov->niov.pp ? PP_IOV_POOL : PP_IOV_FREE;
}

static __u32 idx_of(const struct page_pool_iov *iov)
{
	const struct page_pool_iov_area *area = iov->niov.owner;
	__u64 offset = (__u64)iov - (__u64)area->iovs;

	return offset / IOV_SIZE + (area->base_virtual >> 12);
}

static void decode_word(struct probe_word *w)
{
	struct page_pool_iov *iov = bpf_page_pool_iov_from_frag(w->word);

	w->iov = (__u64)iov;
	if (!iov)
		return;
	w->binding = iov->niov.owner->binding->id;
	w->idx = idx_of(iov);
	w->state = state_of(iov);
	w->since = iov->user_since_ns;
}

SEC("syscall")
int decode(void *ctx)
{
	__u32 i;

	vmemmap = VMEMMAP_FIXED;
	if (bpf_ksym_exists(&vmemmap_base))
		bpf_probe_read_kernel(&vmemmap, sizeof(vmemmap), &vmemmap_base);
	bpf_for(i, 0, num_words) {
		if (i >= PROBE_WORDS)
			break;
		bpf_rcu_read_lock();
		decode_word(&words[i]);
		bpf_rcu_read_unlock();
	}
	return 0;
}

static void walk_iovs(struct probe_binding *out, struct net_devmem_dmabuf_binding *binding)
{
	struct page_pool_iov *iov;
	__u64 walked = 0;

	bpf_for_each(page_pool_iov, iov, binding) {
		walked = out->walked[0] + out->walked[1] + out->walked[2];
		if ((__u64)iov != out->iovs + walked * IOV_SIZE ||
		    idx_of(iov) != walked)
			out->misplaced++;
		out->walked[state_of(iov) % 3]++;
		out->tokens += iov->user_tokens.counter;
	}
}

static void copy_counters(struct probe_binding *out,
			  const struct net_devmem_dmabuf_binding *binding)
{
	__builtin_memset(out, 0, sizeof(*out));
	out->id = binding->id;
	out->unbound = binding->unbound;
	out->iovs = (__u64)binding->iovs;
	out->total = binding->num_iovs;
	out->free = binding->num_free;
	out->user = binding->num_user.counter;
	out->high_water = binding->high_water;
	out->allocs = binding->allocs;
	out->releases = binding->releases;
	out->exhausted = binding->exhausted;
}

SEC("syscall")
int walk(void *ctx)
{
	struct net_devmem_dmabuf_binding *binding;
	__u32 i;

	num_bindings = 0;
	bpf_rcu_read_lock();
	bpf_for_each(devmem_binding, binding) {
		i = num_bindings;
		if (i >= PROBE_BINDINGS)
			break;
		copy_counters(&bindings[i], binding);
		walk_iovs(&bindings[i], binding);
		num_bindings = i + 1;
	}
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tp_btf/devmem_token_get")
int BPF_PROG(on_token_get, const struct sock *sk, const struct page_pool_iov *iov, __u32 token)
{
	struct page_pool_iov *found;
	__u64 word = 0;

	/* The verifier lets nobody set a bit in a pointer: read it as a number */
	bpf_probe_read_kernel(&word, sizeof(word), &ctx[1]);
	__sync_fetch_and_add(&seen.tokens, 1);
	found = bpf_page_pool_iov_from_frag(word | PP_DEVMEM);
	if (!found || found != iov ||
	    found->niov.owner->binding->id != iov->niov.owner->binding->id)
		__sync_fetch_and_add(&seen.tokens_wrong, 1);
	return 0;
}

SEC("tp_btf/devmem_unbind")
int BPF_PROG(on_unbind, struct net_devmem_dmabuf_binding *binding)
{
	struct page_pool_iov *iov;
	__u32 count = 0;

	bpf_for_each(page_pool_iov, iov, binding)
		count++;
	__sync_fetch_and_add(&seen.unbinds, 1);
	if (count != binding->num_iovs)
		__sync_fetch_and_add(&seen.unbinds_wrong, 1);
	return 0;
}

static void look_at_frag(__u64 word)
{
	struct page_pool_iov *iov = bpf_page_pool_iov_from_frag(word);

	if (word & PP_DEVMEM) {
		__sync_fetch_and_add(&seen.frags, 1);
		if (!iov)
			__sync_fetch_and_add(&seen.frags_null, 1);
	} else {
		__sync_fetch_and_add(&seen.pages, 1);
		if (iov)
			__sync_fetch_and_add(&seen.pages_iov, 1);
	}
}

SEC("fentry/tcp_rcv_established")
int BPF_PROG(on_segment, struct sock *sk, struct sk_buff *skb)
{
	struct skb_shared_info *info = (void *)(skb->head + skb->end);
	unsigned int i, n = BPF_CORE_READ(info, nr_frags);
	struct skb_frag *frag;

	bpf_for(i, 0, n) {
		if (i >= 17)
			break;
		/* CO-RE knows of constant indices only */
		frag = (void *)info + bpf_core_field_offset(struct skb_shared_info, frags) +
		       i * bpf_core_type_size(struct skb_frag);
		look_at_frag(BPF_CORE_READ(frag, netmem));
	}
	return 0;
}

SEC("kprobe/tcp_rcv_established")
int on_kprobe(struct pt_regs *ctx)
{
	if (bpf_page_pool_iov_from_frag(0))
		__sync_fetch_and_add(&seen.kprobe_decoded, 1);
	return 0;
}
