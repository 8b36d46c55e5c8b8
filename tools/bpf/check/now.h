/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong now, by name */
#ifndef DEVMEM_CHECK_NOW_H
#define DEVMEM_CHECK_NOW_H

#include "args.h"
#include "findings.h"
#include "watch.h"

void check_now(struct findings *findings, const struct watch *watch, const struct args *args);

#endif /* DEVMEM_CHECK_NOW_H */
