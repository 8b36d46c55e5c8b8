// SPDX-License-Identifier: GPL-2.0-or-later
/* What all tools do with bindings and their holders: choose, and show them */

#include <stdio.h>
#include <string.h>

#include "diag.h"
#include "holders.h"
#include "json.h"
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

bool device_known(const struct inventory *inv, const struct args *args)
{
	const struct inv_binding *binding;

	if (!args->ifname || args->ifindex)
		return true;
	vec_for_each(binding, &inv->bindings)
		if (!strcmp(binding->k.ifname, args->ifname))
			return true;
	diag("-i: there is no device '%s' in this network namespace, and no binding of one in another",
	     args->ifname);
	return false;
}

static const char *const how_names[] = {
	[HOW_FD] = "fd",
	[HOW_IN_FLIGHT] = "in_flight",
	[HOW_REGISTERED] = "registered",
	[HOW_UNACCEPTED] = "unaccepted",
};

static const char *const how_texts[] = {
	[HOW_FD] = "",
	[HOW_IN_FLIGHT] = "in flight in a unix socket of ",
	[HOW_REGISTERED] = "registered with io_uring of ",
	[HOW_UNACCEPTED] = "not accepted yet, listener of ",
};

void holder_json(const struct inv_holder *holder)
{
	const struct rec_file *sock = &holder->sock;
	const struct inv_task *task;

	json_string("holder", holder->ring ? "ring" : "socket");
	json_num("cookie", sock->cookie ?: REC_UNKNOWN);
	if (holder->ring) {
		json_null("local");
		json_null("remote");
	} else {
		json_addr("local", sock->family, sock->local_addr, sock->local_port);
		json_addr("remote", sock->family, sock->remote_addr, sock->remote_port);
	}
	json_begin_array("tasks");
	vec_for_each(task, &holder->tasks) {
		json_begin_object(NULL);
		json_num("pid", task->pid);
		json_string("comm", task->comm);
		json_num("fd", task->fd);
		json_string("how", how_names[task->how]);
		json_end_object();
	}
	json_end_array();
}

static void print_addresses(const struct rec_file *sock)
{
	char local[OUT_ADDR_LEN], remote[OUT_ADDR_LEN];

	printf("%s <- %s",
	       out_addr(local, sock->family, sock->local_addr, sock->local_port),
	       out_addr(remote, sock->family, sock->remote_addr, sock->remote_port));
}

void holder_print(const struct inv_holder *holder)
{
	const char *before = ", ";
	const struct inv_task *task;
	char comm[OUT_NAME_LEN];

	if (holder->ring)
		before = "io_uring of ";
	else
		print_addresses(&holder->sock);
	vec_for_each(task, &holder->tasks) {
		printf("%s%s%s[%u] fd %u", before, how_texts[task->how],
		       out_name(comm, task->comm), task->pid, task->fd);
		before = ", ";
	}
	if (!holder->tasks.num)
		printf("%sheld by nobody that can be reached", holder->ring ? "" : before);
}
