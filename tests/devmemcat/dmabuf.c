// SPDX-License-Identifier: GPL-2.0-or-later
#include "dmabuf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devmemcat.h"

#define UDMABUF_DEV "/dev/udmabuf"
#define UDMABUF_LIMIT "/sys/module/udmabuf/parameters/size_limit_mb"
#define HEAP_DIR "/dev/dma_heap"

/* -1 if the module, and so the limit, is not there. */
static long udmabuf_limit_mib(void)
{
	FILE *f = fopen(UDMABUF_LIMIT, "r");
	long limit = -1;

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &limit) != 1)
		limit = -1;
	fclose(f);
	return limit;
}

static int complain_udmabuf(size_t size, int err)
{
	long limit = udmabuf_limit_mib(), page = sysconf(_SC_PAGESIZE);

	if (err == EINVAL && limit >= 0 && size > (size_t)limit << 20)
		return complain("a udmabuf of %zu bytes is beyond the limit of %ld MiB: raise %s",
				size, limit, UDMABUF_LIMIT);
	if (err == EINVAL && size % page)
		return complain("a udmabuf of %zu bytes cannot be: it takes whole pages of %ld bytes",
				size, page);
	return complain("cannot make a udmabuf of %zu bytes: %s", size, strerror(err));
}

/* The memory that the udmabuf is made of; may not shrink under it. */
static int udmabuf_backing(size_t size)
{
	int fd = memfd_create("devmemcat", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	if (fd < 0)
		return complain("memfd_create: %s", strerror(errno));
	if (ftruncate(fd, size) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)) {
		complain("cannot size and seal a memfd of %zu bytes: %s", size, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static int udmabuf_create(size_t size)
{
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = size };
	int dev, memfd, fd;

	dev = open(UDMABUF_DEV, O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return complain("%s: %s: load the udmabuf module (CONFIG_UDMABUF), or use -d heap",
				UDMABUF_DEV, strerror(errno));
	memfd = udmabuf_backing(size);
	if (memfd < 0) {
		close(dev);
		return -1;
	}
	create.memfd = memfd;
	fd = ioctl(dev, UDMABUF_CREATE, &create);
	if (fd < 0)
		complain_udmabuf(size, errno);
	close(memfd);
	close(dev);
	return fd;
}

static int heap_create(const char *name, size_t size)
{
	struct dma_heap_allocation_data data = {
		.len = size,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	char path[256];
	int heap, err;

	snprintf(path, sizeof(path), HEAP_DIR "/%s", name);
	heap = open(path, O_RDONLY | O_CLOEXEC);
	if (heap < 0)
		return complain("%s: %s: it needs CONFIG_DMABUF_HEAPS; " HEAP_DIR " lists what there is",
				path, strerror(errno));
	err = ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data) ? errno : 0;
	close(heap);
	if (err)
		return complain("%s: cannot allocate %zu bytes: %s", path, size, strerror(err));
	return data.fd;
}

/* Returns the number in @text, which is the fd of a dma-buf, or -1. */
static int inherited_fd(const char *text)
{
	char link[64], target[256];
	ssize_t len;
	char *end;
	long fd;

	fd = strtol(text, &end, 10);
	if (end == text || *end || fd < 0 || fd > INT32_MAX)
		return complain("-d fd:%s: not a file descriptor number", text);
	snprintf(link, sizeof(link), "/proc/self/fd/%ld", fd);
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return complain("-d fd:%ld: file descriptor %ld is not open", fd, fd);
	target[len] = '\0';
	if (strncmp(target, "/dmabuf:", strlen("/dmabuf:")))
		return complain("-d fd:%ld: %s is not a dma-buf", fd, target);
	return fd;
}

static int open_kind(const char *kind, size_t size)
{
	if (!strcmp(kind, "udmabuf"))
		return udmabuf_create(size);
	if (!strcmp(kind, "heap"))
		return heap_create("system", size);
	if (!strncmp(kind, "heap:", 5) && kind[5] && !strchr(kind + 5, '/'))
		return heap_create(kind + 5, size);
	if (!strncmp(kind, "fd:", 3))
		return inherited_fd(kind + 3);
	return complain("-d %s: no such memory; there is udmabuf, heap[:NAME] and fd:N", kind);
}

int dmabuf_create(struct dmabuf *buf, const char *kind, size_t size)
{
	off_t end;

	buf->map = NULL;
	buf->fd = open_kind(kind, size);
	if (buf->fd < 0)
		return -1;
	end = lseek(buf->fd, 0, SEEK_END);
	if (end <= 0) {
		complain("cannot tell the size of the dma-buf: %s", strerror(errno));
		close(buf->fd);
		return -1;
	}
	buf->size = end;
	return 0;
}

int dmabuf_map(struct dmabuf *buf, int prot)
{
	void *map = mmap(NULL, buf->size, prot, MAP_SHARED, buf->fd, 0);

	if (map == MAP_FAILED)
		return complain("cannot map the dma-buf for the CPU: %s", strerror(errno));
	buf->map = map;
	return 0;
}

static int dmabuf_sync(const struct dmabuf *buf, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags };
	int ret;

	do {
		ret = ioctl(buf->fd, DMA_BUF_IOCTL_SYNC, &sync);
	} while (ret && (errno == EINTR || errno == EAGAIN));
	return ret ? complain("DMA_BUF_IOCTL_SYNC: %s", strerror(errno)) : 0;
}

int dmabuf_begin_read(const struct dmabuf *buf)
{
	return dmabuf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
}

int dmabuf_end_read(const struct dmabuf *buf)
{
	return dmabuf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
}

int dmabuf_begin_write(const struct dmabuf *buf)
{
	return dmabuf_sync(buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
}

int dmabuf_end_write(const struct dmabuf *buf)
{
	return dmabuf_sync(buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
}

void dmabuf_destroy(struct dmabuf *buf)
{
	if (buf->map)
		munmap(buf->map, buf->size);
	close(buf->fd);
}
