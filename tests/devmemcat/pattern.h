/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DEVMEMCAT_PATTERN_H
#define DEVMEMCAT_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/*
 * A byte stream in which each byte depends on its position, so that a frag
 * that is lost, doubled, moved or stale does not go unnoticed. @seed tells
 * streams apart.
 */

/* Fill @buf with the @len bytes of the stream that start at @offset. */
void pattern_fill(void *buf, size_t len, uint64_t offset, uint64_t seed);

/*
 * Compare @buf with the stream at @offset. Returns @len if all is as it should
 * be, else the index of the first byte that is not.
 */
size_t pattern_check(const void *buf, size_t len, uint64_t offset, uint64_t seed);

/* The byte of the stream at @offset. */
uint8_t pattern_byte(uint64_t offset, uint64_t seed);

#endif
