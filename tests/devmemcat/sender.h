/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_SENDER_H
#define DEVMEMCAT_SENDER_H

#include <time.h>

#include "devmemcat.h"

/*
 * End the stream and wait until the receiver has read all of it, then tell how it went.
 * Returns 0, or -1 after saying what is wrong.
 */
int sender_end(const struct options *opt, int fd, unsigned long long sent,
	       const struct timespec *start);

#endif
