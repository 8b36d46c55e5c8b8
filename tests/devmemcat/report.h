/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_REPORT_H
#define DEVMEMCAT_REPORT_H

#include "conn.h"

/* How a receiver's run went. */
struct report {
	const struct options *opt;
	const struct intake *in;
	size_t memory;		/* bytes that were given to the device */
	unsigned int connections;
	double seconds;		/* from the first connection to the end of the last */
	bool mismatch;		/* a byte differed from the pattern */
	unsigned long long bad_offset;	/* the first such byte, in its stream */
};

/* Print it for a reader, or with -j as one JSON object, on standard output. */
void report_print(const struct report *rep);

#endif
