/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the check has found: each with its evidence and the remedy */
#ifndef DEVMEM_CHECK_FINDINGS_H
#define DEVMEM_CHECK_FINDINGS_H

#include <stdbool.h>

#include "inventory.h"
#include "vec.h"

enum part {
	PART_CAN,		/* can this host do it */
	PART_BITES,		/* what will bite */
	PART_NOW,		/* what is wrong now */
	PART_NUM,
};

enum verdict {
	FINE,
	NOTE,			/* to be known, and nothing is wrong yet */
	UNKNOWN,		/* it could not be found out */
	WRONG,
};

struct figure {
	const char *name;
	double value;
};

DEFINE_VEC(figures, struct figure);

struct finding {
	enum part part;
	enum verdict verdict;
	const char *name;	/* of what is found: a word for scripts */
	char ifname[16];	/* "": not about a device */
	__u32 binding;		/* 0: not about one */
	char *evidence;
	char *remedy;		/* NULL: there is nothing to do */
	const struct inv_holder *holder;	/* NULL: not about a socket */
	struct figures figures;
};

DEFINE_VEC(findings, struct finding);

/* @ifname: NULL if it is about no device. Evidence and remedy are for found_evidence() and
 * found_remedy() to say.
 */
struct finding *found(struct findings *findings, enum part part, enum verdict verdict,
		      const char *name, const char *ifname);

/* Each adds to what was said before */
void found_evidence(struct finding *finding, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void found_remedy(struct finding *finding, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A number of the evidence, for scripts */
void found_figure(struct finding *finding, const char *name, double value);

bool findings_wrong(const struct findings *findings);

/* @parts: the ones that were asked for, a bit each */
void findings_print(const struct findings *findings, unsigned int parts);
void findings_json(const struct findings *findings);
void findings_free(struct findings *findings);

extern const char *const part_names[PART_NUM];

#endif /* DEVMEM_CHECK_FINDINGS_H */
