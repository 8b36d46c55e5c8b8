/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FAULTS_SYMBOLS_H
#define FAULTS_SYMBOLS_H

#include <stdbool.h>

#include "fail.h"

/* Read what functions the kernel has, again if modules came. 0, or -1 after saying why not. */
int symbols_load(void);

/* The functions of this name, at most @max; returns how many there are. */
unsigned int symbols_find(const char *name, struct fail_range *ranges, unsigned int max);

/* The function that @addr is in, or NULL. */
const char *symbols_name(__u64 addr);

#endif
