// SPDX-License-Identifier: GPL-2.0-or-later
/* Rates from two snapshots */

#include <math.h>

#include "rates.h"

static const struct rates unknown = { NAN, NAN, NAN, NAN };

static bool sees(const struct top *top, enum devmem_event event)
{
	return top->events & EV_BIT(event);
}

static struct rates difference(const struct top *top, const struct counted *now)
{
	struct counted last = snapshot_find(&top->last, now->key.binding, now->key.sk);

	return (struct rates){
		.allocs = (now->counts.allocs - last.counts.allocs) / top->seconds,
		.gets = (now->counts.gets - last.counts.gets) / top->seconds,
		.puts = (now->counts.puts - last.counts.puts) / top->seconds,
		.exhausted = (now->counts.exhausted - last.counts.exhausted) / top->seconds,
	};
}

static void leave_known(const struct top *top, struct rates *rates)
{
	if (!sees(top, EV_ALLOC))
		rates->allocs = NAN;
	if (!sees(top, EV_EXHAUSTED))
		rates->exhausted = NAN;
	if (!sees(top, EV_TOKEN_GET))
		rates->gets = NAN;
	if (!sees(top, EV_TOKEN_PUT) || !sees(top, EV_TOKEN_CLOSE))
		rates->puts = NAN;
}

struct rates rates_of_binding(const struct top *top, const struct inv_binding *binding)
{
	struct counted own = snapshot_find(&top->now, binding->k.id, 0);
	struct rates rates, part;
	const struct counted *counted;

	if (!top->seconds)
		return unknown;
	rates = difference(top, &own);
	if (top->kernel_counts)
		return rates;
	counted = snapshot_first(&top->now, binding->k.id);
	for (; counted < top->now.at + top->now.num; counted++) {
		if (counted->key.binding != binding->k.id)
			break;
		if (!counted->key.sk)
			continue;
		part = difference(top, counted);
		rates.gets += part.gets;
		rates.puts += part.puts;
	}
	leave_known(top, &rates);
	return rates;
}

struct rates rates_of_socket(const struct top *top, __u64 binding, __u64 sk)
{
	struct counted counted = snapshot_find(&top->now, binding, sk);
	struct rates rates;

	if (!top->seconds || top->rounds < 2)
		return unknown;
	rates = difference(top, &counted);
	leave_known(top, &rates);
	return rates;
}
