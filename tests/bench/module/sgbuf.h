/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef SGBUF_H
#define SGBUF_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define SGBUF_DEVICE "/dev/sgbuf"

/**
 * struct sgbuf_segment - one entry of the scatterlist a device is given
 * @addr: its DMA address, any number
 * @len: its length in bytes, not zero
 */
struct sgbuf_segment {
	__u64 addr;
	__u32 len;
	__u32 reserved;
};

/**
 * struct sgbuf_create - make a dma-buf that consists of addresses only
 * @segments: user pointer to an array of &struct sgbuf_segment
 * @count: how many
 * @reserved: zero
 */
struct sgbuf_create {
	__u64 segments;
	__u32 count;
	__u32 reserved;
};

/* Returns the file descriptor of a dma-buf as large as all its segments */
#define SGBUF_CREATE _IOW('S', 0xb0, struct sgbuf_create)

#endif
