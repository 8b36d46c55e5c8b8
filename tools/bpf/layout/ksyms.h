/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names for addresses in the kernel, out of /proc/kallsyms and BTF */
#ifndef DEVMEM_KSYMS_H
#define DEVMEM_KSYMS_H

#include <linux/types.h>

struct btf;

/* The kernel's BTF, read once; diag_check_kernel() has seen that it is there */
const struct btf *ksyms_btf(void);

/* "function+0x12" in @buf, or the bare address */
const char *ksyms_name(char *buf, size_t len, __u64 addr);

#define KSYMS_STACK_DEPTH	127

/* Reads a stack out of a stack map, without the frames of tracing itself.
 * Returns how many addresses there are.
 */
int ksyms_stack(int map_fd, __s64 id, __u64 addrs[KSYMS_STACK_DEPTH]);

/* What the kernel calls a reason to drop an skb, or its number */
const char *ksyms_drop_reason(char *buf, size_t len, __u32 reason);

#endif /* DEVMEM_KSYMS_H */
