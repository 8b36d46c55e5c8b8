/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How values are printed, for people and as JSON */
#ifndef DEVMEM_OUTPUT_H
#define DEVMEM_OUTPUT_H

#include <cjson/cJSON.h>
#include <linux/types.h>

#include "records.h"

#define OUT_ADDR_LEN	64	/* room for "[address]:port" */
#define OUT_NUM_LEN	24	/* room for a number or a size */

/* "10.0.0.1:80", "[::1]:80"; IPv4 also for a mapped address */
const char *out_addr(char buf[OUT_ADDR_LEN], __u16 family, const __u8 *addr,
		     __u16 port);

/* The number, "-" for REC_UNKNOWN */
const char *out_num(char buf[OUT_NUM_LEN], __u64 value);

/* "64M" */
const char *out_size(char buf[OUT_NUM_LEN], __u64 bytes);

/* "12.5s", "3m05s", "-" for REC_UNKNOWN */
const char *out_age(char buf[OUT_NUM_LEN], __u64 ns);

/* The number, null for REC_UNKNOWN */
void out_json_num(cJSON *obj, const char *name, __u64 value);

/* The text, null for an empty one or none */
void out_json_text(cJSON *obj, const char *name, const char *text);

/* Seconds, null for REC_UNKNOWN nanoseconds */
void out_json_seconds(cJSON *obj, const char *name, __u64 ns);

/* As a string, because JSON's numbers end at 53 bits */
void out_json_hex(cJSON *obj, const char *name, __u64 value);

void out_json_addr(cJSON *obj, const char *name, __u16 family,
		   const __u8 *addr, __u16 port);

/* Prints the document on one line and frees it; returns 0 or -errno */
int out_json_print(cJSON *doc);

#endif /* DEVMEM_OUTPUT_H */
