// SPDX-License-Identifier: GPL-2.0-or-later
#include "zring.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Zero-copy receive came with Linux 6.15, after the headers and the liburing that this is built
 * with. These are its numbers and structures, of include/uapi/linux/io_uring.h and, since 7.0,
 * io_uring/zcrx.h.
 */
#define ZCRX_REGISTER_IFQ 32
#define ZCRX_OP_RECV 58
#define ZCRX_OFFSET_MASK ((1ULL << 48) - 1)	/* above it, the area's number */
#define ZCRX_MAX_ENTRIES 32768
#define ZCRX_REGION_OF_USER 1

struct zcrx_region {
	uint64_t user_addr;
	uint64_t size;
	uint32_t flags;
	uint32_t id;
	uint64_t mmap_offset;
	uint64_t reserved[4];
};

struct zcrx_area {
	uint64_t addr;
	uint64_t len;
	uint64_t token;
	uint32_t flags;
	uint32_t dmabuf_fd;
	uint64_t reserved[2];
};

struct zcrx_ifq {
	uint32_t ifindex;
	uint32_t queue;
	uint32_t entries;
	uint32_t flags;
	uint64_t area;
	uint64_t region;
	struct {
		uint32_t head;
		uint32_t tail;
		uint32_t bufs;
		uint32_t reserved2;
		uint64_t reserved[2];
	} offsets;
	uint32_t id;
	uint32_t buf_len;
	uint64_t reserved[3];
};

#define RING_ENTRIES 1024
#define RING_COMPLETIONS 16384

static int explain_ring(int err)
{
	complain("io_uring: %s", strerror(-err));
	if (err == -EPERM)
		complain("it is forbidden: sysctl kernel.io_uring_disabled=0");
	else if (err == -EINVAL)
		complain("use a kernel 6.15 or later with CONFIG_IO_URING_ZCRX");
	return -1;
}

static int open_ring(struct zring *z)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_CQE32 | IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL,
		.cq_entries = RING_COMPLETIONS,
	};
	int err = io_uring_queue_init_params(RING_ENTRIES, &z->ring, &params);

	return err ? explain_ring(err) : 0;
}

static void *map_pages(size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (map != MAP_FAILED)
		return map;
	complain("%zu bytes of memory: %s", size, strerror(errno));
	return NULL;
}

/* Each piece of the area that is received may come back alone: twice as many as there are pages. */
static unsigned int refill_entries(size_t size)
{
	const size_t pages = size / sysconf(_SC_PAGESIZE);
	unsigned int entries = 2;

	while (entries < 2 * pages && entries < ZCRX_MAX_ENTRIES)
		entries *= 2;
	return entries;
}

static int explain_register(const struct options *opt)
{
	const int err = errno;

	complain("cannot take queue %u of %s for io_uring: %s", opt->queues[0], opt->ifname,
		 strerror(err));
	switch (err) {
	case EPERM:
		complain("it needs CAP_NET_ADMIN: run as root");
		break;
	case EINVAL:
		complain("use a kernel 6.15 or later with CONFIG_IO_URING_ZCRX; see that header split is on, all of the payload split (ethtool -G %s tcp-data-split on hds-thresh 0), and the queue there",
			 opt->ifname);
		break;
	case EEXIST:
	case EBUSY:
		complain("the queue is bound already: end its owner or use another");
		break;
	case EOPNOTSUPP:
		complain("the driver of %s has no queue management API: use another device",
			 opt->ifname);
		break;
	}
	return -1;
}

static int register_queue(struct zring *z, const struct options *opt, unsigned int ifindex)
{
	struct zcrx_region region = {
		.user_addr = (uintptr_t)z->refill,
		.size = z->refill_size,
		.flags = ZCRX_REGION_OF_USER,
	};
	struct zcrx_area area = { .addr = (uintptr_t)z->area, .len = z->size };
	struct zcrx_ifq ifq = {
		.ifindex = ifindex,
		.queue = opt->queues[0],
		.entries = z->entries,
		.area = (uintptr_t)&area,
		.region = (uintptr_t)&region,
	};

	if (syscall(__NR_io_uring_register, z->ring.ring_fd, ZCRX_REGISTER_IFQ, &ifq, 1))
		return explain_register(opt);
	z->id = ifq.id;
	z->area_token = area.token;
	z->head = z->refill + ifq.offsets.head;
	z->tail = z->refill + ifq.offsets.tail;
	z->bufs = z->refill + ifq.offsets.bufs;
	z->entries = ifq.entries;
	return 0;
}

static int open_queue(struct zring *z, const struct options *opt)
{
	unsigned int ifindex = if_nametoindex(opt->ifname);

	if (!ifindex)
		return complain("no interface %s in this network namespace: see ip link",
				opt->ifname);
	z->size = opt->size;
	z->area = map_pages(z->size);
	if (!z->area)
		return -1;
	z->entries = refill_entries(z->size);
	z->refill_size = sysconf(_SC_PAGESIZE) + z->entries * sizeof(struct zring_buf);
	z->refill = map_pages(z->refill_size);
	if (!z->refill)
		goto unmap_area;
	if (!register_queue(z, opt, ifindex))
		return 0;
	munmap(z->refill, z->refill_size);
unmap_area:
	munmap(z->area, z->size);
	return -1;
}

int zring_open(struct zring *z, const struct options *opt)
{
	if (open_ring(z))
		return -1;
	if (!open_queue(z, opt))
		return 0;
	io_uring_queue_exit(&z->ring);
	return -1;
}

void zring_close(struct zring *z)
{
	io_uring_queue_exit(&z->ring);
	munmap(z->refill, z->refill_size);
	munmap(z->area, z->size);
}

int zring_receive(struct zring *z, int fd, unsigned int number)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&z->ring);
	int ret;

	if (!sqe)
		return complain("io_uring: no room for a receive");
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = ZCRX_OP_RECV;
	sqe->fd = fd;
	sqe->ioprio = IORING_RECV_MULTISHOT;
	sqe->file_index = z->id;	/* where zcrx_ifq_idx is now */
	sqe->user_data = number;
	ret = io_uring_submit(&z->ring);
	return ret < 0 ? complain("io_uring: %s", strerror(-ret)) : 0;
}

struct zring_buf zring_buf(const struct zring *z, const struct io_uring_cqe *cqe)
{
	return (struct zring_buf){
		.offset = (cqe->big_cqe[0] & ZCRX_OFFSET_MASK) | z->area_token,
		.len = cqe->res,
	};
}

bool zring_give(struct zring *z, const struct zring_buf *buf)
{
	const unsigned int tail = *z->tail;

	if (tail - io_uring_smp_load_acquire(z->head) == z->entries)
		return false;
	z->bufs[tail & (z->entries - 1)] = *buf;
	io_uring_smp_store_release(z->tail, tail + 1);
	return true;
}
