/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The families of metrics that make a page. All are called under the walk's lock. */
#ifndef DEVMEM_FAMILIES_H
#define DEVMEM_FAMILIES_H

#include "prom.h"
#include "walk.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* A binding as a scrape sees it */
struct row {
	const struct inv_binding *binding;
	const char *ifname;
	struct prom_labels labels;
	struct exp_counts counts;
	struct walk_binding walked;
	bool has_walked;
};

DEFINE_VEC(rows, struct row);

/* Of each binding */
void families_of_bindings(struct prom *prom, const struct probe *probe,
			  const struct rows *rows);

/* Totals of each device that has, or had, a binding */
struct page;
void families_of_devices(struct prom *prom, const struct page *page,
			 const struct rows *rows);

/* By the kernel's counters, or by events */
static inline __u64 row_exhausted(const struct probe *probe, const struct row *row)
{
	return probe_kernel_counts(probe) ? row->binding->k.exhausted : row->counts.exhausted;
}

static inline __u64 row_gets(const struct probe *probe, const struct row *row)
{
	return probe_kernel_counts(probe) ? row->binding->k.token_gets : row->counts.gets;
}

/* Calls @fn with each metric of a binding that cannot be told on this kernel */
void families_each_missing(const struct probe *probe, void (*fn)(const char *name));

/* Of the host */
void families_of_host(struct prom *prom, const struct probe *probe,
		      const struct inventory *inv);

/* Of the exporter itself */
void families_of_exporter(struct prom *prom, const struct probe *probe,
			  const struct walk *walk);

/* A family of one number without a label */
void family_of_one(struct prom *prom, const char *name, enum prom_type type,
		   const char *help, __u64 value);

#endif /* DEVMEM_FAMILIES_H */
