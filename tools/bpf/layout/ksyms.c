// SPDX-License-Identifier: GPL-2.0-or-later
/* Names for addresses in the kernel, out of /proc/kallsyms and BTF */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "diag.h"
#include "ksyms.h"
#include "vec.h"

struct ksym {
	__u64 addr;
	char *name;
};

DEFINE_VEC(ksym_vec, struct ksym);

static struct ksym_vec ksyms;
static bool ksyms_loaded;

const struct btf *ksyms_btf(void)
{
	static struct btf *btf;

	if (!btf)
		btf = btf__load_vmlinux_btf();
	return btf;
}

static int cmp_ksyms(const void *a, const void *b)
{
	const struct ksym *l = a, *r = b;

	return l->addr < r->addr ? -1 : l->addr > r->addr;
}

/* Once, when the first name is asked for. Who may not know addresses reads zeros. */
static void load_ksyms(void)
{
	char name[256], type;
	struct ksym *sym;
	__u64 addr;
	FILE *f;

	ksyms_loaded = true;
	f = fopen("/proc/kallsyms", "r");
	if (!f) {
		diag("places in the kernel are shown as addresses: /proc/kallsyms: %s",
		     strerror(errno));
		return;
	}
	while (fscanf(f, "%llx %c %255s%*[^\n]", &addr, &type, name) == 3) {
		if (!addr || (type != 't' && type != 'T'))
			continue;
		sym = vec_add(&ksyms);
		sym->addr = addr;
		sym->name = strdup(name);
	}
	fclose(f);
	if (!ksyms.num)
		diag("places in the kernel are shown as addresses, because it hides those of its symbols: it takes CAP_SYSLOG, and sysctl kernel.kptr_restrict below 2");
	vec_sort(&ksyms, cmp_ksyms);
}

const char *ksyms_name(char *buf, size_t len, __u64 addr)
{
	size_t low = 0, high;

	if (!ksyms_loaded)
		load_ksyms();

	high = ksyms.num;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ksyms.at[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || !ksyms.at[low - 1].name)
		snprintf(buf, len, "0x%llx", addr);
	else
		snprintf(buf, len, "%s+0x%llx", ksyms.at[low - 1].name,
			 addr - ksyms.at[low - 1].addr);
	return buf;
}

static bool is_tracing(__u64 addr)
{
	static const char *const prefixes[] = {
		"bpf_prog_", "bpf_trace_run", "bpf_trampoline_", "__traceiter_",
		"kprobe_ftrace_handler", "ftrace_", "kretprobe_", "__rethook_",
		"rethook_", "arch_rethook_", "trace_call_bpf", "kprobe_perf_func",
		"kprobe_dispatcher", "kretprobe_dispatcher", "aggr_pre_handler",
	};
	char name[256];
	size_t i;

	ksyms_name(name, sizeof(name), addr);
	for (i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

int ksyms_stack(int map_fd, __s64 id, __u64 addrs[KSYMS_STACK_DEPTH])
{
	__u64 all[KSYMS_STACK_DEPTH] = {};
	__u32 key = id;
	int i = 0, n = 0;

	if (id < 0 || bpf_map_lookup_elem(map_fd, &key, all))
		return 0;
	while (i < KSYMS_STACK_DEPTH && all[i] && is_tracing(all[i]))
		i++;
	while (i < KSYMS_STACK_DEPTH && all[i])
		addrs[n++] = all[i++];
	return n;
}

static const char *find_reason(const struct btf *btf, __u32 reason)
{
	const struct btf_type *type;
	int i, id;

	id = btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM);
	if (id < 0)
		return NULL;
	type = btf__type_by_id(btf, id);
	for (i = 0; i < btf_vlen(type); i++)
		if ((__u32)btf_enum(type)[i].val == reason)
			return btf__name_by_offset(btf, btf_enum(type)[i].name_off);
	return NULL;
}

const char *ksyms_drop_reason(char *buf, size_t len, __u32 reason)
{
	static const char prefix[] = "SKB_DROP_REASON_";
	const char *name = find_reason(ksyms_btf(), reason);

	if (!name)
		snprintf(buf, len, "%u", reason);
	else if (!strncmp(name, prefix, sizeof(prefix) - 1))
		snprintf(buf, len, "%s", name + sizeof(prefix) - 1);
	else
		snprintf(buf, len, "%s", name);
	return buf;
}
