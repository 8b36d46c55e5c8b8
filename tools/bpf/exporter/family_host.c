// SPDX-License-Identifier: GPL-2.0-or-later
/* Metrics of the host */

#include "families.h"
#include "ksyms.h"

void family_of_one(struct prom *prom, const char *name, enum prom_type type,
		   const char *help, __u64 value)
{
	const struct prom_family family = { name, type, NULL, help };

	prom_begin(prom, &family);
	prom_number(prom, NULL, value);
}

static void write_drops(struct prom *prom, const struct probe *probe)
{
	static const struct prom_family family = {
		"devmem_skb_drops", PROM_COUNTER, NULL,
		"Packets with device memory that were dropped, by the kernel's reason",
	};
	const struct probe_drop *drop;
	struct probe_drops drops = {};
	char name[64];

	if (!probe_sees(probe, EV_DROP))
		return;
	probe_read_drops(probe, &drops);
	prom_begin(prom, &family);
	vec_for_each(drop, &drops) {
		struct prom_labels labels = {};

		ksyms_drop_reason(name, sizeof(name), drop->reason);
		prom_label(&labels, "reason", name);
		prom_number(prom, &labels, drop->num);
	}
	vec_free(&drops);
}

static void write_lost(struct prom *prom, const struct probe_totals *totals)
{
	static const struct prom_family family = {
		"devmem_exporter_lost_events", PROM_COUNTER, NULL,
		"Events that are in no other metric: a table was full, or a program was busy",
	};
	struct prom_labels no_room = {}, missed = {};

	prom_begin(prom, &family);
	prom_label(&no_room, "cause", "table_full");
	prom_number(prom, &no_room, totals->no_room);
	prom_label(&missed, "cause", "busy");
	prom_number(prom, &missed, totals->missed);
}

static void write_bindings(struct prom *prom, const struct inventory *inv)
{
	static const struct prom_family family = {
		"devmem_bindings", PROM_GAUGE, NULL,
		"Bindings that there are, with unbound ones, and areas of io_uring, by kind",
	};
	__u64 num[KIND_NUM] = {};
	const struct inv_binding *binding;
	int kind;

	vec_for_each(binding, &inv->bindings)
		num[binding->k.kind]++;
	prom_begin(prom, &family);
	for (kind = 0; kind < KIND_NUM; kind++) {
		struct prom_labels labels = {};

		prom_label(&labels, "kind", inventory_kind(kind));
		prom_number(prom, &labels, num[kind]);
	}
}

void families_of_host(struct prom *prom, const struct probe *probe,
		      const struct inventory *inv)
{
	struct probe_totals totals;

	write_bindings(prom, inv);
	if (!probe->skel)
		return;
	probe_read_totals(probe, &totals);
	if (probe_sees(probe, EV_BIND))
		family_of_one(prom, "devmem_binds", PROM_COUNTER,
			      "Bindings that were made", totals.binds);
	if (probe_sees(probe, EV_UNBIND))
		family_of_one(prom, "devmem_unbinds", PROM_COUNTER,
			      "Bindings that were unbound", totals.unbinds);
	if (probe_sees(probe, EV_BINDING_FREE))
		family_of_one(prom, "devmem_binding_frees", PROM_COUNTER,
			      "Bindings whose memory was given back", totals.frees);
	write_drops(prom, probe);
	write_lost(prom, &totals);
}
