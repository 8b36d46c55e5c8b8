/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of numbers, zero not among them */
#ifndef DEVMEM_SET_H
#define DEVMEM_SET_H

#include <err.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdlib.h>

/* All zero is an empty one */
struct set {
	__u64 *at;
	size_t num;
	size_t room;		/* a power of two */
};

static inline __u64 *set_slot(const struct set *set, __u64 value)
{
	size_t i = value * 0x9e3779b97f4a7c15ULL >> 32;

	while (set->at[i & (set->room - 1)] && set->at[i & (set->room - 1)] != value)
		i++;
	return &set->at[i & (set->room - 1)];
}

static inline void set_grow(struct set *set)
{
	struct set old = *set;
	size_t i;

	set->room = old.room ? old.room * 2 : 64;
	set->at = calloc(set->room, sizeof(*set->at));
	if (!set->at)
		err(1, "no memory for %zu numbers", set->room);
	for (i = 0; i < old.room; i++)
		if (old.at[i])
			*set_slot(set, old.at[i]) = old.at[i];
	free(old.at);
}

/* False if it was there already */
static inline bool set_add(struct set *set, __u64 value)
{
	__u64 *slot;

	if (set->num * 2 >= set->room)
		set_grow(set);
	slot = set_slot(set, value);
	if (*slot)
		return false;
	*slot = value;
	set->num++;
	return true;
}

static inline void set_free(struct set *set)
{
	free(set->at);
	*set = (struct set){};
}

#endif /* DEVMEM_SET_H */
