/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVMEMLEAK_H
#define DEVMEMLEAK_H

#include <linux/types.h>

#include "events/held.h"

#define STACK_DEPTH	127

/* The last time that a token was handed out */
struct leak_get {
	__u64 ts;
	__s32 stack;		/* negative: none */
	__u32 unused;
};

struct leak_slot {
	struct held_key key;
	struct leak_get get;
};

#endif /* DEVMEMLEAK_H */
