/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must hold, whatever was done. */
#ifndef FUZZ_ORACLE_H
#define FUZZ_ORACLE_H

/* What there was to be looked at. */
struct sight {
	unsigned int bindings;
	unsigned int iovs;
	unsigned int user;	/* iovs */
	unsigned int tokens;
};

/*
 * Nothing moves any more, and all is still held: of each binding, counters are
 * what a walk over its iovs finds. Returns 0, or -1 after saying what is wrong.
 */
int oracle_at_rest(struct sight *sight);

/* Nobody holds anything any more: neither a binding nor a dma-buf is left. As above. */
int oracle_all_gone(void);

#endif
