/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_DMABUF_H
#define DEVMEMCAT_DMABUF_H

#include <stddef.h>

struct dmabuf {
	int fd;
	size_t size;
	char *map;	/* the whole buffer, for the CPU; NULL if not mapped */
};

/*
 * Make a dma-buf of @size bytes. @kind is "udmabuf" (memory of this process,
 * needs no hardware), "heap" or "heap:NAME" (/dev/dma_heap/NAME, "system" by
 * default), or "fd:N" (an inherited file descriptor, whose size is its own).
 * Returns 0, or -1 after saying what is wrong.
 */
int dmabuf_create(struct dmabuf *buf, const char *kind, size_t size);

/* Map it for the CPU; @prot is as for mmap(). Returns 0, or -1 after saying what is wrong. */
int dmabuf_map(struct dmabuf *buf, int prot);

/* Bracket each look of the CPU at memory that the device wrote. */
int dmabuf_begin_read(const struct dmabuf *buf);
int dmabuf_end_read(const struct dmabuf *buf);

/* And each write to what the device reads. */
int dmabuf_begin_write(const struct dmabuf *buf);
int dmabuf_end_write(const struct dmabuf *buf);

void dmabuf_destroy(struct dmabuf *buf);

#endif
