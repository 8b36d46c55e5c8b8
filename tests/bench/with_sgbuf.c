// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Run a command with a dma-buf as its file descriptor 3 that is made of nothing
 * but the segments named: for binds that must be refused, and for sizes that no
 * memory could hold.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sgbuf_user.h"

#define EXIT_USAGE 2
#define EXIT_NO_COMMAND 127
#define BUFFER_FD 3

static void print_usage(FILE *out)
{
	fprintf(out,
		"usage: with-sgbuf ADDRESS+LENGTH... -- COMMAND [ARG...]\n"
		"\n"
		"Run COMMAND with file descriptor %d open on a dma-buf that has these segments and\n"
		"no memory behind them. Nothing may be received into it. Needs the sgbuf module.\n"
		"\n"
		"EXAMPLE\n"
		"  with-sgbuf 0x10000000000+8192 0x10000800100+4096 -- \\\n"
		"          devmemcat --bind-only -i dms1 -q 1 -d fd:%d\n",
		BUFFER_FD, BUFFER_FD);
}

/* False if @text is not ADDRESS+LENGTH. */
static bool parse_segment(const char *text, struct sgbuf_segment *segment)
{
	unsigned long long addr, len;
	char *end;

	errno = 0;
	addr = strtoull(text, &end, 0);
	if (end == text || *end != '+')
		return false;
	text = end + 1;
	len = strtoull(text, &end, 0);
	if (errno || end == text || *end || !len || len > UINT32_MAX)
		return false;
	*segment = (struct sgbuf_segment){ .addr = addr, .len = len };
	return true;
}

/* The segments in front of "--"; sets @count. */
static struct sgbuf_segment *parse_segments(char **argv, unsigned int *count)
{
	struct sgbuf_segment *segments;
	unsigned int n = 0, i;

	while (argv[n] && strcmp(argv[n], "--"))
		n++;
	if (!n || !argv[n] || !argv[n + 1]) {
		print_usage(stderr);
		exit(EXIT_USAGE);
	}
	segments = calloc(n, sizeof(*segments));
	if (!segments)
		err(EXIT_FAILURE, "%u segments", n);
	for (i = 0; i < n; i++)
		if (!parse_segment(argv[i], &segments[i]))
			errx(EXIT_USAGE, "'%s' is not ADDRESS+LENGTH with a length of 1 to %u",
			     argv[i], UINT32_MAX);
	*count = n;
	return segments;
}

int main(int argc, char **argv)
{
	struct sgbuf_segment *segments;
	unsigned int count;
	int fd;

	if (argc == 2 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		print_usage(stdout);
		return EXIT_SUCCESS;
	}
	segments = parse_segments(argv + 1, &count);
	fd = sgbuf_open(segments, count);
	if (fd < 0)
		return EXIT_FAILURE;
	/* When it is 3 already, dup2() would leave it to be closed by exec. */
	if (fd == BUFFER_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, BUFFER_FD) < 0)
		err(EXIT_FAILURE, "file descriptor %d", BUFFER_FD);
	argv += count + 2;
	execvp(argv[0], argv);
	err(EXIT_NO_COMMAND, "%s", argv[0]);
}
