// SPDX-License-Identifier: GPL-2.0-or-later
/* What the check has found, and how it is shown */

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "findings.h"
#include "holders.h"
#include "json.h"
#include "output.h"

const char *const part_names[PART_NUM] = {
	[PART_CAN] = "can",
	[PART_BITES] = "bites",
	[PART_NOW] = "now",
};

static const char *const headings[PART_NUM] = {
	[PART_CAN] = "Can this host do it",
	[PART_BITES] = "What bites",
	[PART_NOW] = "What is wrong now",
};

static const char *const verdict_names[] = {
	[FINE] = "fine",
	[NOTE] = "note",
	[UNKNOWN] = "unknown",
	[WRONG] = "wrong",
};

struct finding *found(struct findings *findings, enum part part, enum verdict verdict,
		      const char *name, const char *ifname)
{
	struct finding *finding = vec_add(findings);

	*finding = (struct finding){ .part = part, .verdict = verdict, .name = name };
	if (ifname)
		snprintf(finding->ifname, sizeof(finding->ifname), "%s", ifname);
	return finding;
}

static void append(char **text, const char *fmt, va_list args)
{
	char *added, *all;

	if (vasprintf(&added, fmt, args) < 0 ||
	    asprintf(&all, "%s%s", *text ?: "", added) < 0)
		err(1, "no memory for a finding");
	free(added);
	free(*text);
	*text = all;
}

void found_evidence(struct finding *finding, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	append(&finding->evidence, fmt, args);
	va_end(args);
}

void found_remedy(struct finding *finding, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	append(&finding->remedy, fmt, args);
	va_end(args);
}

void found_figure(struct finding *finding, const char *name, double value)
{
	*vec_add(&finding->figures) = (struct figure){ name, value };
}

bool findings_wrong(const struct findings *findings)
{
	const struct finding *finding;

	vec_for_each(finding, findings)
		if (finding->verdict == WRONG)
			return true;
	return false;
}

static void print_finding(const struct finding *finding)
{
	char ifname[OUT_NAME_LEN];

	printf("  %-8s%s", verdict_names[finding->verdict], finding->name);
	if (*finding->ifname)
		printf(" %s", out_name(ifname, finding->ifname));
	if (finding->binding)
		printf(" binding %u", finding->binding);
	printf(": %s", finding->evidence);
	if (finding->holder) {
		printf("; socket %llu ", finding->holder->sock.cookie);
		holder_print(finding->holder);
	}
	if (finding->remedy)
		printf("\n          remedy: %s", finding->remedy);
	putchar('\n');
}

void findings_print(const struct findings *findings, unsigned int parts)
{
	const struct finding *finding;
	unsigned int part;

	for (part = 0; part < PART_NUM; part++) {
		bool any = false;

		if (!(parts & 1U << part))
			continue;
		puts(headings[part]);
		vec_for_each(finding, findings) {
			if (finding->part != part)
				continue;
			print_finding(finding);
			any = true;
		}
		if (!any)
			puts("  fine    nothing was found");
	}
}

static void finding_json(const struct finding *finding)
{
	const struct figure *figure;

	json_begin_object(NULL);
	json_string("part", part_names[finding->part]);
	json_string("verdict", verdict_names[finding->verdict]);
	json_string("name", finding->name);
	json_text("ifname", finding->ifname);
	json_num("binding", finding->binding ?: REC_UNKNOWN);
	json_string("evidence", finding->evidence);
	json_text("remedy", finding->remedy);
	json_begin_object("figures");
	vec_for_each(figure, &finding->figures)
		json_real(figure->name, figure->value);
	json_end_object();
	if (finding->holder) {
		json_begin_object("holder");
		holder_json(finding->holder);
		json_end_object();
	} else {
		json_null("holder");
	}
	json_end_object();
}

void findings_json(const struct findings *findings)
{
	const struct finding *finding;

	json_begin_array("findings");
	vec_for_each(finding, findings)
		finding_json(finding);
	json_end_array();
}

void findings_free(struct findings *findings)
{
	struct finding *finding;

	vec_for_each(finding, findings) {
		free(finding->evidence);
		free(finding->remedy);
		vec_free(&finding->figures);
	}
	vec_free(findings);
}
