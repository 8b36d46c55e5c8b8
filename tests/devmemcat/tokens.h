/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_TOKENS_H
#define DEVMEMCAT_TOKENS_H

#include <stdint.h>

#include "uapi.h"

/* Tokens of one socket on their way back to the kernel. */
struct token_batch {
	int fd;
	struct dmabuf_token range[DONTNEED_MAX_RANGES];
	unsigned int ranges;
	unsigned int tokens;
	unsigned long long returned;	/* over the life of the batch */
};

/*
 * Add one token; flushes first if the kernel would not take more at once.
 * Both return 0, or -1 after saying what is wrong.
 */
int tokens_add(struct token_batch *batch, uint32_t token);
int tokens_flush(struct token_batch *batch);

#endif
