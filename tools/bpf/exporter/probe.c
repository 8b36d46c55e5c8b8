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

/* What is seen without a look at each token, if there is a way */
#define EVENTS_OF_READS	(EV_BIT(EV_TOKEN_GET) | EV_BIT(EV_TOKEN_CLOSE))
#define EVENTS_OF_TOKENS	(EVENTS_OF_READS | EV_BIT(EV_TOKEN_PUT))

unsigned int probe_wanted(const struct probe *probe)
{
	unsigned int events = EV_BIT(EV_BIND) | EV_BIT(EV_UNBIND) |
			      EV_BIT(EV_BINDING_FREE) | EV_BIT(EV_DROP);

	if (!probe_kernel_counts(probe))
		events |= EV_BIT(EV_ALLOC) | EV_BIT(EV_RELEASE) | EV_BIT(EV_EXHAUSTED) |
			  EVENTS_OF_READS;
	if (probe->each_token)
		events |= EVENTS_OF_TOKENS;
	return events;
}

/* Tokens are counted by the read that makes them and by the socket that ends with them;
 * without a way to do that, one by one. A plan leaves out all that it does not name.
 */
static void plan_tokens(struct probe *probe, struct devmem_exporter_bpf *skel)
{
	unsigned int events = probe_wanted(probe);

	probe->events = attach_plan(skel->obj, events & ~EV_BIT(EV_TOKEN_GET));
	if (probe->events & EV_BIT(EV_TOKEN_CLOSE))
		probe->reads = attach_reads(skel->obj);
	if (probe->reads) {
		probe->events |= EV_BIT(EV_TOKEN_GET);
		return;
	}
	probe->each_token = true;
	probe->events = attach_plan(skel->obj, probe_wanted(probe));
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
	if (probe->each_token || probe_kernel_counts(probe))
		probe->events = attach_plan(skel->obj, probe_wanted(probe));
	else
		plan_tokens(probe, skel);
	skel->rodata->each_token = probe->each_token;
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

int probe_open(struct probe *probe, bool attach, bool each_token)
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
	probe->each_token = each_token;
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
	if (probe->reads && event == EV_TOKEN_GET)
		return probe->reads;
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

static void forget_binding(const struct probe *probe, const __u32 *id)
{
	bpf_map_delete_elem(bpf_map__fd(probe->skel->maps.counts), id);
	bpf_map_delete_elem(bpf_map__fd(probe->skel->maps.names), id);
}

void probe_forget(const struct probe *probe, const struct vec_u32 *ids,
		  const struct inventory *inv)
{
	struct exp_counts counts;
	const __u32 *id;

	vec_for_each(id, ids) {
		probe_counts(probe, *id, &counts);
		if (!counts.freed && !is_listed(inv, *id))
			forget_binding(probe, id);
	}
}

void probe_take_gone(struct probe *probe, struct probe_gones *gone)
{
	__u64 frees = probe->skel->bss->frees;
	struct vec_u32 ids = {};
	struct exp_counts counts;
	struct probe_gone *g;
	const __u32 *id;

	if (frees == probe->frees_taken)
		return;
	probe->frees_taken = frees;
	probe_known(probe, &ids);
	vec_for_each(id, &ids) {
		probe_counts(probe, *id, &counts);
		if (!counts.freed)
			continue;
		g = vec_add(gone);
		*g = (struct probe_gone){ .id = *id, .exhausted = counts.exhausted,
					  .gets = counts.gets };
		if (probe_kernel_counts(probe)) {
			g->exhausted = counts.last_exhausted;
			g->gets = counts.last_gets;
		}
		bpf_map_lookup_elem(bpf_map__fd(probe->skel->maps.names), id, g->ifname);
		forget_binding(probe, id);
	}
	vec_free(&ids);
}

/* From a token's slot, or REC_UNKNOWN if another one has it */
static __u64 slot_ns(const struct probe *probe, const struct held_key *key)
{
	int fd = bpf_map__fd(probe->skel->maps.slots);
	__u32 nr = held_index(key);
	struct exp_slot slot;

	if (bpf_map_lookup_elem(fd, &nr, &slot) || !slot.tag || slot.tag != exp_tag(key))
		return REC_UNKNOWN;
	return slot.ns;
}

__u64 probe_handout(const struct probe *probe, __u64 sk, __u64 token)
{
	struct held_key key = { .who = sk, .what = token };
	__u64 ns = slot_ns(probe, &key);
	struct exp_handout handout;

	if (ns != REC_UNKNOWN)
		return ns;
	if (bpf_map_lookup_elem(bpf_map__fd(probe->skel->maps.handouts), &key, &handout))
		return REC_UNKNOWN;
	return handout.ns;
}

void probe_handed_out_before(struct probe *probe, __u64 sk, __u64 token)
{
	struct held_key key = { .who = sk, .what = token };
	struct exp_handout handout = { .ns = probe->attached_ns, .before = 1 };

	if (!bpf_map_update_elem(bpf_map__fd(probe->skel->maps.handouts), &key, &handout,
				 BPF_NOEXIST))
		probe->entered++;
}

/* In the table */
static __u64 num_handouts(const struct probe *probe)
{
	return probe->skel->bss->remembered + probe->entered - probe->forgotten;
}

bool probe_remembers_many(const struct probe *probe)
{
	return num_handouts(probe) > 2 * probe->kept + HELD_SLOTS / 4;
}

static void forget_handout(struct probe *probe, const struct held_key *key,
			   const struct held_keys *out, __u64 since)
{
	int fd = bpf_map__fd(probe->skel->maps.handouts);
	struct exp_handout handout;

	if (out->num && bsearch(key, out->at, out->num, sizeof(*key), held_cmp))
		return;
	if (bpf_map_lookup_elem(fd, key, &handout) || handout.ns >= since)
		return;
	if (!bpf_map_delete_elem(fd, key))
		probe->forgotten++;
}

static int cmp_tags(const void *a, const void *b)
{
	const __u64 *l = a, *r = b;

	return *l < *r ? -1 : *l > *r;
}

static void free_slots(const struct probe *probe, const struct held_keys *out, __u64 since)
{
	const struct exp_slot free_slot = {};
	const struct held_key *key;
	struct vec_u64 tags = {};
	struct exp_slot slot;
	__u32 nr;
	int fd;

	vec_for_each(key, out) {
		__u64 *tag = vec_add(&tags);

		*tag = exp_tag(key);
	}
	vec_sort(&tags, cmp_tags);
	fd = bpf_map__fd(probe->skel->maps.slots);
	for (nr = 0; nr < HELD_SLOTS; nr++) {
		if (bpf_map_lookup_elem(fd, &nr, &slot) || !slot.tag || slot.ns >= since)
			continue;
		if (!tags.num ||
		    !bsearch(&slot.tag, tags.at, tags.num, sizeof(slot.tag), cmp_tags))
			bpf_map_update_elem(fd, &nr, &free_slot, BPF_ANY);
	}
	vec_free(&tags);
}

void probe_forget_handouts(struct probe *probe, const struct held_keys *out, __u64 since)
{
	int fd = bpf_map__fd(probe->skel->maps.handouts);
	struct held_key key, next;
	bool more;

	more = !bpf_map_get_next_key(fd, NULL, &next);
	while (more) {
		key = next;
		more = !bpf_map_get_next_key(fd, &key, &next);
		forget_handout(probe, &key, out, since);
	}
	free_slots(probe, out, since);
	probe->kept = num_handouts(probe);
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
