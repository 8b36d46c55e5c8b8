// SPDX-License-Identifier: GPL-2.0-or-later
/* Prometheus' text format, and OpenMetrics */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "output.h"
#include "prom.h"

void prom_label(struct prom_labels *labels, const char *name, const char *value)
{
	size_t used = strlen(labels->text);
	char *at = labels->text + used, *end = labels->text + PROM_LABELS_LEN - 3;

	at += snprintf(at, end - at, "%s%s=\"", used ? "," : "", name);
	if (at >= end) {
		labels->text[used] = 0;
		return;
	}
	for (; *value && at < end; value++) {
		if (*value == '"' || *value == '\\')
			*at++ = '\\';
		*at++ = out_char(*value);
	}
	*at++ = '"';
	*at = 0;
}

void prom_begin(struct prom *prom, const struct prom_family *family)
{
	prom->family = family;
	prom->begun = false;
}

static const char *sample_suffix(enum prom_type type)
{
	switch (type) {
	case PROM_COUNTER:
		return "_total";
	case PROM_INFO:
		return "_info";
	default:
		return "";
	}
}

static const char *type_name(enum prom_type type, bool openmetrics)
{
	switch (type) {
	case PROM_COUNTER:
		return "counter";
	case PROM_HISTOGRAM:
		return "histogram";
	case PROM_INFO:
		return openmetrics ? "info" : "gauge";
	default:
		return "gauge";
	}
}

/* The older format knows samples only, OpenMetrics families */
static void write_head(struct prom *prom)
{
	const struct prom_family *family = prom->family;
	const char *suffix = prom->openmetrics ? "" : sample_suffix(family->type);

	if (prom->begun)
		return;
	prom->begun = true;
	fprintf(prom->out, "# HELP %s%s %s\n", family->name, suffix, family->help);
	fprintf(prom->out, "# TYPE %s%s %s\n", family->name, suffix,
		type_name(family->type, prom->openmetrics));
	if (prom->openmetrics && family->unit)
		fprintf(prom->out, "# UNIT %s %s\n", family->name, family->unit);
}

static void write_name(struct prom *prom, const struct prom_labels *labels)
{
	write_head(prom);
	fputs(prom->family->name, prom->out);
	fputs(sample_suffix(prom->family->type), prom->out);
	if (labels && *labels->text)
		fprintf(prom->out, "{%s}", labels->text);
}

void prom_number(struct prom *prom, const struct prom_labels *labels, __u64 value)
{
	write_name(prom, labels);
	fprintf(prom->out, " %llu\n", value);
}

void prom_seconds(struct prom *prom, const struct prom_labels *labels, double value)
{
	write_name(prom, labels);
	fprintf(prom->out, " %.15g\n", value);
}

/* OpenMetrics wants bounds to look like floating point numbers */
static void write_bucket(struct prom *prom, const struct prom_labels *labels,
			 const char *le, __u64 count)
{
	fprintf(prom->out, "%s_bucket{%s%sle=\"%s\"} %llu\n", prom->family->name,
		labels->text, *labels->text ? "," : "", le, count);
}

void prom_histogram(struct prom *prom, const struct prom_labels *labels,
		    const double *bounds, size_t num_bounds, const __u64 *slots,
		    double sum)
{
	__u64 count = 0;
	char le[32];
	size_t i;

	write_head(prom);
	for (i = 0; i < num_bounds; i++) {
		count += slots[i];
		snprintf(le, sizeof(le), "%g", bounds[i]);
		if (!strchr(le, '.'))
			strcat(le, ".0");
		write_bucket(prom, labels, le, count);
	}
	count += slots[num_bounds];
	write_bucket(prom, labels, "+Inf", count);
	fprintf(prom->out, "%s_sum{%s} %.15g\n", prom->family->name, labels->text, sum);
	fprintf(prom->out, "%s_count{%s} %llu\n", prom->family->name, labels->text, count);
}

void prom_end(struct prom *prom)
{
	if (prom->openmetrics)
		fputs("# EOF\n", prom->out);
}

const char *prom_content_type(bool openmetrics)
{
	return openmetrics ?
		"application/openmetrics-text; version=1.0.0; charset=utf-8" :
		"text/plain; version=0.0.4; charset=utf-8";
}

/* One media range of an Accept header, with its parameters */
struct range {
	const char *type;
	const char *version;	/* NULL: any */
	double quality;
};

static char *strip(char *text)
{
	char *end;

	text += strspn(text, " \t\"");
	end = text + strlen(text);
	while (end > text && strchr(" \t\"", end[-1]))
		*--end = 0;
	return text;
}

static struct range parse_range(char *text)
{
	struct range range = { .quality = 1 };
	char *part, *value, *rest;

	part = strtok_r(text, ";", &rest);
	range.type = part ? strip(part) : "";
	while ((part = strtok_r(NULL, ";", &rest))) {
		value = strchr(part, '=');
		if (!value)
			continue;
		*value++ = 0;
		part = strip(part);
		if (!strcasecmp(part, "q"))
			range.quality = strtod(strip(value), NULL);
		else if (!strcasecmp(part, "version"))
			range.version = strip(value);
	}
	return range;
}

static bool range_is(const struct range *range, const char *type, const char *version)
{
	return !strcasecmp(range->type, type) &&
	       (!range->version || !strcmp(range->version, version));
}

bool prom_wants_openmetrics(const char *accept)
{
	double openmetrics = 0, text = 0;
	char *copy, *part, *rest;
	struct range range;

	copy = accept ? strdup(accept) : NULL;
	if (!copy)
		return false;
	for (part = strtok_r(copy, ",", &rest); part; part = strtok_r(NULL, ",", &rest)) {
		range = parse_range(part);
		if (range_is(&range, "application/openmetrics-text", "1.0.0") &&
		    range.quality > openmetrics)
			openmetrics = range.quality;
		else if (range_is(&range, "text/plain", "0.0.4") && range.quality > text)
			text = range.quality;
	}
	free(copy);
	return openmetrics > 0 && openmetrics >= text;
}
