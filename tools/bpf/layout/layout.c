// SPDX-License-Identifier: GPL-2.0-or-later
/* What BPF programs cannot find out by looking at types */

#include <string.h>
#include <unistd.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "layout.h"

/* A page is as large for a process as for the kernel */
static __u32 page_shift(void)
{
	return __builtin_ctzl(sysconf(_SC_PAGESIZE));
}

/* Where a constant of the programs is; NULL if none of them uses it */
static __u32 *find_constant(struct bpf_object *obj, const char *name)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	const struct btf *btf = bpf_object__btf(obj);
	int i, id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *section;
	size_t size;
	char *data;

	if (!map || id < 0)
		return NULL;
	data = bpf_map__initial_value(map, &size);
	section = btf__type_by_id(btf, id);
	for (i = 0; data && i < btf_vlen(section); i++) {
		const struct btf_var_secinfo *var = &btf_var_secinfos(section)[i];
		const struct btf_type *type = btf__type_by_id(btf, var->type);

		if (!strcmp(btf__name_by_offset(btf, type->name_off), name))
			return (__u32 *)(data + var->offset);
	}
	return NULL;
}

void layout_set_host(struct bpf_object *obj)
{
	__u32 *shift = find_constant(obj, "host_page_shift");

	if (shift)
		*shift = page_shift();
}
