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

int pagelink_open(struct pagelink *reader, struct pagelink *front)
{
	int ask[2], answer[2];

	if (pipe2(ask, O_CLOEXEC)) {
		diag("cannot make a pipe: %s", strerror(errno));
		return -errno;
	}
	if (pipe2(answer, O_CLOEXEC)) {
		diag("cannot make a pipe: %s", strerror(errno));
		close(ask[0]);
		close(ask[1]);
		return -errno;
	}
	*reader = (struct pagelink){ .in = ask[0], .out = answer[1] };
	*front = (struct pagelink){ .in = answer[0], .out = ask[1] };
	return 0;
}

void pagelink_close(struct pagelink *link)
{
	close(link->in);
	close(link->out);
}

static int write_all(int fd, const void *data, size_t len)
{
	const char *at = data;
	ssize_t done;

	while (len) {
		done = write(fd, at, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		at += done;
		len -= done;
	}
	return 0;
}

static int read_all(int fd, void *data, size_t len)
{
	char *at = data;
	ssize_t done;

	while (len) {
		done = read(fd, at, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		at += done;
		len -= done;
	}
	return 0;
}

int pagelink_ready(const struct pagelink *link)
{
	const char ready = READY;

	return write_all(link->out, &ready, 1);
}

static int answer_one(const struct pagelink *link, struct page *page, bool openmetrics)
{
	size_t len = 0;
	char *text = page_write(page, openmetrics, &len);
	uint32_t head = text && len <= MAX_PAGE ? len : 0;
	int err = write_all(link->out, &head, sizeof(head)) ||
		  write_all(link->out, text, head);

	free(text);
	return err;
}

void pagelink_answer(const struct pagelink *link, struct page *page)
{
	char asked;

	while (!read_all(link->in, &asked, 1)) {
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

	return !read_all(link->in, &ready, 1) && ready == READY;
}

char *pagelink_ask(const struct pagelink *link, bool openmetrics, size_t *len)
{
	const char ask = openmetrics ? ASK_OPENMETRICS : ASK_TEXT;
	uint32_t head;
	char *text;

	if (write_all(link->out, &ask, 1) || read_all(link->in, &head, sizeof(head)) ||
	    !head || head > MAX_PAGE)
		return NULL;
	text = malloc(head);
	if (text && !read_all(link->in, text, head)) {
		*len = head;
		return text;
	}
	free(text);
	return NULL;
}

bool pagelink_ended(const struct pagelink *link)
{
	struct pollfd pfd = { .fd = link->in };

	return poll(&pfd, 1, 0) == 1 && pfd.revents & POLLHUP;
}
