/* SPDX-License-Identifier: GPL-2.0 */
/* Where held.bpf.h keeps what is out; shared with user space */
#ifndef DEVMEM_HELD_H
#define DEVMEM_HELD_H

#include <linux/types.h>

#define HELD_SLOTS	65536			/* a power of two */
#define HELD_MORE	(2 * 1024 * 1024)

struct held_key {
	__u64 who;		/* a socket's address, or HELD_BY_POOL */
	__u64 what;		/* a token's number, or an iov's address */
};

#define HELD_BY_POOL	2

/* The tokens of a socket are numbers close to each other, and so are iovs: none of
 * one holder gets into the way of another until there are very many.
 */
static inline __u32 held_index(const struct held_key *key)
{
	__u64 what = key->who == HELD_BY_POOL ? key->what >> 6 : key->what;

	return ((key->who * 0x9e3779b97f4a7c15ULL >> 48) + what) % HELD_SLOTS;
}

/* For qsort() and bsearch() */
static inline int held_cmp(const void *a, const void *b)
{
	const struct held_key *l = a, *r = b;

	return (l->who > r->who) - (l->who < r->who) ?: (l->what > r->what) - (l->what < r->what);
}

#endif /* DEVMEM_HELD_H */
