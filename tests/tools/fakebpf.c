// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For LD_PRELOAD: what a tool is told by bpf(2), where a busy or another host would be needed
 * to get such an answer.
 *
 *	FAKEBPF_MAP=NAME:NUM	the map NAME is made with room for NUM entries; several of
 *				them, separated by commas
 *	FAKEBPF_MISSES=NAME	the program whose name begins with NAME was busy, once
 *				more each time somebody asks
 *	FAKEBPF_PAGE=BYTES	a page is so large for the tool, though not for its libraries
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <linux/bpf.h>

typedef long (*syscall_fn)(long number, ...);

static void shrink_map(union bpf_attr *attr)
{
	const char *want = getenv("FAKEBPF_MAP");
	size_t len = strlen(attr->map_name);

	for (; want; want = strchr(want, ',')) {
		want += *want == ',';
		if (!strncmp(attr->map_name, want, len) && want[len] == ':')
			attr->max_entries = atoi(want + len + 1);
	}
}

static void add_misses(const union bpf_attr *attr)
{
	const char *want = getenv("FAKEBPF_MISSES");
	struct bpf_prog_info *info = (void *)(unsigned long)attr->info.info;
	static unsigned int asked;

	if (want && attr->info.info_len >= sizeof(*info) &&
	    !strncmp(info->name, want, strlen(want)))
		info->recursion_misses += ++asked;
}

long syscall(long number, ...)
{
	syscall_fn real = dlsym(RTLD_NEXT, "syscall");
	long arg[6], ret;
	va_list args;
	int i;

	va_start(args, number);
	for (i = 0; i < 6; i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_bpf && arg[0] == BPF_MAP_CREATE)
		shrink_map((union bpf_attr *)arg[1]);
	ret = real(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	if (!ret && number == SYS_bpf && arg[0] == BPF_OBJ_GET_INFO_BY_FD)
		add_misses((union bpf_attr *)arg[1]);
	return ret;
}

long sysconf(int name)
{
	long (*real)(int name) = dlsym(RTLD_NEXT, "sysconf");
	const char *page = getenv("FAKEBPF_PAGE");
	Dl_info caller;

	if (page && name == _SC_PAGESIZE &&
	    dladdr(__builtin_return_address(0), &caller) &&
	    !strcmp(caller.dli_fname, program_invocation_name))
		return atol(page);
	return real(name);
}
