/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How kernels lay out device memory: every difference between them, and one
 * accessor for each.
 *
 * Kernels are told apart by the types and members in their BTF, never by their
 * version. Accessors look for the newest layout first. A type with the suffix
 * ___pre_vNNN has the shape it had before that version, ___ppdevmem the one it
 * has with CONFIG_PP_DEVMEM. What a kernel cannot tell is DEVMEM_UNKNOWN.
 */
#ifndef DEVMEM_LAYOUT_BPF_H
#define DEVMEM_LAYOUT_BPF_H

#include "kernel.h"
#include "layout.h"

#define DEVMEM_UNKNOWN	(~0ULL)

/* log2 of the size of a page, which no type tells: layout_set_host() does */
const volatile __u32 host_page_shift;

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

struct net_devmem_dmabuf_binding {
	struct dma_buf *dmabuf;
	struct net_device *dev;
	struct gen_pool *chunk_pool;
	struct xarray bound_rxqs;
	u32 id;
};

/* niov_shift: "net: devmem: allow larger niov than PAGE_SIZE", Linux 7.x */
struct net_devmem_dmabuf_binding___v700 {
	u32 niov_shift;
};

struct net_devmem_dmabuf_binding___ppdevmem {
	int ifindex;
	bool unbound;
	struct page_pool_iov *iovs;
	u32 num_iovs;
	struct atomic num_user;
	u32 num_free;
	u32 high_water;
	u64 allocs;
	u64 releases;
	u64 exhausted;
	struct atomic64 token_gets;
	struct atomic64 token_puts;
	struct atomic64 token_closes;
};

/* unbind_w: "net: devmem: Implement TX path" and what followed, Linux 6.16 */
struct work_struct {
	void *func;
};

struct net_devmem_dmabuf_binding___v616 {
	struct work_struct unbind_w;
};

/* "net: devmem: Implement TX path", Linux 6.16: only one for sending has a vector */
struct net_devmem_dmabuf_binding___sends {
	struct net_iov **tx_vec;
};

struct netmem_desc {
	struct page_pool *pp;
	unsigned long dma_addr;
	struct atomic64 pp_ref_count;
};

struct net_iov_area {
	struct net_iov *niovs;
	unsigned long num_niovs;
	unsigned long base_virtual;
};

/* "net: use netmem_desc in net_iov", after Linux 6.16 */
struct net_iov {
	struct netmem_desc desc;
	struct net_iov_area *owner;
};

/* "netmem: add niov->type attribute to distinguish different net_iov types",
 * Linux 6.16
 */
enum net_iov_type {
	NET_IOV_DMABUF,
};

struct net_iov___typed {
	enum net_iov_type type;
};

/* The descriptor's members stood in net_iov itself */
struct net_iov___pre_v617 {
	struct page_pool *pp;
	unsigned long dma_addr;
	struct atomic64 pp_ref_count;
	struct net_iov_area *owner;
};

struct dmabuf_genpool_chunk_owner {
	struct net_iov_area area;
	struct net_devmem_dmabuf_binding *binding;
};

/* Before "net: generalise net_iov chunk owners", Linux 6.15 */
struct dmabuf_genpool_chunk_owner___pre_v615 {
	unsigned long base_virtual;
	struct net_iov *niovs;
	unsigned long num_niovs;
};

struct page_pool_iov_area {
	unsigned long base_virtual;
	struct page_pool_iov *iovs;
	unsigned long num_iovs;
	struct net_devmem_dmabuf_binding *binding;
};

/* io_uring's zero-copy receive, Linux 6.15. An area begins with its net_iov_area. */
struct io_zcrx_area {
	struct net_iov_area nia;
	struct io_zcrx_ifq *ifq;
	struct atomic *user_refs;
	u32 free_count;
};

struct io_zcrx_ifq {
	struct io_zcrx_area **areas;
	u32 nr_areas;
	u32 if_rxq;
	struct net_device *netdev;
};

/* It had one area before an array of them came, Linux 7.x */
struct io_zcrx_ifq___one_area {
	struct io_zcrx_area *area;
};

/* "io_uring/zcrx: implement large rx buffer support", Linux 7.0 */
struct io_zcrx_ifq___v700 {
	u32 niov_shift;
};

/* Nodes since "io_uring/rsrc: get rid of per-ring io_rsrc_node list", Linux 6.13 */
struct io_rsrc_node {
	unsigned long file_ptr;
};

struct io_rsrc_data {
	u32 nr;
	struct io_rsrc_node **nodes;
};

struct io_file_table {
	struct io_rsrc_data data;
};

struct io_ring_ctx {
	struct io_file_table file_table;
	struct xarray zcrx_ctxs;
};

struct io_fixed_file {
	unsigned long file_ptr;
};

struct io_ring_ctx___pre_v613 {
	struct {
		struct io_fixed_file *files;
	} file_table;
	u32 nr_user_files;
};

/* A ring had one interface queue, Linux 6.15 */
struct io_ring_ctx___one_ifq {
	struct io_zcrx_ifq *ifq;
};

enum devmem_put_reason {
	DEVMEM_PUT_DONTNEED,
	DEVMEM_PUT_CLOSE,
};

struct page_pool_iov {
	struct atomic user_tokens;
	u64 user_since_ns;
};

#pragma clang attribute pop

static __always_inline enum devmem_layout devmem_layout(void)
{
	if (bpf_core_type_exists(struct page_pool_iov))
		return LAYOUT_PPDEVMEM;
	if (!bpf_core_field_exists(struct net_devmem_dmabuf_binding, dmabuf))
		return LAYOUT_NONE;
	if (bpf_core_field_exists(struct net_iov, desc))
		return LAYOUT_DESC;
	if (bpf_core_type_exists(struct net_iov_area))
		return LAYOUT_AREA;
	return LAYOUT_CHUNK_OWNER;
}

/* A frag's word is an address and tags in its two lowest bits */
static __always_inline const struct net_iov *iov_untag(u64 word)
{
	return (const struct net_iov *)(word & ~3ULL);
}

static __always_inline u32 iov_struct_size(void)
{
	if (bpf_core_type_exists(struct page_pool_iov))
		return bpf_core_type_size(struct page_pool_iov);
	return bpf_core_type_size(struct net_iov);
}

static __always_inline const struct page_pool *iov_pool(const struct net_iov *iov)
{
	if (bpf_core_field_exists(iov->desc))
		return KGET(iov, struct net_iov, desc.pp);
	return KGET(iov, struct net_iov___pre_v617, pp);
}

/* @bits: a gen_pool_chunk's, or 0 where there is none. An iov that was never taken
 * out of one has in its members whatever was in the memory before.
 */
static __always_inline bool iov_in_gen_pool(u64 bits, u64 idx)
{
	const unsigned long *words = (const void *)bits;
	unsigned long word = 0;

	if (!bits)
		return false;
	bpf_probe_read_kernel(&word, sizeof(word), &words[idx / 64]);
	return !(word >> idx % 64 & 1);
}

static __always_inline u64 iov_dma(const struct net_iov *iov)
{
	if (bpf_core_field_exists(iov->desc))
		return KGET(iov, struct net_iov, desc.dma_addr);
	return KGET(iov, struct net_iov___pre_v617, dma_addr);
}

static __always_inline s64 iov_refcount(const struct net_iov *iov)
{
	if (bpf_core_field_exists(iov->desc))
		return KGET(iov, struct net_iov, desc.pp_ref_count.counter);
	return KGET(iov, struct net_iov___pre_v617, pp_ref_count.counter);
}

/* From Linux 6.16 on iovs can also be io_uring's: those have no binding */
static __always_inline bool iov_is_dmabuf(const struct net_iov *iov)
{
	const struct net_iov___typed *typed = (const void *)iov;

	if (!bpf_core_field_exists(typed->type))
		return true;
	return KGET(iov, struct net_iov___typed, type) ==
	       bpf_core_enum_value(enum net_iov_type, NET_IOV_DMABUF);
}

/* Tokens on the iov, over all sockets */
static __always_inline u64 iov_user_tokens(const struct net_iov *iov)
{
	const struct page_pool_iov *ours = (const void *)iov;

	if (bpf_core_field_exists(ours->user_tokens))
		return KGET(iov, struct page_pool_iov, user_tokens.counter);
	return DEVMEM_UNKNOWN;
}

/* When the first of those was handed out: monotonic clock, ns */
static __always_inline u64 iov_user_since(const struct net_iov *iov)
{
	const struct page_pool_iov *ours = (const void *)iov;

	if (bpf_core_field_exists(ours->user_since_ns))
		return KGET(iov, struct page_pool_iov, user_since_ns);
	return DEVMEM_UNKNOWN;
}

/* The run of iovs that an iov is a part of: an area or a chunk owner */
static __always_inline const void *iov_owner(const struct net_iov *iov)
{
	if (bpf_core_field_exists(iov->desc))
		return KGET(iov, struct net_iov, owner);
	return KGET(iov, struct net_iov___pre_v617, owner);
}

struct devmem_run {
	const void *iovs;	/* the first one */
	u64 num;		/* how many */
	u64 base_virtual;	/* offset of the first in the dma-buf, bytes */
	const struct net_devmem_dmabuf_binding *binding;
};

/* @owner is what iov_owner() or a gen_pool_chunk's owner gives */
static __always_inline struct devmem_run owner_run(const void *owner)
{
	const struct dmabuf_genpool_chunk_owner *chunk = owner;
	struct devmem_run run;

	if (bpf_core_type_exists(struct page_pool_iov)) {
		run.iovs = KGET(owner, struct page_pool_iov_area, iovs);
		run.num = KGET(owner, struct page_pool_iov_area, num_iovs);
		run.base_virtual = KGET(owner, struct page_pool_iov_area, base_virtual);
		run.binding = KGET(owner, struct page_pool_iov_area, binding);
		return run;
	}

	run.binding = KGET(owner, struct dmabuf_genpool_chunk_owner, binding);
	if (bpf_core_field_exists(chunk->area)) {
		run.iovs = KGET(owner, struct dmabuf_genpool_chunk_owner, area.niovs);
		run.num = KGET(owner, struct dmabuf_genpool_chunk_owner, area.num_niovs);
		run.base_virtual = KGET(owner, struct dmabuf_genpool_chunk_owner,
					area.base_virtual);
		return run;
	}
	run.iovs = KGET(owner, struct dmabuf_genpool_chunk_owner___pre_v615, niovs);
	run.num = KGET(owner, struct dmabuf_genpool_chunk_owner___pre_v615, num_niovs);
	run.base_virtual = KGET(owner, struct dmabuf_genpool_chunk_owner___pre_v615, base_virtual);
	return run;
}

/* The run that iov->owner points into. An area stands in its chunk owner. */
static __always_inline struct devmem_run iov_run(const struct net_iov *iov)
{
	struct dmabuf_genpool_chunk_owner *chunk = NULL;
	const void *owner = iov_owner(iov);

	if (bpf_core_field_exists(chunk->area))
		owner -= bpf_core_field_offset(chunk->area);
	return owner_run(owner);
}

/* log2 of an iov's size in bytes */
static __always_inline u32
binding_iov_shift(const struct net_devmem_dmabuf_binding *binding)
{
	const struct net_devmem_dmabuf_binding___v700 *new = (const void *)binding;

	if (bpf_core_field_exists(new->niov_shift))
		return KGET(binding, struct net_devmem_dmabuf_binding___v700,
				  niov_shift);
	return host_page_shift;
}

/* An iov's number in its binding; @run is the one that it is in */
static __always_inline u64 iov_index(const struct net_iov *iov,
				     const struct devmem_run *run)
{
	u64 before = ((u64)iov - (u64)untyped(run->iovs)) / iov_struct_size();

	return before + (run->base_virtual >> binding_iov_shift(run->binding));
}

static __always_inline enum devmem_kind
binding_kind(const struct net_devmem_dmabuf_binding *binding)
{
	const struct net_devmem_dmabuf_binding___sends *new = (const void *)binding;

	if (!bpf_core_field_exists(new->tx_vec))
		return KIND_RX;
	return KGET(binding, struct net_devmem_dmabuf_binding___sends, tx_vec) ?
	       KIND_TX : KIND_RX;
}

static __always_inline int
binding_ifindex(const struct net_devmem_dmabuf_binding *binding)
{
	const struct net_devmem_dmabuf_binding___ppdevmem *ours = (const void *)binding;

	if (bpf_core_field_exists(ours->ifindex))
		return KGET(binding, struct net_devmem_dmabuf_binding___ppdevmem,
				  ifindex);
	return BPF_CORE_READ(binding, dev, ifindex);
}

/* What __net_devmem_dmabuf_binding_free() gets: the binding, or its work item */
static __always_inline const struct net_devmem_dmabuf_binding *
binding_to_free(const void *arg)
{
	const struct net_devmem_dmabuf_binding___v616 *new = NULL;

	if (bpf_core_field_exists(new->unbind_w))
		arg -= bpf_core_field_offset(new->unbind_w);
	return arg;
}

static __always_inline bool can_zcrx(void)
{
	return bpf_core_type_exists(struct io_zcrx_ifq);
}

static __always_inline u32 ifq_num_areas(const struct io_zcrx_ifq *ifq)
{
	if (bpf_core_field_exists(ifq->areas))
		return BPF_CORE_READ(ifq, nr_areas);
	return 1;
}

static __always_inline const struct io_zcrx_area *
ifq_area(const struct io_zcrx_ifq *ifq, u32 nr)
{
	const struct io_zcrx_ifq___one_area *old = (const void *)ifq;
	const struct io_zcrx_area *area = NULL;

	if (!bpf_core_field_exists(ifq->areas))
		return nr ? NULL : BPF_CORE_READ(old, area);
	if (nr < ifq_num_areas(ifq))
		bpf_probe_read_kernel(&area, sizeof(area),
				      &BPF_CORE_READ(ifq, areas)[nr]);
	return area;
}

static __always_inline u32 ifq_iov_shift(const struct io_zcrx_ifq *ifq)
{
	const struct io_zcrx_ifq___v700 *new = (const void *)ifq;

	if (bpf_core_field_exists(new->niov_shift))
		return BPF_CORE_READ(new, niov_shift);
	return host_page_shift;
}

static __always_inline u32 ring_num_files(const struct io_ring_ctx *ring)
{
	const struct io_ring_ctx___pre_v613 *old = (const void *)ring;

	if (bpf_core_field_exists(ring->file_table.data))
		return BPF_CORE_READ(ring, file_table.data.nr);
	return BPF_CORE_READ(old, nr_user_files);
}

/* Flags stand in the lowest bits */
static __always_inline const struct file *ring_file(const struct io_ring_ctx *ring, u32 nr)
{
	const struct io_ring_ctx___pre_v613 *old = (const void *)ring;
	const struct io_rsrc_node *node = NULL;
	unsigned long ptr = 0;

	if (bpf_core_field_exists(ring->file_table.data)) {
		bpf_probe_read_kernel(&node, sizeof(node),
				      &BPF_CORE_READ(ring, file_table.data.nodes)[nr]);
		ptr = node ? BPF_CORE_READ(node, file_ptr) : 0;
	} else {
		bpf_probe_read_kernel(&ptr, sizeof(ptr), BPF_CORE_READ(old, file_table.files) + nr);
	}
	return (const void *)(ptr & ~7UL);
}

/* A queue's number. Mainline 6.12 keys bound_rxqs by a number of its own. */
static __always_inline u32 rxq_index(const struct netdev_rx_queue *rxq)
{
	u64 first = (u64)BPF_CORE_READ(rxq, dev, _rx);

	return ((u64)rxq - first) / bpf_core_type_size(struct netdev_rx_queue);
}

#endif /* DEVMEM_LAYOUT_BPF_H */
