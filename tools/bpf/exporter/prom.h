/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prometheus' text format, and OpenMetrics */
#ifndef DEVMEM_PROM_H
#define DEVMEM_PROM_H

#include <stdbool.h>
#include <stdio.h>
#include <linux/types.h>

enum prom_type {
	PROM_GAUGE,
	PROM_COUNTER,		/* samples are called NAME_total */
	PROM_HISTOGRAM,
	PROM_INFO,		/* samples are called NAME_info, and are 1 */
};

struct prom_family {
	const char *name;	/* without the suffixes above */
	enum prom_type type;
	const char *unit;	/* which the name ends in, or NULL */
	const char *help;
};

#define PROM_LABELS_LEN	512

struct prom_labels {
	char text[PROM_LABELS_LEN];	/* name="value",name="value" */
};

struct prom {
	FILE *out;
	bool openmetrics;
	const struct prom_family *family;
	bool begun;		/* the family's head is written */
};

/* Adds a label. A value that is too long is cut off, and what is not printable ASCII
 * becomes '?': whoever may name a device could else make the page invalid.
 */
void prom_label(struct prom_labels *labels, const char *name, const char *value);

/* What follows are samples of @family. Its head is written with the first one, so
 * that a family without samples is not mentioned.
 */
void prom_begin(struct prom *prom, const struct prom_family *family);

/* One sample; @labels may be NULL */
void prom_number(struct prom *prom, const struct prom_labels *labels, __u64 value);
void prom_seconds(struct prom *prom, const struct prom_labels *labels, double value);

/* @slots: how many in each bucket, one more than there are bounds */
void prom_histogram(struct prom *prom, const struct prom_labels *labels,
		    const double *bounds, size_t num_bounds, const __u64 *slots,
		    double sum);

/* After the last family */
void prom_end(struct prom *prom);

const char *prom_content_type(bool openmetrics);

/* Whether a client that sends this Accept header would rather have OpenMetrics;
 * NULL if it sends none
 */
bool prom_wants_openmetrics(const char *accept);

#endif /* DEVMEM_PROM_H */
