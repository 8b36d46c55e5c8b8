/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walking over an xarray, a step at a time, by reading it from outside.
 *
 * Nothing is locked and every read is checked, so an xarray that changes at
 * the same time gives a mixture of before and after, never a fault. A leaf is
 * read in one go, so a dense xarray costs one read for 64 entries.
 */
#ifndef DEVMEM_XARRAY_BPF_H
#define DEVMEM_XARRAY_BPF_H

#include "kernel.h"

#define XA_SHIFT	6
#define XA_SLOTS	(1 << XA_SHIFT)
#define XA_MAX_DEPTH	11	/* levels of 6 bits in an index of 64 */

struct xa_cursor {
	u64 head;		/* the xarray's root entry */
	u64 next;		/* the first index not looked at yet */
	u64 leaf;		/* the index of @slots[0] */
	u64 slots[XA_SLOTS];
	bool leaf_valid;
	bool done;
};

/* What a step came upon; @entry is 0 if there was nothing */
struct xa_found {
	u64 index;
	u64 entry;
};

static __always_inline bool xa_is_node(u64 entry)
{
	return (entry & 3) == 2 && entry > 4096;
}

/* Internal entries that are no nodes are place holders: nothing to see */
static __always_inline bool xa_is_user(u64 entry)
{
	return entry && (entry & 3) != 2;
}

static __always_inline void xa_start(struct xa_cursor *c,
				     const struct xarray *xa, u64 first)
{
	c->head = (u64)BPF_CORE_READ(xa, xa_head);
	c->next = first;
	c->leaf_valid = false;
	c->done = !c->head;
}

/* Goes down from the root to the leaf that has c->next. Where there is none it
 * moves c->next behind the hole.
 */
static __always_inline void xa_descend(struct xa_cursor *c)
{
	u64 entry = c->head;
	u8 shift = 0;
	int depth;

	for (depth = 0; depth < XA_MAX_DEPTH; depth++) {
		const struct xa_node *node = (void *)(entry - 2);
		u64 offset;

		shift = BPF_CORE_READ(node, shift);
		offset = (c->next >> (shift & 63)) & (XA_SLOTS - 1);
		if (!depth && c->next >> (shift & 63) >= XA_SLOTS) {
			c->done = true;
			return;
		}
		if (!shift) {
			if (bpf_core_read(c->slots, sizeof(c->slots), &node->slots))
				c->done = true;
			c->leaf = c->next & ~(u64)(XA_SLOTS - 1);
			c->leaf_valid = true;
			return;
		}
		entry = 0;
		bpf_probe_read_kernel(&entry, sizeof(entry),
				      (const void *)node +
				      bpf_core_field_offset(node->slots) +
				      offset * sizeof(entry));
		if (!xa_is_node(entry))
			break;
	}

	c->next = ((c->next >> (shift & 63)) + 1) << (shift & 63);
	if (!c->next)
		c->done = true;
}

/* One step: an entry, or closer to one. Call it until c->done. */
static __always_inline struct xa_found xa_step(struct xa_cursor *c)
{
	struct xa_found found = {};
	u64 entry;

	if (!xa_is_node(c->head)) {
		if (!c->next && xa_is_user(c->head))
			found.entry = c->head;
		c->done = true;
		return found;
	}

	if (!c->leaf_valid || c->next - c->leaf >= XA_SLOTS) {
		xa_descend(c);
		return found;
	}

	entry = c->slots[c->next & (XA_SLOTS - 1)];
	if (xa_is_user(entry)) {
		found.index = c->next;
		found.entry = entry;
	}
	if (!++c->next)
		c->done = true;
	return found;
}

#endif /* DEVMEM_XARRAY_BPF_H */
