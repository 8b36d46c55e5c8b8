/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FAULTS_PATHS_H
#define FAULTS_PATHS_H

#include <stdbool.h>

#include "bed.h"

/*
 * Something that the kernel is asked for and that takes memory. All but @act return
 * 0, or -1 after saying what is wrong. NULL: nothing to do.
 */
struct path {
	const char *name;
	const char *within;	/* allocations below this function only */
	bool anybody;	/* whoever makes them, also in softirq */
	unsigned int most;	/* faults tried, 0: until there are no more allocations */

	int (*setup)(struct bed *bed);	/* once */
	int (*prepare)(struct bed *bed);	/* before each attempt */
	int (*act)(struct bed *bed);	/* with faults; 0 or -errno */
	int (*sweep)(struct bed *bed);	/* instead: all of it, with faults that are not memory's */
	/* What must be so at once, whatever came of it, without any help */
	int (*check)(struct bed *bed, int err);
	/* Then all works as ever, when there are no faults */
	int (*finish)(struct bed *bed, int err);
	int (*teardown)(struct bed *bed);
};

extern const struct path paths[];

#endif
