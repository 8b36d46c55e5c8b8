// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "devmemcat.h"

static void vsay(const char *fmt, va_list args)
{
	char line[1024];

	/* one write, so that the lines of several processes do not mix */
	vsnprintf(line, sizeof(line), fmt, args);
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
}

void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsay(fmt, args);
	va_end(args);
}

int complain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsay(fmt, args);
	va_end(args);
	return -1;
}
