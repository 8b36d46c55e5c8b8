// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * timer_panic - a panic in a hard interrupt, whatever the processor was doing
 *
 * For Linux 6.12, on which kdump.t crashes; later ones call hrtimer_init() otherwise.
 */

#include <linux/hrtimer.h>
#include <linux/module.h>

static struct hrtimer timer_panic_timer;

static enum hrtimer_restart timer_panic_now(struct hrtimer *timer)
{
	panic("timer_panic: in an interrupt");
}

static int __init timer_panic_init(void)
{
	hrtimer_init(&timer_panic_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer_panic_timer.function = timer_panic_now;
	hrtimer_start(&timer_panic_timer, ms_to_ktime(500), HRTIMER_MODE_REL);
	return 0;
}
module_init(timer_panic_init);

MODULE_DESCRIPTION("A panic in an interrupt");
MODULE_LICENSE("GPL");
