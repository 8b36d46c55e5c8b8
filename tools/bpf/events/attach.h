/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attach planning: which of the ways to see an event this kernel has. The best
 * one that is there and that the kernel lets us use is loaded, all others are left out.
 */
#ifndef DEVMEM_ATTACH_H
#define DEVMEM_ATTACH_H

#include <stdbool.h>
#include <bpf/libbpf.h>

#include "args.h"
#include "events.h"

/* To be called between open and load. @events: EV_BIT()s the tool can use.
 * Returns the ones that it will see.
 *
 * $DEVMEM_HIDE, a comma separated list of kinds ("tp_btf", "fentry", ...),
 * sections ("fentry/tcp_v4_destroy_sock") or programs, makes ways be passed
 * over; for tests.
 */
unsigned int attach_plan(struct bpf_object *obj, unsigned int events);

/* Has a program be loaded as well that is no event's way, or is another's. False, with
 * nothing changed, if this kernel has not what it hangs on.
 */
bool attach_also(struct bpf_program *prog);

/* Has hand-outs be counted by read, see reads.bpf.h, and not be seen one by one. Returns
 * by what, or NULL if this kernel has no way.
 */
const char *attach_reads(const struct bpf_object *obj);

/* Loads what was planned and attaches it, if nothing that is @needed is missing. Otherwise
 * says what is wrong, and returns nonzero. -v tells when all is attached.
 */
int attach_start(struct bpf_object_skeleton *skeleton, unsigned int planned,
		 unsigned int needed);

/* Turns options into what the programs filter by */
void attach_filter(volatile struct event_filter *filter,
		   const struct args *args);

const char *event_name(enum devmem_event event);

/* The section of the program by which an object that was loaded sees @event,
 * or NULL
 */
const char *attach_way(const struct bpf_object *obj, enum devmem_event event);

/* Events that were not seen because a program was busy on the same CPU, or that it could
 * not make out. Tools that were told of none know of all that happened.
 */
unsigned long long attach_missed(const struct bpf_object *obj);

/* Of these, the tokens that were handed out */
unsigned long long attach_missed_gets(const struct bpf_object *obj);

#endif /* DEVMEM_ATTACH_H */
