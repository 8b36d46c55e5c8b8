// SPDX-License-Identifier: GPL-2.0-or-later
#include "tokens.h"

#include <errno.h>
#include <string.h>

#include "devmemcat.h"

int tokens_flush(struct token_batch *batch)
{
	int freed;

	if (!batch->tokens)
		return 0;
	/* Unusual for a setsockopt(): it returns how many tokens it took back. */
	freed = setsockopt(batch->fd, SOL_SOCKET, SO_DEVMEM_DONTNEED, batch->range,
			   batch->ranges * sizeof(batch->range[0]));
	if (freed < 0)
		return complain("SO_DEVMEM_DONTNEED: %s", strerror(errno));
	batch->returned += freed;
	if ((unsigned int)freed != batch->tokens)
		return complain("SO_DEVMEM_DONTNEED took %d of %u tokens", freed, batch->tokens);
	batch->ranges = 0;
	batch->tokens = 0;
	return 0;
}

/* Whether @token continues the last range. */
static bool extends(const struct token_batch *batch, uint32_t token)
{
	const struct dmabuf_token *last;

	if (!batch->ranges)
		return false;
	last = &batch->range[batch->ranges - 1];
	return token == last->token_start + last->token_count;
}

static bool full(const struct token_batch *batch, uint32_t token)
{
	return batch->tokens == DONTNEED_MAX_TOKENS ||
	       (batch->ranges == DONTNEED_MAX_RANGES && !extends(batch, token));
}

int tokens_add(struct token_batch *batch, uint32_t token)
{
	if (full(batch, token) && tokens_flush(batch))
		return -1;
	if (extends(batch, token)) {
		batch->range[batch->ranges - 1].token_count++;
	} else {
		batch->range[batch->ranges].token_start = token;
		batch->range[batch->ranges].token_count = 1;
		batch->ranges++;
	}
	batch->tokens++;
	return 0;
}
