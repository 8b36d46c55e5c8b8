/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_ZRING_H
#define DEVMEMCAT_ZRING_H

#include <liburing.h>
#include <stdbool.h>

#include "devmemcat.h"

/* An io_uring with an interface queue: a receive queue whose buffers are an area of ours. */
struct zring {
	struct io_uring ring;
	char *area;
	size_t size;
	uint64_t area_token;	/* what says "in this area" in an offset */
	uint32_t id;		/* of the interface queue, in the ring */

	/* the refill queue, by which buffers go back */
	void *refill;
	size_t refill_size;
	unsigned int *head, *tail;
	struct zring_buf *bufs;
	unsigned int entries;
};

/* A part of the area, as a receive gave it and as it goes back. */
struct zring_buf {
	uint64_t offset;
	uint32_t len;
	uint32_t pad;
};

/*
 * Make the ring and take the queue over, as @opt says. Returns 0, or -1 after
 * telling the user what is wrong and what to do about it.
 */
int zring_open(struct zring *z, const struct options *opt);
void zring_close(struct zring *z);

/* Receive on @fd until its end; completions carry @number. Returns 0 or -1 after saying why not. */
int zring_receive(struct zring *z, int fd, unsigned int number);

/* What the completion @cqe brought. */
struct zring_buf zring_buf(const struct zring *z, const struct io_uring_cqe *cqe);

/* Give @buf back. False if the refill queue is full: try again later. */
bool zring_give(struct zring *z, const struct zring_buf *buf);

#endif
