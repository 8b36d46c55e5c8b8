/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is out now: by who has it and what it is, a value that the tool calls
 * HELD_VALUE, a struct. Nearly all of it has a slot of an array to itself, which
 * costs a few loads where a hash map costs hundreds of instructions; what finds
 * its slot taken is in a hash map. An entry is in one of the two.
 */
#ifndef DEVMEM_HELD_BPF_H
#define DEVMEM_HELD_BPF_H

#include "held.h"
#include "kernel.h"

#define HELD_BUSY	1	/* for whom no slot is: somebody is writing it */

struct held_slot {
	struct held_key key;
	HELD_VALUE value;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HELD_SLOTS);
	__type(key, u32);
	__type(value, struct held_slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, HELD_MORE);
	__type(key, struct held_key);
	__type(value, HELD_VALUE);
} more SEC(".maps");

bool held_more;		/* there was once something in the hash map */

static __always_inline struct held_slot *held_find(const struct held_key *key)
{
	u32 index = held_index(key);

	return bpf_map_lookup_elem(&slots, &index);
}

static __always_inline bool is_held(const struct held_slot *slot, const struct held_key *key)
{
	return slot->key.who == key->who && slot->key.what == key->what;
}

/* What was written to the slot is seen before whose it is, and what was read of it was read
 * before it is free: an exchange is a full barrier, also where stores are not in order.
 */
static __always_inline void held_hand_over(struct held_slot *slot, u64 who)
{
	__sync_lock_test_and_set(&slot->key.who, who);
}

/* Whether the slot is ours to write now: it was free, or has what @key names */
static __always_inline bool held_claim(struct held_slot *slot, const struct held_key *key)
{
	u64 who = slot->key.who;

	if (who && !is_held(slot, key))
		return false;
	if (__sync_val_compare_and_swap(&slot->key.who, who, HELD_BUSY) != who)
		return false;
	if (!who || slot->key.what == key->what)
		return true;
	held_hand_over(slot, who);
	return false;
}

/* False if there is no room; what was there for @key is gone then */
static __always_inline bool held_put(const struct held_key *key, const HELD_VALUE *value)
{
	struct held_slot *slot = held_find(key);

	if (slot && held_claim(slot, key)) {
		slot->key.what = key->what;
		slot->value = *value;
		held_hand_over(slot, key->who);
		if (held_more)
			bpf_map_delete_elem(&more, key);
		return true;
	}
	held_more = true;
	if (!bpf_map_update_elem(&more, key, value, BPF_ANY))
		return true;
	bpf_map_delete_elem(&more, key);
	return false;
}

/* Takes out what is held by @key since @before or longer, if that is not 0 */
static __always_inline bool held_take(const struct held_key *key, u64 before,
				      HELD_VALUE *value)
{
	struct held_slot *slot = held_find(key);
	const HELD_VALUE *found;

	if (slot && is_held(slot, key)) {
		if (before && slot->value.ts > before)
			return false;
		if (!held_claim(slot, key))
			return false;
		*value = slot->value;
		held_hand_over(slot, 0);
		return true;
	}
	if (!held_more)
		return false;
	found = bpf_map_lookup_elem(&more, key);
	if (!found || (before && found->ts > before))
		return false;
	*value = *found;
	return !bpf_map_delete_elem(&more, key);
}

#endif /* DEVMEM_HELD_BPF_H */
