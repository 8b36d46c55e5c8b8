// SPDX-License-Identifier: GPL-2.0-or-later
/* How values are printed, for people and as JSON */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "output.h"

const char *out_addr(char buf[OUT_ADDR_LEN], __u16 family, const __u8 *addr,
		     __u16 port)
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN] = "?";

	if (family == AF_INET6 && !memcmp(addr, mapped, sizeof(mapped))) {
		family = AF_INET;
		addr += sizeof(mapped);
	}
	inet_ntop(family, addr, text, sizeof(text));
	snprintf(buf, OUT_ADDR_LEN, family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		 text, port);
	return buf;
}

const char *out_num(char buf[OUT_NUM_LEN], __u64 value)
{
	if (value == REC_UNKNOWN)
		return "-";

	snprintf(buf, OUT_NUM_LEN, "%llu", value);
	return buf;
}

const char *out_size(char buf[OUT_NUM_LEN], __u64 bytes)
{
	static const char units[] = "BKMGTPE";
	unsigned int unit = 0;

	while (bytes >= 1024 && !(bytes & 1023) && units[unit + 1]) {
		bytes >>= 10;
		unit++;
	}
	snprintf(buf, OUT_NUM_LEN, "%llu%c", bytes, units[unit]);
	return buf;
}

const char *out_age(char buf[OUT_NUM_LEN], __u64 ns)
{
	__u64 seconds = ns / 1000000000;

	if (ns == REC_UNKNOWN)
		return "-";

	if (seconds < 60)
		snprintf(buf, OUT_NUM_LEN, "%.1fs", ns / 1e9);
	else if (seconds < 3600)
		snprintf(buf, OUT_NUM_LEN, "%llum%02llus", seconds / 60, seconds % 60);
	else
		snprintf(buf, OUT_NUM_LEN, "%lluh%02llum", seconds / 3600,
			 seconds / 60 % 60);
	return buf;
}

void out_json_num(cJSON *obj, const char *name, __u64 value)
{
	if (value == REC_UNKNOWN)
		cJSON_AddNullToObject(obj, name);
	else
		cJSON_AddNumberToObject(obj, name, value);
}

void out_json_text(cJSON *obj, const char *name, const char *text)
{
	if (text && *text)
		cJSON_AddStringToObject(obj, name, text);
	else
		cJSON_AddNullToObject(obj, name);
}

void out_json_seconds(cJSON *obj, const char *name, __u64 ns)
{
	if (ns == REC_UNKNOWN)
		cJSON_AddNullToObject(obj, name);
	else
		cJSON_AddNumberToObject(obj, name, ns / 1000000 / 1e3);
}

void out_json_hex(cJSON *obj, const char *name, __u64 value)
{
	char buf[OUT_NUM_LEN];

	snprintf(buf, sizeof(buf), "0x%llx", value);
	cJSON_AddStringToObject(obj, name, buf);
}

void out_json_addr(cJSON *obj, const char *name, __u16 family,
		   const __u8 *addr, __u16 port)
{
	char buf[OUT_ADDR_LEN];

	cJSON_AddStringToObject(obj, name, out_addr(buf, family, addr, port));
}

int out_json_print(cJSON *doc)
{
	char *text = cJSON_PrintUnformatted(doc);

	cJSON_Delete(doc);
	if (!text) {
		diag("no memory for a JSON document");
		return -ENOMEM;
	}
	puts(text);
	free(text);
	return 0;
}
