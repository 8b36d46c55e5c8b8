/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which process has what open, and what is behind that */
#ifndef DEVMEM_FOUND_H
#define DEVMEM_FOUND_H

#include "records.h"
#include "vec.h"

/* How a process has a socket, the most direct way first */
enum inv_how {
	HOW_FD,			/* open as this descriptor */
	HOW_IN_FLIGHT,		/* sent over a unix socket that it has, and not received */
	HOW_REGISTERED,		/* a fixed file of an io_uring that it has */
	HOW_UNACCEPTED,		/* a connection of a listener that it has */
};

struct inv_task {
	unsigned int pid;
	unsigned int fd;	/* or that of what the socket is behind */
	enum inv_how how;
	char comm[16];
};

DEFINE_VEC(inv_tasks, struct inv_task);
DEFINE_VEC(rec_files, struct rec_file);

/* @content is behind @container */
struct found_link {
	__u64 content;
	__u64 container;
	enum inv_how how;
};

DEFINE_VEC(found_links, struct found_link);

/* All zero when nothing was found */
struct found {
	struct rec_files opens;		/* by processes */
	struct found_links links;
};

void found_link(struct found *found, __u64 content, const struct rec_file *container);

/* When all was found, and before any is asked for */
void found_sort(struct found *found);

/* Adds who has @content, a socket or a ring, each process once: by the way that is the
 * most direct, and by pid
 */
void found_tasks(const struct found *found, __u64 content, struct inv_tasks *tasks);

void found_free(struct found *found);

#endif /* DEVMEM_FOUND_H */
