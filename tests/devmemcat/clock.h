/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_CLOCK_H
#define DEVMEMCAT_CLOCK_H

#include <time.h>

/* Seconds since @start, of the monotonic clock. */
double seconds_since(const struct timespec *start);

#endif
