// SPDX-License-Identifier: GPL-2.0-or-later
/* Which process has what open, and what is behind that */

#include <stdbool.h>
#include <string.h>

#include "found.h"
#include "set.h"

static const enum inv_how hows[] = {
	[FILE_LISTENER] = HOW_UNACCEPTED,
	[FILE_UNIX] = HOW_IN_FLIGHT,
	[FILE_UNIX_LISTENER] = HOW_IN_FLIGHT,
	[FILE_RING] = HOW_REGISTERED,
};

static int cmp_u64(__u64 a, __u64 b)
{
	return a < b ? -1 : a > b;
}

static int cmp_opens(const void *a, const void *b)
{
	return cmp_u64(((const struct rec_file *)a)->sk, ((const struct rec_file *)b)->sk);
}

static int cmp_links(const void *a, const void *b)
{
	const struct found_link *l = a, *r = b;

	return cmp_u64(l->content, r->content) ?: cmp_u64(l->container, r->container);
}

static int cmp_tasks(const void *a, const void *b)
{
	const struct inv_task *l = a, *r = b;

	return cmp_u64(l->pid, r->pid) ?: cmp_u64(l->how, r->how) ?: cmp_u64(l->fd, r->fd);
}

void found_link(struct found *found, __u64 content, const struct rec_file *container)
{
	*vec_add(&found->links) = (struct found_link) {
		.content = content,
		.container = container->sk,
		.how = hows[container->type],
	};
}

void found_sort(struct found *found)
{
	vec_sort(&found->opens, cmp_opens);
	vec_sort(&found->links, cmp_links);
}

/* The first element of a sorted vector whose address is not below @addr */
#define first_of(v, member, addr)					\
({									\
	size_t _low = 0, _high = (v)->num;				\
									\
	while (_low < _high) {						\
		size_t _mid = _low + (_high - _low) / 2;		\
									\
		if ((v)->at[_mid].member < (addr))			\
			_low = _mid + 1;				\
		else							\
			_high = _mid;					\
	}								\
	(v)->at + _low;							\
})

static void add_opens(const struct found *found, __u64 addr, enum inv_how how,
		      struct inv_tasks *tasks)
{
	const struct rec_file *file = first_of(&found->opens, sk, addr);

	for (; file < found->opens.at + found->opens.num && file->sk == addr; file++) {
		struct inv_task *task = vec_add(tasks);

		task->pid = file->pid;
		task->fd = file->fd;
		task->how = how;
		memcpy(task->comm, file->comm, sizeof(task->comm));
	}
}

/* A container can be behind another one, and unix sockets even behind each other in a circle:
 * @seen are those that were looked at.
 */
static void add_behind(const struct found *found, __u64 addr, struct set *seen,
		       struct inv_tasks *tasks)
{
	const struct found_link *link = first_of(&found->links, content, addr);

	if (!set_add(seen, addr))
		return;
	for (; link < found->links.at + found->links.num && link->content == addr; link++) {
		add_opens(found, link->container, link->how, tasks);
		add_behind(found, link->container, seen, tasks);
	}
}

/* The first of each process; @tasks is sorted */
static void leave_one_each(struct inv_tasks *tasks)
{
	const struct inv_task *task;
	size_t kept = 0;

	vec_for_each(task, tasks)
		if (!kept || tasks->at[kept - 1].pid != task->pid)
			tasks->at[kept++] = *task;
	tasks->num = kept;
}

void found_tasks(const struct found *found, __u64 content, struct inv_tasks *tasks)
{
	struct set seen = {};

	add_opens(found, content, HOW_FD, tasks);
	add_behind(found, content, &seen, tasks);
	set_free(&seen);
	vec_sort(tasks, cmp_tasks);
	leave_one_each(tasks);
}

void found_free(struct found *found)
{
	vec_free(&found->opens);
	vec_free(&found->links);
}
