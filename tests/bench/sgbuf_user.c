// SPDX-License-Identifier: GPL-2.0-or-later
#include "sgbuf_user.h"

#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

int sgbuf_open(const struct sgbuf_segment *segments, unsigned int count)
{
	struct sgbuf_create create = { .segments = (uintptr_t)segments, .count = count };
	int dev, fd;

	dev = open(SGBUF_DEVICE, O_RDWR | O_CLOEXEC);
	if (dev < 0) {
		warn(SGBUF_DEVICE ": is the sgbuf module of tests/bench/module loaded?");
		return -1;
	}
	fd = ioctl(dev, SGBUF_CREATE, &create);
	if (fd < 0)
		warn("cannot make a dma-buf of %u segments", count);
	close(dev);
	return fd;
}
