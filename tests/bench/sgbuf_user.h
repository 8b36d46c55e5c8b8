/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_SGBUF_USER_H
#define BENCH_SGBUF_USER_H

#include "sgbuf.h"

/*
 * Make a dma-buf of @count segments by the sgbuf module. Returns its file
 * descriptor, or -1 after saying what is wrong.
 */
int sgbuf_open(const struct sgbuf_segment *segments, unsigned int count);

#endif
