/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that speaks HTTP. It is forked before anything of the kernel is opened, so
 * it has no BPF program, no table and no iterator; it has no privilege either, and cannot
 * look into the process that has them.
 */
#ifndef DEVMEM_FRONT_H
#define DEVMEM_FRONT_H

#include <sys/types.h>

#include "pagelink.h"

/* Starts it; it serves on @sock, which is closed here, what it gets by @link. Returns its
 * pid. Says what is wrong, and returns -1, on failure.
 */
pid_t front_start(int sock, struct pagelink *link);

#endif /* DEVMEM_FRONT_H */
