// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Run a command with a large dma-buf as its file descriptor 3 that is the same
 * small piece of memory over and over: for more iovs than there is memory for.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define EXIT_NO_COMMAND 127
#define BUFFER_FD 3
#define PIECES 1024	/* udmabuf's list_limit */
#define SIZE_LIMIT "/sys/module/udmabuf/parameters/size_limit_mb"

/* Set the limit; return what it was. */
static unsigned long allow(unsigned long mib)
{
	FILE *file = fopen(SIZE_LIMIT, "r+");
	unsigned long before;

	if (!file || fscanf(file, "%lu", &before) != 1)
		err(EXIT_FAILURE, "cannot read %s", SIZE_LIMIT);
	rewind(file);
	if (fprintf(file, "%lu", mib) < 0 || fclose(file))
		err(EXIT_FAILURE, "cannot set %s to %lu", SIZE_LIMIT, mib);
	return before;
}

/* A memfd as udmabuf wants it. */
static int piece_of_memory(size_t size)
{
	int fd = memfd_create("repeatbuf", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, size) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		err(EXIT_FAILURE, "memfd of %zu bytes", size);
	return fd;
}

static int open_udmabuf(int memfd, size_t size)
{
	size_t bytes = sizeof(struct udmabuf_create_list) +
		       PIECES * sizeof(struct udmabuf_create_item);
	struct udmabuf_create_list *list = calloc(1, bytes);
	int dev, fd, i;

	dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (!list || dev < 0)
		err(EXIT_FAILURE, "/dev/udmabuf");
	list->count = PIECES;
	for (i = 0; i < PIECES; i++) {
		list->list[i].memfd = memfd;
		list->list[i].size = size;
	}
	fd = ioctl(dev, UDMABUF_CREATE_LIST, list);
	if (fd < 0)
		err(EXIT_FAILURE, "udmabuf of %d times %zu bytes", PIECES, size);
	free(list);
	close(dev);
	return fd;
}

int main(int argc, char **argv)
{
	unsigned long mib, limit;
	size_t size;
	char *end;
	int fd;

	if (argc < 4 || strcmp(argv[2], "--")) {
		fprintf(stderr, "usage: repeatbuf MIB -- COMMAND [ARG...]\n");
		return EXIT_USAGE;
	}
	mib = strtoul(argv[1], &end, 10);
	if (*end || mib < 4 || mib % 4)
		errx(EXIT_USAGE, "'%s' is not a multiple of 4 MiB", argv[1]);
	size = (mib << 20) / PIECES;
	limit = allow(mib);
	fd = open_udmabuf(piece_of_memory(size), size);
	allow(limit);
	/* When it is 3 already, dup2() would leave it to be closed by exec. */
	if (fd == BUFFER_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, BUFFER_FD) < 0)
		err(EXIT_FAILURE, "file descriptor %d", BUFFER_FD);
	execvp(argv[3], argv + 3);
	err(EXIT_NO_COMMAND, "%s", argv[3]);
}
