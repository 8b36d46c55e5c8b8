// SPDX-License-Identifier: GPL-2.0-or-later
/* The pipes between the process that reads the kernel and the one that speaks HTTP */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diag.h"
#include "page.h"
#include "pagelink.h"

enum {
	READY = 'r',
	ASK_TEXT = 't',
	ASK_OPENMETRICS = 'o',
};

/* An answer is its length and the page; a length of 0 stands for none. More than this
 * is no page: the process that sent it is not to be believed.
 */
#define MAX_PAGE	(256U << 20)

/* The ends of a pipe; what is written goes out when it is flushed */
static int open_pipe(FILE **in, FILE **out)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	*in = fdopen(ends[0], "r");
	*out = fdopen(ends[1], "w");
	return *in && *out ? 0 : -1;
}

int pagelink_open(struct pagelink *reader, struct pagelink *front)
{
	if (!open_pipe(&reader->in, &front->out) && !open_pipe(&front->in, &reader->out))
		return 0;
	diag("cannot make a pipe: %s", strerror(errno));
	return -1;
}

void pagelink_close(struct pagelink *link)
{
	fclose(link->in);
	fclose(link->out);
}

static int send_bytes(FILE *out, const void *data, size_t len)
{
	return fwrite(data, 1, len, out) != len;
}

static int receive_bytes(FILE *in, void *data, size_t len)
{
	return fread(data, 1, len, in) != len;
}

int pagelink_ready(const struct pagelink *link)
{
	const char ready = READY;

	return send_bytes(link->out, &ready, 1) || fflush(link->out);
}

static int answer_one(const struct pagelink *link, struct page *page, bool openmetrics)
{
	size_t len = 0;
	char *text = page_write(page, openmetrics, &len);
	uint32_t head = text && len <= MAX_PAGE ? len : 0;
	int err = send_bytes(link->out, &head, sizeof(head)) ||
		  send_bytes(link->out, text, head) || fflush(link->out);

	free(text);
	return err;
}

void pagelink_answer(const struct pagelink *link, struct page *page)
{
	char asked;

	while (!receive_bytes(link->in, &asked, 1)) {
		if (asked != ASK_TEXT && asked != ASK_OPENMETRICS) {
			diag("the process that speaks HTTP asks for %#x, which there is not: it is answered no more",
			     (unsigned char)asked);
			return;
		}
		if (answer_one(link, page, asked == ASK_OPENMETRICS))
			return;
	}
}

bool pagelink_wait(const struct pagelink *link)
{
	char ready;

	return !receive_bytes(link->in, &ready, 1) && ready == READY;
}

char *pagelink_ask(const struct pagelink *link, bool openmetrics, size_t *len)
{
	const char ask = openmetrics ? ASK_OPENMETRICS : ASK_TEXT;
	uint32_t head;
	char *text;

	if (send_bytes(link->out, &ask, 1) || fflush(link->out) ||
	    receive_bytes(link->in, &head, sizeof(head)) ||
	    !head || head > MAX_PAGE)
		return NULL;
	text = malloc(head);
	if (!text || receive_bytes(link->in, text, head)) {
		/* What is left in the pipe would pass for the next answer */
		diag("a page of %u bytes cannot be taken over: %s", head, strerror(errno));
		exit(EXIT_FAILURE);
	}
	*len = head;
	return text;
}

bool pagelink_ended(const struct pagelink *link)
{
	struct pollfd pfd = { .fd = fileno(link->in) };

	return poll(&pfd, 1, 0) == 1 && pfd.revents & POLLHUP;
}
