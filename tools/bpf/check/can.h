/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Can this host do device memory */
#ifndef DEVMEM_CHECK_CAN_H
#define DEVMEM_CHECK_CAN_H

#include "args.h"
#include "findings.h"
#include "watch.h"

/* Whether the kernel can, at all. False, and found so, if there is nothing else to look at. */
bool can_kernel(struct findings *findings);

/* The rest: uAPI, memory, device by device. Nonzero, and said so, on failure. */
int can_host(struct findings *findings, struct watch *watch, const struct args *args);

#endif /* DEVMEM_CHECK_CAN_H */
