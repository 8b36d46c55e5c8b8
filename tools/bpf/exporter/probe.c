// SPDX-License-Identifier: GPL-2.0-or-later
/* Loads and attaches the exporter's programs, and reads what they counted */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>

#include "attach.h"
#include "devmem_exporter.skel.h"
#include "diag.h"
#include "probe.h"
#include "stream.h"

unsigned int probe_wanted(const struct probe *probe)
{
	unsigned int events = EV_BIT(EV_BIND) | EV_BIT(EV_UNBIND) |
			      EV_BIT(EV_BINDING_FREE) | EV_BIT(EV_TOKEN_GET) |
			      EV_BIT(EV_TOKEN_PUT) | EV_BIT(EV_TOKEN_CLOSE) |
			      EV_BIT(EV_DROP);

	if (!probe_kernel_counts(probe))
		events |= EV_BIT(EV_ALLOC) | EV_BIT(EV_RELEASE) | EV_BIT(EV_EXHAUSTED);
	return events;
}

static int attach_programs(struct probe *probe)
{
	struct devmem_exporter_bpf *skel;
	int err;

	skel = devmem_exporter_bpf__open();
	if (!skel) {
		diag("cannot open the BPF programs: %s", strerror(errno));
		return -errno;
	}
	probe->skel = skel;
	skel->rodata->kernel_keeps_since = probe_kernel_counts(probe);
	probe->events = attach_plan(skel->obj, probe_wanted(probe));
	err = attach_start(skel->skeleton, probe->events, 0);
	probe->attached_ns = stream_now_ns();
	return err;
}

/* The first reading also finds where things are, for which it takes CAP_SYSLOG */
static int find_layout(struct probe *probe, struct inventory_bpf *skel)
{
	struct inventory *inv = inventory_read(skel, 0);

	if (!inv)
		return -EINVAL;
	probe->layout = inv->layout;
	inventory_free(inv);
	return 0;
}

int probe_open(struct probe *probe, bool attach)
{
	int num_cpus = libbpf_num_possible_cpus();

	if (num_cpus < 0) {
		diag("cannot find out how many CPUs there are: %s", strerror(-num_cpus));
		return num_cpus;
	}
	probe->num_cpus = num_cpus;
	probe->listing = inventory_open();
	if (!probe->listing)
		return -EINVAL;
	probe->walking = inventory_open();
	if (!probe->walking)
		return -EINVAL;
	if (find_layout(probe, probe->listing) || find_layout(probe, probe->walking))
		return -EINVAL;
	diag_v("layout %s", layout_name(probe->layout));
	return attach ? attach_programs(probe) : 0;
}

void probe_close(struct probe *probe)
{
	devmem_exporter_bpf__destroy(probe->skel);
	if (probe->walking)
		inventory_close(probe->walking);
	if (probe->listing)
		inventory_close(probe->listing);
}

const char *probe_way(const struct probe *probe, enum devmem_event event)
{
	return probe_sees(probe, event) ? attach_way(probe->skel->obj, event) : NULL;
}

static void add_counts(struct exp_counts *sum, const struct exp_counts *counts)
{
	const __u64 *from = (const __u64 *)counts;
	__u64 *to = (__u64 *)sum;
	size_t i;

	for (i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

void probe_counts(const struct probe *probe, __u32 binding, struct exp_counts *sum)
{
	struct exp_counts counts[probe->num_cpus];
	unsigned int cpu;

	memset(sum, 0, sizeof(*sum));
	if (bpf_map_lookup_elem(bpf_map__fd(probe->skel->maps.counts), &binding, counts))
		return;
	for (cpu = 0; cpu < probe->num_cpus; cpu++)
		add_counts(sum, &counts[cpu]);
}

void probe_known(const struct probe *probe, struct vec_u32 *ids)
{
	int fd = bpf_map__fd(probe->skel->maps.counts);
	__u32 key, *prev = NULL;

	while (ids->num < MAX_BINDINGS && !bpf_map_get_next_key(fd, prev, &key)) {
		*vec_add(ids) = key;
		prev = &key;
	}
}

static bool is_listed(const struct inventory *inv, __u32 id)
{
	const struct inv_binding *binding;

	vec_for_each(binding, &inv->bindings)
		if (binding->k.id == id)
			return true;
	return false;
}

void probe_forget(const struct probe *probe, const struct vec_u32 *ids,
		  const struct inventory *inv)
{
	const __u32 *id;

	vec_for_each(id, ids)
		if (!is_listed(inv, *id))
			bpf_map_delete_elem(bpf_map__fd(probe->skel->maps.counts), id);
}

__u64 probe_handout(const struct probe *probe, __u64 sk, __u64 token)
{
	struct exp_token key = { .sk = sk, .token = token };
	struct exp_handout handout;

	if (bpf_map_lookup_elem(bpf_map__fd(probe->skel->maps.handouts), &key, &handout))
		return REC_UNKNOWN;
	return handout.ns;
}

void probe_handed_out_before(const struct probe *probe, __u64 sk, __u64 token)
{
	struct exp_token key = { .sk = sk, .token = token };
	struct exp_handout handout = { .ns = probe->attached_ns, .before = 1 };

	bpf_map_update_elem(bpf_map__fd(probe->skel->maps.handouts), &key, &handout,
			    BPF_NOEXIST);
}

void probe_read_drops(const struct probe *probe, struct probe_drops *drops)
{
	int fd = bpf_map__fd(probe->skel->maps.drops);
	__u32 key, *prev = NULL;
	__u64 num;

	while (drops->num < MAX_REASONS && !bpf_map_get_next_key(fd, prev, &key)) {
		if (!bpf_map_lookup_elem(fd, &key, &num))
			*vec_add(drops) = (struct probe_drop){ .reason = key, .num = num };
		prev = &key;
	}
}

void probe_read_totals(const struct probe *probe, struct probe_totals *totals)
{
	const struct devmem_exporter_bpf *skel = probe->skel;

	totals->binds = skel->bss->binds;
	totals->unbinds = skel->bss->unbinds;
	totals->frees = skel->bss->frees;
	totals->no_room = skel->bss->lost;
	totals->missed = attach_missed(skel->obj);
}
