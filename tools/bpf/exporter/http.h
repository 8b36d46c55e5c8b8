/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers scrapes, in a thread of its own */
#ifndef DEVMEM_HTTP_H
#define DEVMEM_HTTP_H

#include "pagelink.h"

struct http;

/* Serves on a listening socket what it gets by @link. Says what is wrong, and returns NULL, on
 * failure.
 */
struct http *http_start(int sock, const struct pagelink *link);
void http_stop(struct http *http);

/* Ends connections of clients that are too slow. To be called every second or so. */
void http_expire(struct http *http);

#endif /* DEVMEM_HTTP_H */
