/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVMEMLEAK_H
#define DEVMEMLEAK_H

#include <linux/types.h>

#define STACK_DEPTH	127

/* A token that was handed out while we watched */
struct leak_key {
	__u64 sk;
	__u64 token;
};

struct leak_get {
	__u64 ts;
	__s64 stack;		/* negative: none */
};

#endif /* DEVMEMLEAK_H */
