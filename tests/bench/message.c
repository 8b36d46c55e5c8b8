// SPDX-License-Identifier: GPL-2.0-or-later
/* How parts of devmemcat that a bench uses speak to the user. */
#include <stdarg.h>
#include <stdio.h>
#include <errno.h>

#include "devmemcat.h"

static void vsay(const char *fmt, va_list args)
{
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
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
