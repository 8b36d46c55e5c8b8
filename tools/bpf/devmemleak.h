/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVMEMLEAK_H
#define DEVMEMLEAK_H

#include <linux/types.h>

#define STACK_DEPTH	127

/* A token that is out */
struct leak_key {
	__u64 sk;
	__u64 token;
};

struct leak_get {
	__u64 ts;		/* of its hand-out, or since when it is seen to be out */
	__s32 stack;		/* negative: none */
	__u32 before;		/* it was handed out before we watched */
};

#endif /* DEVMEMLEAK_H */
