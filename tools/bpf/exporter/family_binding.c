// SPDX-License-Identifier: GPL-2.0-or-later
/* Metrics of each binding */

#include "families.h"

/* What a metric's values are read from, see is_missing() */
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
	/* (of kind tx) */
	if (unused == REC_UNKNOWN)
		return;
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
	prom_number(prom, &row->labels, row_exhausted(probe, row));
}

static void write_gets(struct prom *prom, const struct probe *probe,
		       const struct row *row)
{
	prom_number(prom, &row->labels, row_gets(probe, row));
}

static void write_returned(struct prom *prom, const struct probe *probe,
			   const struct row *row)
{
	__u64 closes = row->counts.closes;

	if (probe_kernel_counts(probe)) {
		write_labelled(prom, row, "reason", "dontneed", row->binding->k.token_puts);
		closes = row->binding->k.token_closes;
	} else if (!probe->reads) {
		write_labelled(prom, row, "reason", "dontneed", row->counts.puts);
	} else if (row->has_walked) {
		write_labelled(prom, row, "reason", "dontneed", row->walked.returned);
	}
	write_labelled(prom, row, "reason", "close", closes);
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

#define EVENTS_OF_TOKENS	(EV_BIT(EV_TOKEN_GET) | EV_BIT(EV_TOKEN_PUT) | \
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
	  FROM_EACH_TOKEN | EVENTS_OF_TOKENS, write_hold },
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
				     EV_BIT(EV_EXHAUSTED) | EVENTS_OF_TOKENS |
				     FROM_KERNEL_COUNTS;
	unsigned int have = probe->events;

	if (probe_kernel_counts(probe))
		have |= counted;
	if (probe->reads)
		have |= EV_BIT(EV_TOKEN_PUT);	/* it follows from the others */
	if (probe->each_token)
		have |= FROM_EACH_TOKEN;
	return metric->events & ~have;
}

void families_of_bindings(struct prom *prom, const struct probe *probe,
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

void families_each_missing(const struct probe *probe, void (*fn)(const char *name))
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(per_binding); i++)
		if (is_missing(&per_binding[i], probe))
			fn(per_binding[i].family.name);
}
