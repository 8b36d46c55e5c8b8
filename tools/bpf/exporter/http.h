/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers scrapes, in a thread of its own */
#ifndef DEVMEM_HTTP_H
#define DEVMEM_HTTP_H

#include "page.h"

struct http;

/* Serves @page on a listening socket. Says what is wrong, and returns NULL, on
 * failure.
 */
struct http *http_start(int sock, struct page *page);
void http_stop(struct http *http);

/* Ends connections of clients that are too slow. To be called every second or so. */
void http_expire(struct http *http);

#endif /* DEVMEM_HTTP_H */
