// SPDX-License-Identifier: GPL-2.0-or-later
/* Metrics of the exporter itself */

#include <bpf/libbpf.h>
#include <microhttpd.h>

#include "attach.h"
#include "families.h"

static void write_events(struct prom *prom, const struct probe *probe)
{
	static const struct prom_family family = {
		"devmem_exporter_event_attached", PROM_GAUGE, NULL,
		"1 if an event is seen, and by which program; 0 if the kernel has no way",
	};
	unsigned int event, wanted = probe_wanted(probe);

	prom_begin(prom, &family);
	for (event = 0; event < EV_NUM; event++) {
		struct prom_labels labels = {};
		const char *way;

		if (!(wanted & EV_BIT(event)))
			continue;
		way = probe_way(probe, event);
		prom_label(&labels, "event", event_name(event));
		prom_label(&labels, "way", way ?: "none");
		prom_number(prom, &labels, !!way);
	}
}

static void write_build(struct prom *prom)
{
	static const struct prom_family family = {
		"devmem_exporter_build", PROM_INFO, NULL,
		"The exporter's version and that of its libraries",
	};
	struct prom_labels labels = {};

	prom_begin(prom, &family);
	prom_label(&labels, "version", DEVMEM_VERSION);
	prom_label(&labels, "libbpf", libbpf_version_string());
	prom_label(&labels, "libmicrohttpd", MHD_get_version());
	prom_number(prom, &labels, 1);
}

static void write_layout(struct prom *prom, const struct probe *probe)
{
	static const struct prom_family family = {
		"devmem_exporter_layout", PROM_INFO, NULL,
		"How this kernel lays out device memory",
	};
	struct prom_labels labels = {};

	prom_begin(prom, &family);
	prom_label(&labels, "layout", layout_name(probe->layout));
	prom_number(prom, &labels, 1);
}

static void write_walk(struct prom *prom, const struct walk *walk)
{
	static const struct prom_family took = {
		"devmem_exporter_walk_duration_seconds", PROM_GAUGE, "seconds",
		"How long the last look at all holders took",
	};
	static const struct prom_family ended = {
		"devmem_exporter_walk_timestamp_seconds", PROM_GAUGE, "seconds",
		"When the last look at all holders that succeeded was, since 1970",
	};

	if (walk->ended) {
		prom_begin(prom, &took);
		prom_seconds(prom, NULL, walk->took_ns / 1e9);
		prom_begin(prom, &ended);
		prom_seconds(prom, NULL, walk->ended);
	}
	family_of_one(prom, "devmem_exporter_walk_failures", PROM_COUNTER,
		      "Looks at all holders that failed", walk->failures);
}

void families_of_exporter(struct prom *prom, const struct probe *probe,
			  const struct walk *walk)
{
	write_build(prom);
	write_layout(prom, probe);
	if (probe->skel)
		write_events(prom, probe);
	write_walk(prom, walk);
}
