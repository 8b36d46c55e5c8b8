// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The page that a scrape gets. What the kernel cannot tell, or what was not looked at
 * yet, is left out.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>
#include <microhttpd.h>

#include "attach.h"
#include "diag.h"
#include "ksyms.h"
#include "page.h"
#include "prom.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* A binding as a scrape sees it */
struct row {
	const struct inv_binding *binding;
	struct prom_labels labels;
	struct exp_counts counts;
	struct walk_binding walked;
	bool has_walked;
};

DEFINE_VEC(rows, struct row);

/* What a metric's values are read from, see page_each_missing() */
#define FROM_KERNEL_COUNTS	(1U << 30)	/* the provider's own counters */
#define FROM_EACH_TOKEN		(1U << 29)
#define FROM_LISTING		0

struct metric {
	struct prom_family family;
	unsigned int events;	/* without one of these it cannot be told */
	void (*write)(struct prom *prom, const struct probe *probe,
		      const struct row *row);
};

static void write_known(struct prom *prom, const struct prom_labels *labels,
			__u64 value)
{
	if (value != REC_UNKNOWN)
		prom_number(prom, labels, value);
}

static void write_labelled(struct prom *prom, const struct row *row,
			   const char *name, const char *value, __u64 number)
{
	struct prom_labels labels = row->labels;

	prom_label(&labels, name, value);
	write_known(prom, &labels, number);
}

/* --- of each binding, from the list of bindings --- */

static void write_info(struct prom *prom, const struct probe *probe,
		       const struct row *row)
{
	write_labelled(prom, row, "dmabuf_exporter", row->binding->k.exporter, 1);
}

static void write_size(struct prom *prom, const struct probe *probe,
		       const struct row *row)
{
	prom_number(prom, &row->labels, row->binding->k.size);
}

static void write_iov_size(struct prom *prom, const struct probe *probe,
			   const struct row *row)
{
	prom_number(prom, &row->labels, 1ULL << row->binding->k.iov_shift);
}

static void write_queues(struct prom *prom, const struct probe *probe,
			 const struct row *row)
{
	prom_number(prom, &row->labels, row->binding->queues.num);
}

static void write_unbound(struct prom *prom, const struct probe *probe,
			  const struct row *row)
{
	prom_number(prom, &row->labels, row->binding->k.unbound);
}

/* The counters are read one after the other, so their sum can be off */
static void write_iovs(struct prom *prom, const struct probe *probe,
		       const struct row *row)
{
	__u64 total = row->binding->k.total;
	__u64 unused = row->binding->k.free;
	__u64 user = row->binding->k.user;

	if (!probe_kernel_counts(probe)) {
		if (!row->has_walked)
			return;
		total = row->walked.total;
		unused = row->walked.free;
		user = row->walked.user;
	}
	write_labelled(prom, row, "state", "free", unused);
	write_labelled(prom, row, "state", "pool",
		       total > unused + user ? total - unused - user : 0);
	write_labelled(prom, row, "state", "user", user);
}

static void write_high_water(struct prom *prom, const struct probe *probe,
			     const struct row *row)
{
	write_known(prom, &row->labels, row->binding->k.high_water);
}

/* --- of each binding, from events or from the kernel's counters --- */

static void write_allocs(struct prom *prom, const struct probe *probe,
			 const struct row *row)
{
	prom_number(prom, &row->labels, probe_kernel_counts(probe) ?
		    row->binding->k.allocs : row->counts.allocs);
}

static void write_releases(struct prom *prom, const struct probe *probe,
			   const struct row *row)
{
	prom_number(prom, &row->labels, probe_kernel_counts(probe) ?
		    row->binding->k.releases : row->counts.releases);
}

static void write_exhausted(struct prom *prom, const struct probe *probe,
			    const struct row *row)
{
	prom_number(prom, &row->labels, probe_kernel_counts(probe) ?
		    row->binding->k.exhausted : row->counts.exhausted);
}

static void write_gets(struct prom *prom, const struct probe *probe,
		       const struct row *row)
{
	prom_number(prom, &row->labels, row->counts.gets);
}

static void write_returned(struct prom *prom, const struct probe *probe,
			   const struct row *row)
{
	if (!probe->reads)
		write_labelled(prom, row, "reason", "dontneed", row->counts.puts);
	else if (row->has_walked)
		write_labelled(prom, row, "reason", "dontneed", row->walked.returned);
	write_labelled(prom, row, "reason", "close", row->counts.closes);
}

static void write_hold(struct prom *prom, const struct probe *probe,
		       const struct row *row)
{
	double bounds[HOLD_BOUNDS];
	size_t i;

	for (i = 0; i < HOLD_BOUNDS; i++)
		bounds[i] = hold_bounds_ms[i] / 1e3;
	prom_histogram(prom, &row->labels, bounds, HOLD_BOUNDS, row->counts.hold,
		       row->counts.hold_ns / 1e9);
}

static void write_references(struct prom *prom, const struct probe *probe,
			     const struct row *row)
{
	double bounds[REF_BOUNDS];
	size_t i;

	for (i = 0; i < REF_BOUNDS; i++)
		bounds[i] = ref_bounds[i];
	prom_histogram(prom, &row->labels, bounds, REF_BOUNDS, row->counts.refs,
		       row->counts.refs_sum);
}

/* --- of each binding, from the last walk --- */

static void write_tokens(struct prom *prom, const struct probe *probe,
			 const struct row *row)
{
	if (row->has_walked)
		prom_number(prom, &row->labels, row->walked.tokens);
}

static void write_holders(struct prom *prom, const struct probe *probe,
			  const struct row *row)
{
	if (row->has_walked)
		prom_number(prom, &row->labels, row->walked.holders);
}

static void write_oldest(struct prom *prom, const struct probe *probe,
			 const struct row *row)
{
	if (row->has_walked && row->walked.oldest_ns != REC_UNKNOWN)
		prom_seconds(prom, &row->labels, row->walked.oldest_ns / 1e9);
}

#define EVENTS_OF_HOLDS	(EV_BIT(EV_TOKEN_GET) | EV_BIT(EV_TOKEN_PUT) | \
			 EV_BIT(EV_TOKEN_CLOSE))

static const struct metric per_binding[] = {
	{ { "devmem_binding", PROM_INFO, NULL,
	    "A dma-buf that a device receives into" },
	  FROM_LISTING, write_info },
	{ { "devmem_binding_size_bytes", PROM_GAUGE, "bytes",
	    "Size of the dma-buf" },
	  FROM_LISTING, write_size },
	{ { "devmem_binding_iov_size_bytes", PROM_GAUGE, "bytes",
	    "Size of one of its iovs" },
	  FROM_LISTING, write_iov_size },
	{ { "devmem_binding_queues", PROM_GAUGE, NULL,
	    "Receive queues that it is bound to" },
	  FROM_LISTING, write_queues },
	{ { "devmem_binding_unbound", PROM_GAUGE, NULL,
	    "1 if it was unbound and iovs are still out, 0 if it is bound" },
	  FROM_LISTING, write_unbound },
	{ { "devmem_iovs", PROM_GAUGE, NULL,
	    "Iovs by state: free, with a page pool, with a reader" },
	  FROM_LISTING, write_iovs },
	{ { "devmem_iovs_high_water", PROM_GAUGE, NULL,
	    "The most iovs that were ever not free at once" },
	  FROM_KERNEL_COUNTS, write_high_water },
	{ { "devmem_iov_allocs", PROM_COUNTER, NULL,
	    "Iovs that left the free list" },
	  EV_BIT(EV_ALLOC), write_allocs },
	{ { "devmem_iov_releases", PROM_COUNTER, NULL,
	    "Iovs that came back to the free list" },
	  EV_BIT(EV_RELEASE), write_releases },
	{ { "devmem_exhausted", PROM_COUNTER, NULL,
	    "Times that a page pool found no free iov" },
	  EV_BIT(EV_EXHAUSTED), write_exhausted },
	{ { "devmem_tokens_handed_out", PROM_COUNTER, NULL,
	    "Tokens handed to readers" },
	  EV_BIT(EV_TOKEN_GET), write_gets },
	{ { "devmem_tokens_returned", PROM_COUNTER, NULL,
	    "Tokens that came back, given back or with their closed socket" },
	  EV_BIT(EV_TOKEN_PUT) | EV_BIT(EV_TOKEN_CLOSE), write_returned },
	{ { "devmem_token_hold_seconds", PROM_HISTOGRAM, "seconds",
	    "How long tokens that came back were held" },
	  FROM_EACH_TOKEN | EVENTS_OF_HOLDS, write_hold },
	{ { "devmem_iov_references", PROM_HISTOGRAM, NULL,
	    "References on an iov when a token for it is handed out" },
	  FROM_EACH_TOKEN | EV_BIT(EV_TOKEN_GET), write_references },
	{ { "devmem_tokens", PROM_GAUGE, NULL,
	    "Tokens that readers hold" },
	  FROM_LISTING, write_tokens },
	{ { "devmem_holders", PROM_GAUGE, NULL,
	    "Sockets that hold tokens" },
	  FROM_LISTING, write_holders },
	{ { "devmem_oldest_hold_seconds", PROM_GAUGE, "seconds",
	    "How long the oldest token is held that is held, 0 if none is" },
	  FROM_LISTING, write_oldest },
};

/* Where the kernel counts, these events are not asked for */
static bool is_missing(const struct metric *metric, const struct probe *probe)
{
	const unsigned int counted = EV_BIT(EV_ALLOC) | EV_BIT(EV_RELEASE) |
				     EV_BIT(EV_EXHAUSTED) | FROM_KERNEL_COUNTS;
	unsigned int have = probe->events;

	if (probe_kernel_counts(probe))
		have |= counted;
	if (probe->reads)
		have |= EV_BIT(EV_TOKEN_PUT);	/* it follows from the others */
	else
		have |= FROM_EACH_TOKEN;
	return metric->events & ~have;
}

static void write_bindings(struct prom *prom, const struct probe *probe,
			   const struct rows *rows)
{
	const struct row *row;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(per_binding); i++) {
		if (is_missing(&per_binding[i], probe))
			continue;
		prom_begin(prom, &per_binding[i].family);
		vec_for_each(row, rows)
			per_binding[i].write(prom, probe, row);
	}
}

/* --- of the host --- */

static void write_one(struct prom *prom, const char *name, enum prom_type type,
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

static void write_host(struct prom *prom, const struct probe *probe,
		       const struct rows *rows)
{
	struct probe_totals totals;

	write_one(prom, "devmem_bindings", PROM_GAUGE,
		  "Bindings that there are, with unbound ones", rows->num);
	if (!probe->skel)
		return;
	probe_read_totals(probe, &totals);
	if (probe_sees(probe, EV_BIND))
		write_one(prom, "devmem_binds", PROM_COUNTER,
			  "Bindings that were made", totals.binds);
	if (probe_sees(probe, EV_UNBIND))
		write_one(prom, "devmem_unbinds", PROM_COUNTER,
			  "Bindings that were unbound", totals.unbinds);
	if (probe_sees(probe, EV_BINDING_FREE))
		write_one(prom, "devmem_binding_frees", PROM_COUNTER,
			  "Bindings whose memory was given back", totals.frees);
	write_drops(prom, probe);
	write_lost(prom, &totals);
}

/* --- of the exporter --- */

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

/* Under the walk's lock */
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
	write_one(prom, "devmem_exporter_walk_failures", PROM_COUNTER,
		  "Looks at all holders that failed", walk->failures);
}

/* --- all together --- */

static const char *known_name(const struct page_names *names, __u32 id)
{
	const struct page_name *name;

	vec_for_each(name, names)
		if (name->id == id)
			return name->ifname;
	return "";
}

/* Only of the bindings that there are */
static void learn_names(struct page *page, const struct inventory *inv)
{
	const struct inv_binding *binding;
	struct page_names names = {};
	struct page_name *name;
	const char *ifname;

	vec_for_each(binding, &inv->bindings) {
		ifname = binding->k.ifname;
		if (!*ifname)
			ifname = known_name(&page->names, binding->k.id);
		name = vec_add(&names);
		name->id = binding->k.id;
		snprintf(name->ifname, sizeof(name->ifname), "%s", ifname);
	}
	vec_free(&page->names);
	page->names = names;
}

/* Under the walk's lock */
static void make_rows(struct rows *rows, const struct page *page,
		      const struct inventory *inv)
{
	const struct inv_binding *binding;
	struct row *row;
	char id[16];

	vec_for_each(binding, &inv->bindings) {
		row = vec_add(rows);
		memset(row, 0, sizeof(*row));
		row->binding = binding;
		snprintf(id, sizeof(id), "%u", binding->k.id);
		prom_label(&row->labels, "binding", id);
		prom_label(&row->labels, "device", known_name(&page->names, binding->k.id));
		if (page->probe->skel)
			probe_counts(page->probe, binding->k.id, &row->counts);
		row->has_walked = walk_find(page->walk, binding->k.id, &row->walked);
	}
}

static void write_all(struct prom *prom, struct page *page,
		      const struct inventory *inv)
{
	struct rows rows = {};

	learn_names(page, inv);
	pthread_mutex_lock(&page->walk->lock);
	make_rows(&rows, page, inv);
	write_bindings(prom, page->probe, &rows);
	write_host(prom, page->probe, &rows);
	write_build(prom);
	write_layout(prom, page->probe);
	if (page->probe->skel)
		write_events(prom, page->probe);
	write_walk(prom, page->walk);
	prom_end(prom);
	pthread_mutex_unlock(&page->walk->lock);
	vec_free(&rows);
}

char *page_write(struct page *page, bool openmetrics, size_t *len)
{
	struct prom prom = { .openmetrics = openmetrics };
	struct inventory *inv;
	char *text = NULL;

	inv = inventory_read(page->probe->listing, INV_QUICK);
	if (!inv)
		return NULL;
	prom.out = open_memstream(&text, len);
	if (prom.out) {
		write_all(&prom, page, inv);
		if (fclose(prom.out)) {
			free(text);
			text = NULL;
		}
	}
	if (!text)
		diag("no memory for a page of metrics");
	inventory_free(inv);
	return text;
}

void page_each_missing(const struct probe *probe, void (*fn)(const char *name))
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(per_binding); i++)
		if (is_missing(&per_binding[i], probe))
			fn(per_binding[i].family.name);
}
