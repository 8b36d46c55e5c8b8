/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of the ways in which kernels lay out device memory, told apart by the
 * types that their BTF has. Shared by BPF programs and user space.
 */
#ifndef DEVMEM_LAYOUT_H
#define DEVMEM_LAYOUT_H

enum devmem_layout {
	LAYOUT_NONE,		/* the kernel has no device memory */
	LAYOUT_CHUNK_OWNER,	/* Linux 6.12: struct net_iov, chunk owner */
	LAYOUT_AREA,		/* Linux 6.15: struct net_iov_area */
	LAYOUT_DESC,		/* Linux 6.17: struct netmem_desc in net_iov */
	LAYOUT_PPDEVMEM,	/* struct page_pool_iov */
};

/* As enum page_pool_iov_state of the kernel */
enum devmem_iov_state {
	IOV_FREE,
	IOV_POOL,
	IOV_USER,
	IOV_UNKNOWN,		/* the kernel does not say */
};

/* What carries the tag of what is not a page */
enum devmem_kind {
	KIND_RX,		/* a dma-buf that is received into */
	KIND_TX,		/* a dma-buf that is sent from */
	KIND_IO_URING,		/* an area of an io_uring's interface queue */
	KIND_NUM
};

struct bpf_object;

/* Tells the programs of @obj, which is not loaded yet, what they cannot find out by
 * looking at types.
 */
void layout_set_host(struct bpf_object *obj);

#define PP_DEVMEM	1UL	/* set in a frag's pointer that is not a page */

#endif /* DEVMEM_LAYOUT_H */
