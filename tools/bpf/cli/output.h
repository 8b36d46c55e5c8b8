/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How values are printed */
#ifndef DEVMEM_OUTPUT_H
#define DEVMEM_OUTPUT_H

#include <linux/types.h>

#include "records.h"

#define OUT_ADDR_LEN	64	/* room for "[address]:port" */
#define OUT_NUM_LEN	24	/* room for a number or a size */
#define OUT_NAME_LEN	64	/* room for the name of a process, a device, an exporter */

/* Names are chosen by whoever makes the thing. What is not printable ASCII could
 * steer the terminal of who reads them, or be no UTF-8: it is shown as '?'.
 */
static inline char out_char(char c)
{
	return c < ' ' || c > '~' ? '?' : c;
}

/* The name as it may be shown, "-" for an empty one */
const char *out_name(char buf[OUT_NAME_LEN], const char *name);

/* "10.0.0.1:80", "[::1]:80"; IPv4 also for a mapped address */
const char *out_addr(char buf[OUT_ADDR_LEN], __u16 family, const __u8 *addr,
		     __u16 port);

/* The number, "-" for REC_UNKNOWN. Not by printf(), which devmemsnoop has no time for. */
const char *out_num(char buf[OUT_NUM_LEN], __u64 value);

/* "64M" */
const char *out_size(char buf[OUT_NUM_LEN], __u64 bytes);

/* "12.5s", "3m05s", "-" for REC_UNKNOWN */
const char *out_age(char buf[OUT_NUM_LEN], __u64 ns);

/* Makes it an error, with exit status 1, if not all output can be written */
void out_init(void);

#endif /* DEVMEM_OUTPUT_H */
