/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two pipes between the process that reads the kernel and the one that speaks HTTP. All
 * that can be asked for is a page in one of two formats: whoever takes over the process
 * that strangers talk to has nothing else to ask.
 */
#ifndef DEVMEM_PAGELINK_H
#define DEVMEM_PAGELINK_H

#include <stdbool.h>
#include <stdio.h>

struct page;

/* One end of it */
struct pagelink {
	FILE *in;
	FILE *out;
};

/* Says what is wrong, and returns nonzero, on failure */
int pagelink_open(struct pagelink *reader, struct pagelink *front);
void pagelink_close(struct pagelink *link);

/* Of the process that reads the kernel: says that pages can be had from now on */
int pagelink_ready(const struct pagelink *link);

/* Answers until the other side ends, or asks for what there is not */
void pagelink_answer(const struct pagelink *link, struct page *page);

/* Of the one that speaks HTTP: waits until then. False if that process has ended. */
bool pagelink_wait(const struct pagelink *link);

/* A page, to be freed, and its length in @len; NULL if it could not be made */
char *pagelink_ask(const struct pagelink *link, bool openmetrics, size_t *len);

/* Whether the other side has ended */
bool pagelink_ended(const struct pagelink *link);

#endif /* DEVMEM_PAGELINK_H */
