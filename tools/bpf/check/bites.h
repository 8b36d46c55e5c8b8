/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bites who uses device memory on this host */
#ifndef DEVMEM_CHECK_BITES_H
#define DEVMEM_CHECK_BITES_H

#include "args.h"
#include "findings.h"
#include "watch.h"

/* Nonzero, and said so, on failure */
int check_bites(struct findings *findings, struct watch *watch, const struct args *args);

#endif /* DEVMEM_CHECK_BITES_H */
