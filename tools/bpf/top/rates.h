/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happened in the last interval, by the second */
#ifndef DEVMEM_RATES_H
#define DEVMEM_RATES_H

#include "collect.h"

/* Not a number: not known */
struct rates {
	double allocs, gets, puts, exhausted;
};

struct rates rates_of_binding(const struct top *top, const struct inv_binding *binding);

/* @sk's tokens of the binding with that id */
struct rates rates_of_socket(const struct top *top, __u64 binding, __u64 sk);

#endif /* DEVMEM_RATES_H */
