// SPDX-License-Identifier: GPL-2.0-or-later
#include "pattern.h"

#include <string.h>

#define WORD sizeof(uint64_t)

/* The finalizer of splitmix64: each bit of the index changes half of the word. */
static uint64_t pattern_word(uint64_t index, uint64_t seed)
{
	uint64_t x = index + (seed + 1) * 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

uint8_t pattern_byte(uint64_t offset, uint64_t seed)
{
	return pattern_word(offset / WORD, seed) >> (offset % WORD * 8);
}

/* Bytes before the next word boundary of the stream, at most @len. */
static size_t unaligned_head(uint64_t offset, size_t len)
{
	size_t head = -offset % WORD;

	return head < len ? head : len;
}

void pattern_fill(void *buf, size_t len, uint64_t offset, uint64_t seed)
{
	size_t i, head = unaligned_head(offset, len);
	uint8_t *p = buf;
	uint64_t word;

	for (i = 0; i < head; i++)
		p[i] = pattern_byte(offset + i, seed);
	for (; i + WORD <= len; i += WORD) {
		word = pattern_word((offset + i) / WORD, seed);
		memcpy(p + i, &word, WORD);
	}
	for (; i < len; i++)
		p[i] = pattern_byte(offset + i, seed);
}

size_t pattern_check(const void *buf, size_t len, uint64_t offset, uint64_t seed)
{
	size_t i, head = unaligned_head(offset, len);
	const uint8_t *p = buf;
	uint64_t word;

	for (i = 0; i < head; i++)
		if (p[i] != pattern_byte(offset + i, seed))
			return i;
	for (; i + WORD <= len; i += WORD) {
		memcpy(&word, p + i, WORD);
		if (word != pattern_word((offset + i) / WORD, seed))
			break;
	}
	/* the tail, or the word that differs */
	for (; i < len; i++)
		if (p[i] != pattern_byte(offset + i, seed))
			return i;
	return len;
}
