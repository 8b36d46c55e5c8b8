// SPDX-License-Identifier: GPL-2.0-or-later
/* What all tools do with bindings and their holders: choose, and show them */

#include <stdio.h>
#include <string.h>

#include "holders.h"
#include "output.h"

bool binding_wanted(const struct inv_binding *binding, const struct args *args)
{
	if (args->binding && binding->k.id != args->binding)
		return false;
	return !args->ifname || !strcmp(binding->k.ifname, args->ifname);
}

bool holder_wanted(const struct inv_holder *holder, const struct args *args)
{
	const struct inv_task *task;

	if (!args->pid)
		return true;
	vec_for_each(task, &holder->tasks)
		if (task->pid == args->pid)
			return true;
	return false;
}

void holder_add_json(cJSON *obj, const struct inv_holder *holder)
{
	const struct rec_file *sock = &holder->sock;
	const struct inv_task *task;
	cJSON *tasks;

	out_json_num(obj, "cookie", sock->cookie);
	out_json_addr(obj, "local", sock->family, sock->local_addr, sock->local_port);
	out_json_addr(obj, "remote", sock->family, sock->remote_addr, sock->remote_port);
	tasks = cJSON_AddArrayToObject(obj, "tasks");
	vec_for_each(task, &holder->tasks) {
		cJSON *t = cJSON_CreateObject();

		out_json_num(t, "pid", task->pid);
		cJSON_AddStringToObject(t, "comm", task->comm);
		out_json_num(t, "fd", task->fd);
		cJSON_AddItemToArray(tasks, t);
	}
}

void holder_print(const struct inv_holder *holder)
{
	char local[OUT_ADDR_LEN], remote[OUT_ADDR_LEN];
	const struct rec_file *sock = &holder->sock;
	const struct inv_task *task;

	printf("%s <- %s",
	       out_addr(local, sock->family, sock->local_addr, sock->local_port),
	       out_addr(remote, sock->family, sock->remote_addr, sock->remote_port));
	vec_for_each(task, &holder->tasks)
		printf(", %s[%u] fd %u", task->comm, task->pid, task->fd);
}
