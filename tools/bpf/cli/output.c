// SPDX-License-Identifier: GPL-2.0-or-later
/* How values are printed */

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

const char *out_name(char buf[OUT_NAME_LEN], const char *name)
{
	size_t i;

	if (!*name)
		return "-";

	for (i = 0; name[i] && i < OUT_NAME_LEN - 1; i++)
		buf[i] = out_char(name[i]);
	buf[i] = 0;
	return buf;
}

const char *out_num(char buf[OUT_NUM_LEN], __u64 value)
{
	char *at = buf + OUT_NUM_LEN - 1;

	if (value == REC_UNKNOWN)
		return "-";

	*at = 0;
	do {
		*--at = '0' + value % 10;
		value /= 10;
	} while (value);
	return at;
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

/* Runs at exit, whichever way that comes about: what could not be written must not
 * look as if it had been.
 */
static void close_output(void)
{
	bool written = __fpending(stdout) || ferror(stdout);
	bool failed = ferror(stdout);

	errno = 0;
	if (!fclose(stdout) && !failed)
		return;
	/* Whoever starts a service may have closed it */
	if (errno == EBADF && !written)
		return;
	diag("cannot write to standard output%s%s", errno ? ": " : "",
	     errno ? strerror(errno) : "");
	_exit(EXIT_FOUND);
}

void out_init(void)
{
	atexit(close_output);
}
