// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON on standard output, written as it comes */

#include <stdio.h>

#include "json.h"
#include "output.h"

/* Something stands before in the same object or array */
static bool comma;

static void put_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(out_char(*text));
	}
	putchar('"');
}

static void begin_value(const char *name)
{
	if (comma)
		putchar(',');
	comma = true;
	if (!name)
		return;
	put_string(name);
	putchar(':');
}

void json_begin_object(const char *name)
{
	begin_value(name);
	putchar('{');
	comma = false;
}

void json_end_object(void)
{
	putchar('}');
	comma = true;
}

void json_begin_array(const char *name)
{
	begin_value(name);
	putchar('[');
	comma = false;
}

void json_end_array(void)
{
	putchar(']');
	comma = true;
}

void json_end_document(void)
{
	json_end_object();
	putchar('\n');
	comma = false;
}

void json_null(const char *name)
{
	begin_value(name);
	fputs("null", stdout);
}

void json_bool(const char *name, bool value)
{
	begin_value(name);
	fputs(value ? "true" : "false", stdout);
}

void json_num(const char *name, __u64 value)
{
	if (value == REC_UNKNOWN) {
		json_null(name);
		return;
	}
	begin_value(name);
	printf("%llu", value);
}

void json_int(const char *name, __s64 value)
{
	begin_value(name);
	printf("%lld", value);
}

/* Digits enough for microseconds of a year of uptime */
void json_real(const char *name, double value)
{
	begin_value(name);
	printf("%.15g", value);
}

void json_seconds(const char *name, __u64 ns)
{
	if (ns == REC_UNKNOWN)
		json_null(name);
	else
		json_real(name, ns / 1000000 / 1e3);
}

void json_string(const char *name, const char *text)
{
	begin_value(name);
	put_string(text);
}

void json_text(const char *name, const char *text)
{
	if (text && *text)
		json_string(name, text);
	else
		json_null(name);
}

void json_hex(const char *name, __u64 value)
{
	begin_value(name);
	printf("\"0x%llx\"", value);
}

void json_addr(const char *name, __u16 family, const __u8 *addr, __u16 port)
{
	char buf[OUT_ADDR_LEN];

	json_string(name, out_addr(buf, family, addr, port));
}
